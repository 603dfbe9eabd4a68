using System.Text.Json;
using System.Text.Json.Serialization;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Maintenance;

/// <summary>What the log says of one repository's object set.</summary>
/// <param name="Baseline">The sequence of its last Baseline.</param>
/// <param name="Closure">Objects that the Baseline's refs reached; null when they were not counted yet.</param>
/// <param name="Shipped">Objects that the Deltas since then brought.</param>
internal sealed record ObjectSetCount(ulong Baseline, long? Closure, long Shipped);

/// <summary>
/// How many objects each repository's object set has, read from the primary's own log: capture does nothing for it, and a
/// file that is lost is made again from the log's beginning. Not thread-safe.
/// </summary>
internal sealed class ObjectSetCounts
{
    private readonly string file;
    private readonly ReplicationLog log;
    private readonly Spool spool;
    private ObjectSetFile known;

    /// <summary>Reads what was kept.</summary>
    public ObjectSetCounts(string file, ReplicationLog log, Spool spool)
    {
        this.file = file;
        this.log = log;
        this.spool = spool;
        known = Read(file);
        if (known.ReadTo > log.Committed.Sequence)
        {
            // Another log's.
            known = new ObjectSetFile(0, []);
        }
    }

    /// <summary>The count of a repository after all that is committed; null when it has no Baseline, or the log no longer goes back to it.</summary>
    public async Task<ObjectSetCount?> ReadAsync(RepositoryName name, CancellationToken cancellation)
    {
        ulong end = log.Committed.Sequence;
        if (known.ReadTo < log.Base.Sequence)
        {
            // What was given up unread cannot be counted any more.
            known = new ObjectSetFile(log.Base.Sequence, []);
        }

        for (ulong sequence = Math.Max(known.ReadTo, log.Base.Sequence) + 1; sequence <= end; sequence++)
        {
            await TakeAsync(log.ReadRecord(sequence), cancellation).ConfigureAwait(false);
            known = known with { ReadTo = sequence };
        }

        return known.Repositories.TryGetValue(name.Value, out ObjectSetCount? count) && (count.Closure is not null || count.Baseline > log.Base.Sequence)
            ? count : null;
    }

    /// <summary>The ids that a repository's last Baseline names.</summary>
    public async Task<HashSet<ObjectId>> TipsAsync(ObjectSetCount count, CancellationToken cancellation)
    {
        LogRecord record = log.ReadRecord(count.Baseline);
        LogRecordBody fields;
        if (record.Spooled is null)
        {
            fields = LogRecordBodyCodec.TryDecode(record.InlineBody, record.Format, out LogRecordBody? inline, out _, out string? error)
                ? inline : throw new InvalidDataException($"record {record.Sequence}: {error}");
        }
        else
        {
            Stream body = spool.OpenBody(record);
            await using (body.ConfigureAwait(false))
            {
                fields = await LogRecordBodyCodec.ReadFieldsAsync(body, record.Format, cancellation).ConfigureAwait(false);
            }
        }

        return RefDifference.NewIds(fields.Updates);
    }

    /// <summary>Takes note of what a Baseline's refs reached, and keeps all counts.</summary>
    public void SetClosure(RepositoryName name, ObjectSetCount count, long closure)
    {
        known.Repositories[name.Value] = count with { Closure = closure };
        Durable.ReplaceFile(file, JsonSerializer.SerializeToUtf8Bytes(known, ObjectSetJson.Default.ObjectSetFile));
    }

    private async Task TakeAsync(LogRecord record, CancellationToken cancellation)
    {
        string name = record.Repository.Value;
        if (record.Kind == LogRecordKind.Baseline)
        {
            known.Repositories[name] = new ObjectSetCount(record.Sequence, null, 0);
        }
        else if (record.Kind == LogRecordKind.Delta && known.Repositories.TryGetValue(name, out ObjectSetCount? count))
        {
            known.Repositories[name] = count with { Shipped = count.Shipped + await ObjectsOfAsync(record, cancellation).ConfigureAwait(false) };
        }
    }

    /// <summary>How many objects a Delta brought: its pack's header says.</summary>
    private async Task<uint> ObjectsOfAsync(LogRecord record, CancellationToken cancellation)
    {
        byte[] head = new byte[PackHeader.Length];
        if (record.Spooled is null)
        {
            bool decoded = LogRecordBodyCodec.TryDecode(record.InlineBody, record.Format, out _, out ReadOnlyMemory<byte> pack, out _);
            head = decoded ? pack[..Math.Min(pack.Length, head.Length)].ToArray() : [];
        }
        else
        {
            Stream body = spool.OpenBody(record);
            await using (body.ConfigureAwait(false))
            {
                await LogRecordBodyCodec.ReadFieldsAsync(body, record.Format, cancellation).ConfigureAwait(false);
                head = head[..await body.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false)];
            }
        }

        return PackHeader.TryDecode(head, out PackHeader header) == PackFault.None ? header.Objects : 0;
    }

    private static ObjectSetFile Read(string file)
    {
        try
        {
            return File.Exists(file)
                ? JsonSerializer.Deserialize(File.ReadAllBytes(file), ObjectSetJson.Default.ObjectSetFile) ?? new ObjectSetFile(0, [])
                : new ObjectSetFile(0, []);
        }
        catch (JsonException)
        {
            // Nothing of it is lost: the log has it all.
            return new ObjectSetFile(0, []);
        }
    }
}

/// <summary>The counts as they are kept.</summary>
/// <param name="ReadTo">The log is read up to this sequence.</param>
/// <param name="Repositories">By name.</param>
internal sealed record ObjectSetFile(ulong ReadTo, Dictionary<string, ObjectSetCount> Repositories);

/// <summary>Source-generated JSON of the counts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ObjectSetFile))]
internal sealed partial class ObjectSetJson : JsonSerializerContext;
