using System.Globalization;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Replication.Status;

namespace MirrorSync.Daemon.Health;

/// <summary>
/// Judges whether a node, or one of its repositories, is fit to be used: a pure function of facts, so that it goes red
/// again as easily as it went green.
/// </summary>
internal static class Readiness
{
    /// <summary>Judges the node as a whole.</summary>
    /// <param name="mode">The question.</param>
    /// <param name="status">The node's facts.</param>
    /// <param name="config">Its limits.</param>
    /// <param name="peers">What its peers say; empty when it has none.</param>
    public static ReadinessReport OfNode(
        ReadinessMode mode, NodeStatus status, MirrorSyncConfig config, IReadOnlyList<PeerWord> peers)
    {
        var faults = new List<string>(NodeFaults(status));
        faults.AddRange(RepositoryFaults(status, config.Freshness.MaxHeld));
        return Judge(mode, faults, Staleness(status.LagSeconds, config.Freshness), status.LagSeconds, status, config, peers);
    }

    /// <summary>
    /// Judges one repository. One that is damaged, missing or stuck here is not ready, whatever the others are; one that the
    /// primary holds is served at its last proven state, and called stale, as long as the node itself is fit.
    /// </summary>
    public static ReadinessReport OfRepository(
        ReadinessMode mode, RepositoryStatus repository, NodeStatus status, MirrorSyncConfig config, IReadOnlyList<PeerWord> peers)
    {
        var faults = new List<string>(NodeFaults(status));
        bool held = repository is { State: RepositoryStates.Held, HeldHere: false, AppliedSequence: > 0 };
        bool mended = repository is { State: RepositoryStates.Repairing, Served: true };
        if (!held && !mended && repository.State is not (RepositoryStates.Converged or RepositoryStates.Behind))
        {
            faults.Add(Describe(repository));
        }

        // Of what the primary holds nothing newer is to be had; but whether it is still held is known only from the primary.
        double? lag = held ? status.LagSeconds : repository.LagSeconds;
        ReadinessReport report = Judge(mode, faults, Staleness(lag, config.Freshness), lag, status, config, peers);
        return held ? report with { Stale = true, Reasons = [.. report.Reasons, Describe(repository)] } : report;
    }

    private static ReadinessReport Judge(
        ReadinessMode mode,
        List<string> faults,
        string? staleness,
        double? lagSeconds,
        NodeStatus status,
        MirrorSyncConfig config,
        IReadOnlyList<PeerWord> peers)
    {
        if (staleness is null)
        {
            return new ReadinessReport(faults.Count == 0, false, faults);
        }

        List<string> reasons = [.. faults, staleness];
        if (status.LinkProblem is not null)
        {
            reasons.Add(status.LinkProblem);
        }

        if (mode == ReadinessMode.Strict || config.Node.Role == NodeRole.Primary)
        {
            return new ReadinessReport(false, true, reasons);
        }

        string? objection = ObjectionToStale(lagSeconds, status, config, peers);
        if (objection is not null)
        {
            reasons.Add(objection);
        }

        return new ReadinessReport(objection is null && faults.Count == 0, true, reasons);
    }

    /// <summary>
    /// Why a mirror that is not fresh may not be used even so; null when it may. The primary must be gone for everyone:
    /// not heard here within MaxLag, at least one peer answers, and none that answers heard it within MaxLag. A mirror whose
    /// peers are all silent is itself the one that is cut off. Without peers MaxOutage alone decides.
    /// </summary>
    private static string? ObjectionToStale(
        double? lagSeconds, NodeStatus status, MirrorSyncConfig config, IReadOnlyList<PeerWord> peers)
    {
        double maxLag = config.Freshness.MaxLag.TotalSeconds;
        if (lagSeconds is not double lag || status.PrimaryHeardSecondsAgo is not double heard)
        {
            // Nothing tells how long the outage is.
            return "the primary was never heard since this node started";
        }

        if (heard <= maxLag)
        {
            return "the primary is reachable, so the lag is this node's own";
        }

        if (Math.Max(lag, heard) > config.Freshness.MaxOutage.TotalSeconds)
        {
            return $"that is over Freshness:MaxOutage {Seconds(config.Freshness.MaxOutage.TotalSeconds)}";
        }

        if (config.Peers.Count == 0)
        {
            return null;
        }

        var answering = peers.Where(static p => p.Answers).ToList();
        if (answering.Count == 0)
        {
            return "no peer answers either, so this node may be the one that is cut off";
        }

        PeerWord? hearing = answering.FirstOrDefault(p => p.HeardSecondsAgo <= maxLag);
        return hearing is null ? null : $"peer {hearing.Node} hears the primary";
    }

    private static IEnumerable<string> NodeFaults(NodeStatus status) =>
        status.Recovered ? status.Problems : status.Problems.Prepend("recovering");

    private static IEnumerable<string> RepositoryFaults(NodeStatus status, double maxHeld)
    {
        int total = status.Repositories.Count;
        int unusable = status.Repositories.Count(static r => r.HeldHere || r.State is RepositoryStates.Damaged or RepositoryStates.Missing
            || r is { State: RepositoryStates.Repairing, Served: false });

        // One damaged repository never takes a node out; but a node that has nothing whole to serve is not ready.
        bool tooMany = (unusable > 1 && unusable >= maxHeld * total) || (unusable > 0 && unusable == total);
        if (tooMany)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{unusable} of {total} repositories are damaged, missing or stuck here");
        }
    }

    private static string? Staleness(double? lagSeconds, FreshnessConfig freshness)
    {
        if (lagSeconds is not double lag)
        {
            return "never proven equal to the primary";
        }

        // Written so that a NaN counts as stale.
        double maxLag = freshness.MaxLag.TotalSeconds;
        return lag <= maxLag ? null : $"lag {Seconds(lag)} is over Freshness:MaxLag {Seconds(maxLag)}";
    }

    private static string Describe(RepositoryStatus repository) =>
        repository.Reason is null ? repository.State : $"{repository.State}: {repository.Reason}";

    private static string Seconds(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{seconds:0.###} s");
}
