using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Replication.Convergence;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Mirror.Removal;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Replication.Status;
using MirrorSync.Serving.GitProtocol;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Daemon.Hosting;

/// <summary>What a node is composed from.</summary>
/// <param name="Config">Its configuration.</param>
/// <param name="Tls">Its certificates; null without TLS. Stays the host's.</param>
/// <param name="LoggerFactory">Where it logs. Stays the host's.</param>
/// <param name="Time">Its clock.</param>
/// <param name="MeterScope">
/// The scope for Meters that belong to this node alone (<see cref="System.Diagnostics.Metrics.MeterOptions.Scope"/>).
/// </param>
internal sealed record NodeContext(
    MirrorSyncConfig Config, NodeTls? Tls, ILoggerFactory LoggerFactory, TimeProvider Time, object MeterScope);

/// <summary>
/// The parts of a node that the host runs and reaches: what replication and serving bring. Made after the data folder is
/// locked; opening files is fine in there, work that takes long belongs into <see cref="RecoverAsync"/>.
/// </summary>
internal sealed record NodeParts
{
    /// <summary>Who knows the node's facts; asked from any thread, at any time after recovery began.</summary>
    public required INodeStatusSource Status { get; init; }

    /// <summary>Brings the node to where it left off. Nothing listens before it is done. A <see cref="StartupException"/> refuses the start.</summary>
    public required Func<CancellationToken, Task> RecoverAsync { get; init; }

    /// <summary>
    /// Handlers on the replication listener by whole path (below <see cref="NodePaths.Replication"/>). They judge the
    /// method themselves. Requests are aborted when the node begins to stop.
    /// </summary>
    public required IReadOnlyDictionary<string, RequestDelegate> Replication { get; init; }

    /// <summary>Everything on the public listener.</summary>
    public required RequestDelegate Public { get; init; }

    /// <summary>
    /// The git:// listener, not yet started, where one is configured; null otherwise. Its
    /// <see cref="GitDaemonOptions.StopGrace"/> must stay below <see cref="NodeHost.StopPatience"/>. Disposed by the host.
    /// </summary>
    public required GitDaemonListener? Git { get; init; }

    /// <summary>
    /// Lets a held repository go on, or all of them when the name is null; returns the names that were let go, null when
    /// there is no such repository.
    /// </summary>
    public required Func<RepositoryName?, CancellationToken, Task<IReadOnlyList<string>?>> AcceptAsync { get; init; }

    /// <summary>The repositories that were removed at the primary; null on a primary.</summary>
    public RepositoryTrash? Trash { get; init; }

    /// <summary>Audits one repository, or all, against a node; null on a primary.</summary>
    public Func<RepositoryName?, Uri?, CancellationToken, Task<IReadOnlyList<AuditOutcome>?>>? AuditAsync { get; init; }

    /// <summary>Nodes that an audit may be against, beside the primary.</summary>
    public IReadOnlyList<Uri> Peers { get; init; } = [];

    /// <summary>Repairs repositories; null on a primary.</summary>
    public RepairParts? Repair { get; init; }

    /// <summary>
    /// Maintains a repository now, or all of them when the name is null, or only tells what would be done; null when there is
    /// no such repository. Null itself where maintenance is switched off.
    /// </summary>
    public Func<RepositoryName?, bool, CancellationToken, Task<IReadOnlyList<MaintenanceOutcome>?>>? MaintainAsync { get; init; }

    /// <summary>Checks what is kept; null where scrubbing is switched off.</summary>
    public NodeScrub? Scrub { get; init; }

    /// <summary>
    /// What runs as long as the node does: started in this order after recovery and before anything listens, stopped in
    /// reverse after everything has stopped listening. One that fails ends the node.
    /// </summary>
    public required IReadOnlyList<IHostedService> Services { get; init; }

    /// <summary>Disposed after everything has stopped; null when there is nothing to dispose.</summary>
    public IAsyncDisposable? Owner { get; init; }
}

/// <summary>Makes the parts of a node.</summary>
/// <exception cref="StartupException">The node cannot start; the message says why.</exception>
internal delegate NodeParts ComposeNode(NodeContext context);
