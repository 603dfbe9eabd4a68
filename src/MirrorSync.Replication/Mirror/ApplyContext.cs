using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Mirror.Removal;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Status;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>What every repository's apply shares on a mirror.</summary>
/// <param name="Log">The mirror's own log.</param>
/// <param name="Spool">Its spool.</param>
/// <param name="Table">What readers see.</param>
/// <param name="Indexer">Puts packs into repositories.</param>
/// <param name="Bulk">Fetches from the primary.</param>
/// <param name="Snapshots">Brings repositories up from nothing.</param>
/// <param name="BodyPresent">Called with a record's sequence once its body is here, or is no longer needed.</param>
/// <param name="Applied">Called with each acknowledgement.</param>
/// <param name="Time">The clock.</param>
/// <param name="Logger">Where apply reports.</param>
internal sealed record ApplyContext(
    ReplicationLog Log,
    Spool Spool,
    RepositoryTable Table,
    PackIndexer Indexer,
    BulkClient Bulk,
    SnapshotInstaller Snapshots,
    Action<ulong> BodyPresent,
    Action<AppliedFrame> Applied,
    TimeProvider Time,
    ILogger Logger)
{
    /// <summary>
    /// Completes once a checkpoint has been written that knows of everything done before the call; false when it could
    /// not be.
    /// </summary>
    public required Func<CancellationToken, Task<bool>> Checkpoint { get; init; }

    /// <summary>Told of disks that fail.</summary>
    public required NodeProblems Problems { get; init; }

    /// <summary>The folder of all repositories, absolute.</summary>
    public required string Root { get; init; }

    /// <summary>What is wrong with that folder as a whole; null when it is the one that this node filled.</summary>
    public Func<string?> RootProblem { get; init; } = static () => null;

    /// <summary>Where removed repositories go.</summary>
    public required RepositoryTrash Trash { get; init; }

    /// <summary>Completes when the node runs; until then everything is only queued.</summary>
    public required Task Running { get; init; }

    /// <summary>The repositories' objects; the node closes them at its end.</summary>
    public required OpenStores Stores { get; init; }

    /// <summary>Keeps the packs few, and whoever else changes packs out; null when nobody maintains them.</summary>
    public required NodeMaintenance? Maintenance { get; init; }

    /// <summary>Brings back what is damaged.</summary>
    public required RepositoryRepair Repair { get; init; }

    /// <summary>What the log brought into each repository.</summary>
    public required FollowedObjectSets ObjectSets { get; init; }

    /// <summary>What fsck found in all that was taken since the node started.</summary>
    public FindingCounts Findings { get; } = new();

    /// <summary>How long a refused snapshot is not asked for again.</summary>
    public required TimeSpan RefusedAgainAfter { get; init; }

    /// <summary>How many repositories apply at once.</summary>
    public SemaphoreSlim Gate { get; } = new(Math.Max(2, Environment.ProcessorCount));

    /// <summary>How many apply what is large at once: no small delta waits for these.</summary>
    public SemaphoreSlim LargeGate { get; } = new(Math.Max(1, Environment.ProcessorCount / 2));

    /// <summary>How many snapshots come at once.</summary>
    public SemaphoreSlim SnapshotGate { get; } = new(2);
}
