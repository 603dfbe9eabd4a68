using System.Reflection;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Replication.Status;

namespace MirrorSync.Daemon.Health;

/// <summary>What <c>/status</c> tells; every field is explained in docs/STATUS.md.</summary>
internal sealed record StatusReport
{
    public required string Node { get; init; }

    public required string Region { get; init; }

    public required string Role { get; init; }

    public required string Fleet { get; init; }

    public required string Version { get; init; }

    public required ulong Epoch { get; init; }

    public required DurablePosition Durable { get; init; }

    public required string? Primary { get; init; }

    public required bool Connected { get; init; }

    public required double? PrimaryHeardSecondsAgo { get; init; }

    public required double? LagSeconds { get; init; }

    public required bool Recovered { get; init; }

    public required bool Ready { get; init; }

    public required bool ReadyToServe { get; init; }

    public required bool Stale { get; init; }

    public required IReadOnlyList<string> Reasons { get; init; }

    public required IReadOnlyList<RepositoryStatus> Repositories { get; init; }

    public required int Trashed { get; init; }

    public required IReadOnlyList<MirrorStatus> Mirrors { get; init; }

    public required IReadOnlyList<PeerWord> Peers { get; init; }

    public required MaintenanceTotals? Maintenance { get; init; }

    public required ScrubTotals? Scrub { get; init; }

    /// <summary>This build's version, as in <c>0.1.0</c>.</summary>
    public static string BuildVersion { get; } =
        typeof(StatusReport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    /// <summary>Puts the node's facts, its configuration and the judgement of both together.</summary>
    public static StatusReport Make(NodeStatus status, MirrorSyncConfig config, IReadOnlyList<PeerWord> peers)
    {
        ReadinessReport strict = Readiness.OfNode(ReadinessMode.Strict, status, config, peers);
        return new StatusReport
        {
            Node = config.Node.Name,
            Region = config.Node.Region,
            Role = config.Node.Role.ToString(),
            Fleet = config.Fleet.Id,
            Version = BuildVersion,
            Epoch = status.Durable.Epoch,
            Durable = new DurablePosition(status.Durable.Epoch, status.Durable.Sequence, status.Durable.Chain.ToString()),
            Primary = status.Primary,
            Connected = status.Connected,
            PrimaryHeardSecondsAgo = status.PrimaryHeardSecondsAgo,
            LagSeconds = status.LagSeconds,
            Recovered = status.Recovered,
            Ready = strict.Ready,
            ReadyToServe = Readiness.OfNode(ReadinessMode.Serve, status, config, peers).Ready,
            Stale = strict.Stale,
            Reasons = strict.Reasons,
            Repositories = status.Repositories,
            Trashed = status.Trashed,
            Mirrors = status.Mirrors,
            Peers = peers,
            Maintenance = status.Maintenance,
            Scrub = status.Scrub,
        };
    }
}

/// <summary>The position up to which records and bodies are durable here.</summary>
/// <param name="Epoch">Which log.</param>
/// <param name="Sequence">How far.</param>
/// <param name="Chain">The hash chain up to there, 64 hex digits.</param>
internal sealed record DurablePosition(ulong Epoch, ulong Sequence, string Chain);
