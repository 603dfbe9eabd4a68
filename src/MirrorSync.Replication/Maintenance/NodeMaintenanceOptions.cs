using MirrorSync.Storage.Maintenance;

namespace MirrorSync.Replication.Maintenance;

/// <summary>What a node's maintenance goes by.</summary>
public sealed record NodeMaintenanceOptions
{
    /// <summary>The share of the time that background work takes where nothing else is said.</summary>
    public const double DefaultShare = 0.25;

    /// <summary>How often a repository is settled at most where nothing else is said.</summary>
    public static readonly TimeSpan DefaultInterval = TimeSpan.FromHours(1);

    /// <summary>The bounds of each repository.</summary>
    public MaintenanceOptions Repository { get; init; } = new();

    /// <summary>The share of the time in which background work goes on, above 0 and at most 1; it rests for the others.</summary>
    public double Share { get; init; } = DefaultShare;

    /// <summary>
    /// A repository with a tenth of new objects is settled again after this time, with any new object after a day of 24 of
    /// these.
    /// </summary>
    public TimeSpan Interval { get; init; } = DefaultInterval;

    /// <summary>Where the last run of each repository is kept, absolute.</summary>
    public required string HistoryFile { get; init; }

    /// <summary>How many processes want a processor: a seam for tests, whose machine may be busy with others.</summary>
    internal Func<double> Load { get; init; } = MachineLoad.Read;
}
