using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Storage.Log;

namespace MirrorSync.Daemon.Configuration;

/// <summary>What the operator wrote, checked and complete: made once at start by <see cref="ConfigLoader"/> and never changed.</summary>
internal sealed record MirrorSyncConfig
{
    /// <summary>Who this node is.</summary>
    public required NodeConfig Node { get; init; }

    /// <summary>Where the repositories are.</summary>
    public required RepositoriesConfig Repositories { get; init; }

    /// <summary>Where MirrorSync keeps its own data.</summary>
    public required DataConfig Data { get; init; }

    /// <summary>Where it listens.</summary>
    public required ListenConfig Listen { get; init; }

    /// <summary>Whom a mirror follows; null on a primary.</summary>
    public required UpstreamConfig? Upstream { get; init; }

    /// <summary>What counts as fresh.</summary>
    public required FreshnessConfig Freshness { get; init; }

    /// <summary>Which fleet it belongs to.</summary>
    public required FleetConfig Fleet { get; init; }

    /// <summary>
    /// The other mirrors' replication addresses. A primary may list them too, so that nodes can share a file; it asks
    /// nobody.
    /// </summary>
    public required IReadOnlyList<Uri> Peers { get; init; }

    /// <summary>The certificates between nodes; null without TLS, which is good for loopback only.</summary>
    public required TlsConfig? Tls { get; init; }

    /// <summary>What clients are told.</summary>
    public required ServingConfig Serving { get; init; }

    /// <summary>How a mirror takes packs, and how much memory a primary takes to make one.</summary>
    public PacksConfig Packs { get; init; } = new(false, true, PacksConfig.DefaultThreads, PacksConfig.DefaultCacheBytes);

    /// <summary>How fast a primary sends what is not a small delta.</summary>
    public BulkConfig Bulk { get; init; } = new(null);

    /// <summary>How much of its log a mirror keeps. A primary may have it too, so that nodes can share a file.</summary>
    public LogRetentionOptions Retention { get; init; } = LogRetentionOptions.Default;

    /// <summary>How a mirror keeps what was removed. A primary may have it too, so that nodes can share a file.</summary>
    public TrashConfig Trash { get; init; } = new(TrashConfig.DefaultRetention);

    /// <summary>How repositories are kept in order.</summary>
    public required MaintenanceConfig Maintenance { get; init; }

    /// <summary>How all that is kept is read again and again.</summary>
    public ScrubConfig Scrub { get; init; } = new(true, NodeScrubOptions.DefaultInterval, NodeScrubOptions.DefaultMaxBytesPerSecond);

    /// <summary><c>Audit:Interval</c> when it is not given.</summary>
    public static TimeSpan DefaultAuditInterval => TimeSpan.FromDays(1);

    /// <summary><c>Audit:Interval</c>: how often a mirror compares each repository with the primary's.</summary>
    public TimeSpan AuditInterval { get; init; } = DefaultAuditInterval;

    /// <summary>What is logged.</summary>
    public required LogConfig Log { get; init; }
}

/// <summary>A node's part in the fleet.</summary>
internal enum NodeRole
{
    /// <summary>Its repositories are the truth.</summary>
    Primary,

    /// <summary>It follows the primary's log.</summary>
    Mirror,
}

/// <summary><c>Node:*</c>.</summary>
/// <param name="Name">Unique in the fleet; 1 to 64 of <c>A-Z a-z 0-9 . _ -</c>.</param>
/// <param name="Region">The region, in the same letters.</param>
/// <param name="Role">Primary or mirror.</param>
internal sealed record NodeConfig(string Name, string Region, NodeRole Role);

/// <summary><c>Repositories:*</c>.</summary>
/// <param name="Root">Absolute folder of bare repositories, found recursively.</param>
/// <param name="ScanInterval">How long after one scan of a primary's root the next begins.</param>
internal sealed record RepositoriesConfig(string Root, TimeSpan ScanInterval);

/// <summary><c>Data:*</c>.</summary>
/// <param name="Path">Absolute folder of the log, the spool, the state and the hooks' files.</param>
internal sealed record DataConfig(string Path)
{
    /// <summary>The folder of checkpoints, ledgers and of whose data this is.</summary>
    public string StateFolder => System.IO.Path.Combine(Path, "state");

    /// <summary>The folder of the replication log.</summary>
    public string LogFolder => System.IO.Path.Combine(Path, "log");

    /// <summary>The folder of the log's large bodies.</summary>
    public string SpoolFolder => System.IO.Path.Combine(Path, "spool");

    /// <summary>The folder that hooks write into.</summary>
    public string NotifyFolder => System.IO.Path.Combine(Path, "notify");

    /// <summary>The file that names the addresses a running daemon listens on.</summary>
    public string EndpointsFile => System.IO.Path.Combine(Path, "endpoints.json");
}

