using System.Collections.ObjectModel;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary;

/// <summary>What the log says of one repository.</summary>
/// <param name="State">Its refs and position.</param>
/// <param name="Metadata">Its description, owner and config; null when no record speaks of them.</param>
internal sealed record ReplayedRepository(RepositoryState State, RepositoryMetadata? Metadata)
{
    /// <summary>The records that came since the checkpoint, in their order.</summary>
    public IReadOnlyList<LogRecord> Since { get; init; } = [];

    /// <summary>The values that refs had by these records and no longer have, each ref's oldest first.</summary>
    public IReadOnlyDictionary<RefName, List<RefValue>> Older { get; init; } = ReadOnlyDictionary<RefName, List<RefValue>>.Empty;
}

/// <summary>Where a replay begins: a checkpoint, and what it says of every repository.</summary>
internal sealed record ReplayStart(Checkpoint Checkpoint, IReadOnlyList<StoredState> States);

/// <summary>What the log says at its end.</summary>
/// <param name="Epoch">The last epoch; 0 when the log is empty.</param>
/// <param name="Repositories">
/// Every repository whose records are all there, under the name that it bears at the end. One of whose bodies the spool has
/// lost one is left out, with a warning: the scan sees it as new, and a Baseline says what it is.
/// </param>
/// <param name="Removals">When others were removed lately, in microseconds since 1970.</param>
internal sealed record ReplayedLog(ulong Epoch, IReadOnlyList<ReplayedRepository> Repositories, IReadOnlyList<long> Removals);

