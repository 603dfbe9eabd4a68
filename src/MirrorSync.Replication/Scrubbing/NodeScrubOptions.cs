using MirrorSync.Replication.Maintenance;

namespace MirrorSync.Replication.Scrubbing;

/// <summary>What a node's scrub goes by.</summary>
public sealed record NodeScrubOptions
{
    /// <summary>32 MiB.</summary>
    public const long DefaultMaxBytesPerSecond = 32L << 20;

    /// <summary>How often everything is read where nothing else is said.</summary>
    public static readonly TimeSpan DefaultInterval = TimeSpan.FromDays(1);

    /// <summary>From the beginning of one cycle to the beginning of the next; a longer cycle is followed by the next at once.</summary>
    public TimeSpan Interval { get; init; } = DefaultInterval;

    /// <summary>The most that cycles read in a second; checks that somebody asks for are not bound.</summary>
    public long MaxBytesPerSecond { get; init; } = DefaultMaxBytesPerSecond;

    /// <summary>Where it is kept when each part of each repository was scrubbed, absolute.</summary>
    public required string StateFile { get; init; }

    /// <summary>Where contents too large for memory are kept meanwhile.</summary>
    public required string ScratchFolder { get; init; }

    /// <summary>The log's folder, absolute.</summary>
    public required string LogFolder { get; init; }

    /// <summary>Every body that the log names has to be in the spool, as on a primary.</summary>
    public bool KeepsAllBodies { get; init; }

    /// <summary>How many processes want a processor: a seam for tests, whose machine may be busy with others.</summary>
    internal Func<double> Load { get; init; } = MachineLoad.Read;

    /// <summary>See <see cref="Storage.Scrubbing.ScrubOptions.Settling"/>: a seam for tests.</summary>
    internal TimeSpan Settling { get; init; } = TimeSpan.FromSeconds(2);
}