/// <summary><c>Listen:*</c>.</summary>
/// <param name="Public">git clients, plain HTTP.</param>
/// <param name="Replication">Nodes of the fleet: HTTP/2, with mutual TLS wherever it is not loopback.</param>
/// <param name="Admin">Health, metrics, status and the commands behind the CLI, plain HTTP.</param>
/// <param name="Git">git://; null when it is not offered.</param>
internal sealed record ListenConfig(
    ListenAddress Public, ListenAddress Replication, ListenAddress Admin, System.Net.IPEndPoint? Git);

/// <summary><c>Upstream:*</c>.</summary>
/// <param name="Address">The primary's replication address.</param>
internal sealed record UpstreamConfig(Uri Address);

/// <summary><c>Freshness:*</c>.</summary>
/// <param name="MaxLag">The lag above which a node is not ready.</param>
/// <param name="MaxHeld">The share of damaged repositories, 0 to 1, from which a node is not ready; one alone never counts.</param>
/// <param name="MaxOutage">How long a whole mirror may go on serving stale while the primary is gone.</param>
internal sealed record FreshnessConfig(TimeSpan MaxLag, double MaxHeld, TimeSpan MaxOutage);

/// <summary><c>Fleet:*</c>.</summary>
/// <param name="Id">Nodes of different fleets never speak to each other.</param>
internal sealed record FleetConfig(string Id);

/// <summary><c>Tls:*</c>, absolute paths of PEM files.</summary>
/// <param name="Certificate">This node's certificate, intermediates behind it.</param>
/// <param name="Key">Its private key.</param>
/// <param name="Authority">The authority that every node's certificate must come from.</param>
internal sealed record TlsConfig(string Certificate, string Key, string Authority);

/// <summary><c>Serving:*</c>.</summary>
/// <param name="PushUrl">Named to those who try to push here; null names the primary's node name instead.</param>
internal sealed record ServingConfig(string? PushUrl);

/// <summary><c>Packs:*</c>.</summary>
/// <param name="RefuseFindings">Holds a repository rather than taking objects that <c>git fsck --strict</c> would refuse.</param>
/// <param name="DetectCollisions">Looks for collision attacks on SHA-1 in every object, as git does.</param>
/// <param name="Threads">Threads for one pack, 1 to 64; a small pack takes one whatever this says.</param>
/// <param name="CacheBytes">
/// Memory for one pack's contents in bytes, 4 MiB to 32 GiB; taken as it is needed. A primary leaves pushes beyond it to git.
/// </param>
internal sealed record PacksConfig(bool RefuseFindings, bool DetectCollisions, int Threads, long CacheBytes)
{
    /// <summary>32 MiB.</summary>
    public const long DefaultCacheBytes = 32L << 20;

    /// <summary>The cores, at most 4.</summary>
    public static int DefaultThreads { get; } = Math.Min(Environment.ProcessorCount, 4);
}

/// <summary><c>Bulk:*</c>.</summary>
/// <param name="MaxBytesPerSecond">
/// How fast snapshots and spooled bodies go to one mirror at most, 4 KiB to 1 TiB a second; null for as fast as they can.
/// </param>
internal sealed record BulkConfig(long? MaxBytesPerSecond);

/// <summary><c>Trash:*</c>.</summary>
/// <param name="Retention">How long a mirror keeps a repository that was removed at the primary.</param>
internal sealed record TrashConfig(TimeSpan Retention)
{
    /// <summary>Two weeks.</summary>
    public static TimeSpan DefaultRetention { get; } = TimeSpan.FromDays(14);
}

/// <summary><c>Maintenance:*</c>.</summary>
/// <param name="Enabled">Whether there is any; unless it is said, on a mirror and not on a primary.</param>
/// <param name="MaxPacks">The most packs of a repository, 10 to 200.</param>
/// <param name="Share">The share of the time that background work takes, above 0 and at most 1.</param>
/// <param name="Interval">How often a repository with many new objects is settled at most.</param>
/// <param name="PruneGrace">How long a mirror keeps objects that the object set no longer holds.</param>
internal sealed record MaintenanceConfig(bool Enabled, int MaxPacks, double Share, TimeSpan Interval, TimeSpan PruneGrace);

/// <summary><c>Scrub:*</c>.</summary>
/// <param name="Enabled">Whether there is any.</param>
/// <param name="Interval">How often everything is read.</param>
/// <param name="MaxBytesPerSecond">The most that is read in a second, 64 KiB to 64 GiB.</param>
internal sealed record ScrubConfig(bool Enabled, TimeSpan Interval, long MaxBytesPerSecond);

/// <summary><c>Log:*</c>.</summary>
/// <param name="Level">The lowest level that is written.</param>
internal sealed record LogConfig(LogLevel Level);