/// <summary>What the log says of every repository: the state from which capture goes on after a restart.</summary>
internal static partial class LogReplay
{
    /// <summary>The body of a record, wherever it is kept; the pack is left unread.</summary>
    public static async Task<LogRecordBody> ReadFieldsAsync(LogRecord record, Spool spool, CancellationToken cancellation)
    {
        Stream body = spool.OpenBody(record);
        await using (body.ConfigureAwait(false))
        {
            return await LogRecordBodyCodec.ReadFieldsAsync(body, record.Format, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Reads the log from a checkpoint, or from its beginning. The refs' peeled values are not in the log: they are unknown
    /// (zero) in the snapshots returned.
    /// </summary>
    public static async Task<ReplayedLog> ReadAsync(
        ReplicationLog log, Spool spool, string root, ReplayStart? start, ILogger logger, CancellationToken cancellation)
    {
        ulong epoch = start?.Checkpoint.Epoch ?? 0;
        List<long> removals = [.. start?.Checkpoint.Removals ?? []];
        HashSet<RepositoryName> lost = [];
        Dictionary<RepositoryName, Replayed> found = [];
        foreach (StoredState state in start?.States ?? [])
        {
            found[state.Name] = new Replayed(state);
        }

        ulong after = Math.Max(log.Base.Sequence, start?.Checkpoint.ReplayAfter ?? 0);
        for (ulong sequence = after + 1; sequence <= log.Appended.Sequence; sequence++)
        {
            LogRecord record = log.ReadRecord(sequence);
            epoch = Math.Max(epoch, record.Epoch);
            if (record.Format is not { } format)
            {
                continue;
            }

            if (found.TryGetValue(record.Repository, out Replayed? before) && before.Applied.Sequence >= sequence)
            {
                // The checkpoint's state is younger, and was on the disk with it.
                continue;
            }

            if (record.Kind is LogRecordKind.Baseline or LogRecordKind.Removed)
            {
                lost.Remove(record.Repository);
                found.Remove(record.Repository);
            }

            if (record.Kind == LogRecordKind.Removed)
            {
                removals.Add(record.NoticedAtMicroseconds);
                continue;
            }

            string? problem = null;
            if (!lost.Contains(record.Repository))
            {
                if (!found.TryGetValue(record.Repository, out Replayed? one))
                {
                    found[record.Repository] = one = new Replayed(format, before);
                }

                problem = await TryApplyAsync(one, record, spool, cancellation).ConfigureAwait(false);
            }

            if (problem is not null)
            {
                LogLost(logger, record.Repository, record.Sequence, problem);
                found.Remove(record.Repository);
                lost.Add(record.Repository);
            }

            if (Records.TryGetNewName(record, out RepositoryName newName))
            {
                Rename(record.Repository, newName, found, lost);
            }
        }

        return new ReplayedLog(epoch, [.. found.Select(one => one.Value.ToRepository(one.Key, root))], removals);
    }

    private static void Rename(
        RepositoryName name, RepositoryName newName, Dictionary<RepositoryName, Replayed> found, HashSet<RepositoryName> lost)
    {
        if (lost.Remove(name))
        {
            lost.Add(newName);
        }

        if (found.Remove(name, out Replayed? renamed))
        {
            found[newName] = renamed;
        }

        foreach (Replayed other in found.Values)
        {
            other.BaseRenamed(name, newName);
        }
    }

    private static async Task<string?> TryApplyAsync(Replayed one, LogRecord record, Spool spool, CancellationToken cancellation)
    {
        try
        {
            LogRecordBody body = await ReadFieldsAsync(record, spool, cancellation).ConfigureAwait(false);
            return one.TryApply(body, record) ? null : "it does not follow from the records before it";
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException)
        {
            return failure.Message;
        }
    }

    /// <summary>One repository's refs while its records are read: changed in place, so that a record costs what it changes.</summary>
    private sealed class Replayed
    {
        private readonly ObjectFormat format;
        private readonly Dictionary<RefName, RefValue> values = [];
        private readonly Dictionary<RefName, List<RefValue>> older = [];
        private RefsHash hash = RefsHash.Empty;
        private RepositoryMetadata? metadata;
        private SketchCell? objectSet;

        /// <summary>Begins with nothing: a Baseline follows.</summary>
        /// <param name="format">Its object format.</param>
        /// <param name="before">What the log said of it before; null when it had not heard of it.</param>
        public Replayed(ObjectFormat format, Replayed? before)
        {
            this.format = format;
            Since = before?.Since ?? [];
            older = before?.older ?? [];
            foreach ((RefName name, RefValue value) in before?.values ?? [])
            {
                Passed(name, value);
            }
        }

        /// <summary>Begins with a checkpoint.</summary>
        public Replayed(StoredState state)
        {
            format = state.Format;
            foreach (RefUpdate update in state.Fields.Updates)
            {
                values[update.Name] = update.New;
            }

            hash = hash.With(format, [.. state.Fields.Updates]);
            metadata = MetadataFields.IsIn(state.Fields) ? MetadataFields.Take(new RepositoryMetadata(), state.Fields) : null;
            Applied = state.Applied;
            objectSet = state.ObjectSet;
        }

        /// <summary>The records since the checkpoint.</summary>
        public List<LogRecord> Since { get; } = [];

        /// <summary>The last of them, or the checkpoint's.</summary>
        public LogPosition Applied { get; private set; }

        /// <summary>False when the updates, or the digest after them, are not what the record says.</summary>
        public bool TryApply(LogRecordBody body, LogRecord record)
        {
            foreach (RefUpdate update in body.Updates)
            {
                if (values.GetValueOrDefault(update.Name) != update.Old)
                {
                    return false;
                }

                Passed(update.Name, update.Old);
                values[update.Name] = update.New;
                if (!update.New.Exists)
                {
                    values.Remove(update.Name);
                }
            }

            hash = hash.With(format, [.. body.Updates]);
            metadata = MetadataFields.IsIn(body) ? MetadataFields.Take(metadata ?? new RepositoryMetadata(), body) : metadata;
            Applied = record.Position;
            objectSet = record.After.ObjectSet;
            Since.Add(record);
            return hash.Digest == record.After.Refs;
        }

        /// <summary>Another repository bears another name now.</summary>
        public void BaseRenamed(RepositoryName name, RepositoryName newName) =>
            metadata = metadata is null ? null : MetadataFields.WithRenamed(metadata, name, newName);

        private void Passed(RefName name, RefValue value)
        {
            if (value.Exists)
            {
                (older.TryGetValue(name, out List<RefValue>? had) ? had : older[name] = []).Add(value);
            }
        }

        public ReplayedRepository ToRepository(RepositoryName name, string root)
        {
            values.Remove(RefName.Head, out RefValue head);
            RefSnapshot refs = RefSnapshot.Create(format, head, values.Select(static r => new RefEntry(r.Key, r.Value, default)));
            Repository repository = new(name, name.PathBelow(root), format);
            RepositoryState state = new(repository, RepositoryCondition.Missing, "not looked at since the start", refs, Applied)
            {
                ObjectSet = objectSet,
            };
            return new ReplayedRepository(state, metadata) { Since = Since, Older = older };
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: record {Sequence} cannot be replayed, so a new Baseline will be written: {Reason}")]
    private static partial void LogLost(ILogger logger, RepositoryName repository, ulong sequence, string reason);
}
