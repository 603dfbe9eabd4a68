namespace MirrorSync.Replication.Repair;

/// <summary>How far the repair of one repository is, and what all its repairs came to since the node started. Any thread.</summary>
internal sealed class RepairProgress
{
    private readonly Lock gate = new();
    private readonly TimeProvider time;
    private string? doing;
    private DateTimeOffset? since;
    private long found;
    private long repaired;
    private long fetched;
    private long fetchedBytes;
    private LastRepair? last;

    /// <param name="time">The clock.</param>
    public RepairProgress(TimeProvider time) => this.time = time;

    /// <summary>What is told of it; null when there was never a repair.</summary>
    public RepairStatus? Status
    {
        get
        {
            lock (gate)
            {
                return doing is null && last is null ? null : new RepairStatus
                {
                    Doing = doing,
                    Since = since,
                    Found = found,
                    Repaired = repaired,
                    Fetched = fetched,
                    FetchedBytes = fetchedBytes,
                    Last = last,
                };
            }
        }
    }

    /// <summary>Something is wrong, and is going to be repaired.</summary>
    public void Begin(string what)
    {
        lock (gate)
        {
            doing = what;
            since ??= time.GetUtcNow();
        }
    }

    /// <summary>This is being done now.</summary>
    public void Is(string what)
    {
        lock (gate)
        {
            doing = what;
        }
    }

    /// <summary>Objects came from another node.</summary>
    public void Came(int objects, long bytes)
    {
        lock (gate)
        {
            fetched += objects;
            fetchedBytes += bytes;
        }
    }

    /// <summary>It is over.</summary>
    public void End(RepairOutcome outcome)
    {
        lock (gate)
        {
            doing = null;
            since = null;
            found += outcome.Found;
            repaired += outcome.Repaired;
            last = new LastRepair(time.GetUtcNow(), outcome.Done, outcome.SnapshotReason);
        }
    }
}

/// <summary>What is told of a repository's repairs, counted since the node started.</summary>
public sealed record RepairStatus
{
    /// <summary>What is being done, in words; null when nothing is.</summary>
    public required string? Doing { get; init; }

    /// <summary>When that was found; null when nothing is being done.</summary>
    public required DateTimeOffset? Since { get; init; }

    /// <summary>Differences found: objects, packs, indexes, refs.</summary>
    public required long Found { get; init; }

    /// <summary>Those that are no more, a snapshot's not counted.</summary>
    public required long Repaired { get; init; }

    /// <summary>Objects that came from other nodes.</summary>
    public required long Fetched { get; init; }

    /// <summary>Bytes that came for them.</summary>
    public required long FetchedBytes { get; init; }

    /// <summary>The last one that ended; null before.</summary>
    public required LastRepair? Last { get; init; }
}

/// <summary>A repair that ended.</summary>
/// <param name="At">When.</param>
/// <param name="Done">What was done, in words, in order; empty when nothing was wrong.</param>
/// <param name="SnapshotReason">Why a snapshot had to follow; null when none had to.</param>
public sealed record LastRepair(DateTimeOffset At, IReadOnlyList<string> Done, string? SnapshotReason);
