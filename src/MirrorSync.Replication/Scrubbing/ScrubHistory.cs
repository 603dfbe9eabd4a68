using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Repositories;
using MirrorSync.Storage.Scrubbing;

namespace MirrorSync.Replication.Scrubbing;

/// <summary>What is remembered of one repository.</summary>
/// <param name="Seen">When it was first seen.</param>
/// <param name="Oldest">Since when its oldest unscrubbed byte was not read.</param>
/// <param name="Units">Each unit's last scrub, by name.</param>
internal sealed record ScrubbedRepository(DateTimeOffset Seen, DateTimeOffset Oldest, IReadOnlyDictionary<string, ScrubRecord> Units);

/// <summary>The state file as it is kept.</summary>
/// <param name="CycleBegan">When the cycle that is under way, or was last, began; null before the first.</param>
/// <param name="LogAt">When the log was last read whole.</param>
/// <param name="Repositories">By name.</param>
internal sealed record ScrubStateFile(DateTimeOffset? CycleBegan, DateTimeOffset? LogAt, Dictionary<string, ScrubbedRepository> Repositories);

/// <summary>
/// When each part of each repository was scrubbed, kept over restarts so that a cycle goes on where it was. A file that is lost
/// costs a cycle and nothing else. Any thread.
/// </summary>
internal sealed partial class ScrubHistory
{
    private static readonly TimeSpan SaveInterval = TimeSpan.FromSeconds(10);

    private readonly Lock gate = new();
    private readonly string file;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly Dictionary<string, ScrubbedRepository> repositories = new(StringComparer.Ordinal);
    private DateTimeOffset savedAt;
    private bool changed;

    /// <summary>Reads what was kept; a file that cannot be read counts as empty.</summary>
    public ScrubHistory(string file, TimeProvider time, ILogger logger)
    {
        this.file = file;
        this.time = time;
        this.logger = logger;
        try
        {
            if (File.Exists(file) && JsonSerializer.Deserialize(File.ReadAllBytes(file), ScrubJson.Default.ScrubStateFile) is { } kept)
            {
                repositories = new Dictionary<string, ScrubbedRepository>(kept.Repositories, StringComparer.Ordinal);
                CycleBegan = kept.CycleBegan;
                LogAt = kept.LogAt;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException)
        {
            LogNotKept(logger, file, failure.Message);
        }
    }

    /// <summary>When the cycle that is under way, or was last, began; null before the first.</summary>
    public DateTimeOffset? CycleBegan { get; private set; }

    /// <summary>When the log was last read whole; null when never.</summary>
    public DateTimeOffset? LogAt { get; private set; }

    /// <summary>Since when the node's oldest unscrubbed byte was not read; null before anything was seen.</summary>
    public DateTimeOffset? Oldest
    {
        get
        {
            lock (gate)
            {
                return repositories.Count == 0 ? null : repositories.Values.Min(static r => r.Oldest);
            }
        }
    }

    /// <summary>What is remembered of a repository; null when nothing is.</summary>
    public ScrubbedRepository? this[RepositoryName name]
    {
        get
        {
            lock (gate)
            {
                return repositories.GetValueOrDefault(name.Value);
            }
        }
    }

    /// <summary>A cycle begins over these repositories; others are forgotten.</summary>
    public void Begin(DateTimeOffset now, IReadOnlyCollection<RepositoryName> names)
    {
        lock (gate)
        {
            CycleBegan = now;
            Keep(names);
            changed = true;
        }

        Save(force: true);
    }

    /// <summary>Forgets all but these, and sees those that are new.</summary>
    public void Keep(IReadOnlyCollection<RepositoryName> names)
    {
        lock (gate)
        {
            HashSet<string> kept = [.. names.Select(static n => n.Value)];
            foreach (string gone in repositories.Keys.Where(k => !kept.Contains(k)).ToArray())
            {
                changed |= repositories.Remove(gone);
            }

            DateTimeOffset now = time.GetUtcNow();
            foreach (string name in kept)
            {
                changed |= repositories.TryAdd(name, new ScrubbedRepository(now, now, new Dictionary<string, ScrubRecord>()));
            }
        }
    }

    /// <summary>The log was read whole.</summary>
    public void ReadLog(DateTimeOffset at)
    {
        LogAt = at;
        changed = true;
        Save(force: false);
    }

    /// <summary>Takes note of a repository's units as they are now, and of what came of one of them.</summary>
    /// <param name="name">The repository.</param>
    /// <param name="units">All its units.</param>
    /// <param name="result">What came of one; null when none was scrubbed.</param>
    public void Note(RepositoryName name, IReadOnlyList<ScrubUnit> units, ScrubResult? result)
    {
        lock (gate)
        {
            DateTimeOffset now = time.GetUtcNow();
            ScrubbedRepository known = repositories.GetValueOrDefault(name.Value) ?? new ScrubbedRepository(now, now, new Dictionary<string, ScrubRecord>());
            Dictionary<string, ScrubRecord> records = known.Units
                .Where(u => units.Any(n => n.Name == u.Key) && u.Key != result?.Unit.Name).ToDictionary(StringComparer.Ordinal);
            if (result?.Record is { } record)
            {
                records.Add(result.Unit.Name, record);
            }

            // What is younger than the repository here was written then; what is older was there when it was first seen.
            DateTimeOffset oldest = units.Count == 0 ? now : units.Min(u =>
                records.TryGetValue(u.Name, out ScrubRecord? last) && last.IsOf(u) ? last.At
                : u.Name == result?.Unit.Name ? now
                : u.Since > known.Seen ? u.Since : known.Seen);
            repositories[name.Value] = new ScrubbedRepository(known.Seen, oldest < now ? oldest : now, records);
            changed = true;
        }

        Save(force: result?.Unit.Bytes > 64 << 20);
    }

    /// <summary>Writes what changed, now or when it is time to.</summary>
    public void Save(bool force)
    {
        byte[] bytes;
        lock (gate)
        {
            DateTimeOffset now = time.GetUtcNow();
            if (!changed || (!force && now - savedAt < SaveInterval))
            {
                return;
            }

            savedAt = now;
            changed = false;
            bytes = JsonSerializer.SerializeToUtf8Bytes(new ScrubStateFile(CycleBegan, LogAt, repositories), ScrubJson.Default.ScrubStateFile);
        }

        try
        {
            Durable.ReplaceFile(file, bytes);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogNotKept(logger, file, failure.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File}: when scrubs were cannot be kept: {Reason}")]
    private static partial void LogNotKept(ILogger logger, string file, string reason);
}

/// <summary>Source-generated JSON of the state.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ScrubStateFile))]
internal sealed partial class ScrubJson : JsonSerializerContext;
