using System.Collections.ObjectModel;
using MirrorSync.Replication.Convergence;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Storage.Log;

namespace MirrorSync.Replication.Status;

/// <summary>The facts of a node at one moment: what /status, /readyz, the metrics and the CLI are made of.</summary>
public sealed record NodeStatus
{
    /// <summary>True once recovery is over and the node may speak for its repositories.</summary>
    public required bool Recovered { get; init; }

    /// <summary>The position up to which records and their bodies are durable here.</summary>
    public required LogPosition Durable { get; init; }

    /// <summary>The primary's node name as its hello gave it; this node's own name on a primary; null before the first hello.</summary>
    public required string? Primary { get; init; }

    /// <summary>True while the stream to the primary is open; always true on a primary.</summary>
    public required bool Connected { get; init; }

    /// <summary>Why there is no stream to the primary, in words; null while there is one, and on a primary.</summary>
    public string? LinkProblem { get; init; }

    /// <summary>Seconds since the primary was last heard, on this node's clock; 0 on a primary, null when never.</summary>
    public required double? PrimaryHeardSecondsAgo { get; init; }

    /// <summary>
    /// The node's lag in seconds: the largest of its repositories that are not held; null when nothing was ever proven.
    /// On a primary the age of its own last look at its disk.
    /// </summary>
    public required double? LagSeconds { get; init; }

    /// <summary>What is wrong with the node as a whole, in words; empty when nothing is.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary>Every repository, in the order of their names.</summary>
    public required IReadOnlyList<RepositoryStatus> Repositories { get; init; }

    /// <summary>On a mirror: how many repositories are in its trash.</summary>
    public int Trashed { get; init; }

    /// <summary>On a primary: the mirrors that have said hello since it started.</summary>
    public required IReadOnlyList<MirrorStatus> Mirrors { get; init; }

    /// <summary>How often each of git's fsck messages was found in the objects taken since the node started, by git's names.</summary>
    public IReadOnlyDictionary<string, long> Findings { get; init; } = ReadOnlyDictionary<string, long>.Empty;

    /// <summary>What maintenance did since the node started; null where it is switched off.</summary>
    public MaintenanceTotals? Maintenance { get; init; }

    /// <summary>How the scrub stands; null where it is switched off.</summary>
    public ScrubTotals? Scrub { get; init; }
}

/// <summary>One repository's standing on a node.</summary>
public sealed record RepositoryStatus
{
    /// <summary>The repository's name.</summary>
    public required string Name { get; init; }

    /// <summary><c>sha1</c> or <c>sha256</c>.</summary>
    public required string Format { get; init; }

    /// <summary><c>converged</c>, <c>behind</c>, <c>held</c>, <c>damaged</c> or <c>missing</c>.</summary>
    public required string State { get; init; }

    /// <summary>Why it is held, damaged or missing; null otherwise.</summary>
    public required string? Reason { get; init; }

    /// <summary>True when it is held for a fault of this node's own (its disk, say) and not at the primary.</summary>
    public bool HeldHere { get; init; }

    /// <summary>True when clients are answered from it.</summary>
    public bool Served { get; init; } = true;

    /// <summary>What is, or was, repaired; null when nothing ever was since the node started.</summary>
    public RepairStatus? Repair { get; init; }

    /// <summary>The sequence up to which it is applied (on a primary: captured).</summary>
    public required ulong AppliedSequence { get; init; }

    /// <summary>The digest of its refs as shown to clients, 64 hex digits.</summary>
    public required string RefsDigest { get; init; }

    /// <summary>How many refs it shows.</summary>
    public required int Refs { get; init; }

    /// <summary>Seconds since it was last proven equal to the primary; null when never.</summary>
    public required double? LagSeconds { get; init; }

    /// <summary>
    /// How often each of git's fsck messages was found in the objects that came since this copy was installed, or since the
    /// node started if that was later, by git's names; empty on a primary.
    /// </summary>
    public IReadOnlyDictionary<string, long> Findings { get; init; } = ReadOnlyDictionary<string, long>.Empty;

    /// <summary>The last run of background maintenance; null when there was none.</summary>
    public MaintenanceRun? LastMaintenance { get; init; }

    /// <summary>Its last audit; null when there was none since the start, and on a primary.</summary>
    public AuditOutcome? LastAudit { get; init; }

    /// <summary>How its scrub stands; null before it was first seen, and where it is switched off.</summary>
    public RepositoryScrubStatus? LastScrub { get; init; }
}

/// <summary>A mirror as its primary sees it.</summary>
public sealed record MirrorStatus
{
    /// <summary>The mirror's node name.</summary>
    public required string Node { get; init; }

    /// <summary>The mirror's region.</summary>
    public required string Region { get; init; }

    /// <summary>True while its stream is open.</summary>
    public required bool Connected { get; init; }

    /// <summary>The sequence that it last acknowledged as durable.</summary>
    public required ulong DurableSequence { get; init; }

    /// <summary>How many repositories it has acknowledged as applied at their last record, with an equal ledger.</summary>
    public required int RepositoriesConverged { get; init; }

    /// <summary>Milliseconds from notice to the applied acknowledgement, median of the last 1,000 deltas; null before the first.</summary>
    public required double? NoticeToAppliedP50Ms { get; init; }

    /// <summary>The same, 99th percentile.</summary>
    public required double? NoticeToAppliedP99Ms { get; init; }

    /// <summary>Seconds since it was last heard.</summary>
    public required double HeardSecondsAgo { get; init; }
}

/// <summary>Whoever knows a node's facts: the primary's and the mirror's side of replication.</summary>
public interface INodeStatusSource
{
    /// <summary>The facts as of now.</summary>
    NodeStatus GetStatus();
}
