using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Files;

namespace MirrorSync.Replication.Primary.Shipping;

/// <summary>One mirror in <see cref="SeenMirrors"/>.</summary>
/// <param name="Node">Its name.</param>
/// <param name="Durable">The record up to which it had the log.</param>
/// <param name="Seen">When it was last heard, on the primary's clock.</param>
internal sealed record SeenMirror(string Node, ulong Durable, DateTimeOffset Seen);

/// <summary>
/// How far each mirror was when it was last heard, kept in a file, so that a restart of the primary does not forget whom its log is
/// kept for. Not thread-safe.
/// </summary>
internal sealed partial class SeenMirrors
{
    private readonly string file;
    private readonly Dictionary<string, SeenMirror> byNode = new(StringComparer.Ordinal);
    private bool changed;

    /// <summary>Reads the file; one that is missing or damaged is none.</summary>
    public SeenMirrors(string file, ILogger logger)
    {
        this.file = file;
        try
        {
            SeenMirror[] read = File.Exists(file) ? JsonSerializer.Deserialize(File.ReadAllBytes(file), SeenMirrorsJson.Default.SeenMirrorArray) ?? [] : [];
            foreach (SeenMirror mirror in read.Where(static m => m is not null).Take(MirrorRoster.MaxMirrors))
            {
                byNode[mirror.Node] = mirror;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException)
        {
            LogUnread(logger, file, failure.Message);
        }
    }

    /// <summary>A mirror was heard.</summary>
    public void Note(string node, ulong durable, DateTimeOffset at)
    {
        // To the minute, so that the file is not written for nothing.
        DateTimeOffset minute = new(at.Ticks - (at.Ticks % TimeSpan.TicksPerMinute), TimeSpan.Zero);
        SeenMirror now = new(node, durable, minute);
        if (!byNode.TryGetValue(node, out SeenMirror? before) || before != now)
        {
            byNode[node] = now;
            changed = true;
        }
    }

    /// <summary>The record up to which all have the log that were seen since, but for those that are told apart; null when there is none.</summary>
    public ulong? Floor(IEnumerable<string> but, DateTimeOffset since)
    {
        HashSet<string> known = [.. but];
        return byNode.Values.Where(m => m.Seen >= since && !known.Contains(m.Node)).Select(static m => (ulong?)m.Durable).Min();
    }

    /// <summary>Writes the file if something changed, without those that were last seen before.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Save(DateTimeOffset since)
    {
        foreach (string node in byNode.Where(m => m.Value.Seen < since).Select(static m => m.Key).ToArray())
        {
            byNode.Remove(node);
            changed = true;
        }

        if (changed)
        {
            Durable.ReplaceFile(file, JsonSerializer.SerializeToUtf8Bytes([.. byNode.Values], SeenMirrorsJson.Default.SeenMirrorArray));
            changed = false;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} cannot be read: nothing of the log is kept for mirrors that are not heard again: {Reason}")]
    private static partial void LogUnread(ILogger logger, string file, string reason);
}

/// <summary>Source-generated JSON for the file.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SeenMirror[]))]
internal sealed partial class SeenMirrorsJson : JsonSerializerContext;
