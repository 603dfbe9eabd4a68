using System.Diagnostics.Metrics;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Health;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Replication.Status;
using MirrorSync.Storage.Scrubbing;

namespace MirrorSync.Daemon.Metrics;

/// <summary>The node's own instruments, all observed from its status at the moment of the scrape.</summary>
internal sealed class NodeMeter : IDisposable
{
    private readonly Meter meter;
    private readonly MirrorSyncConfig config;
    private readonly Func<NodeStatus> status;
    private readonly Func<IReadOnlyList<PeerWord>> peers;

    /// <summary>Makes the instruments.</summary>
    /// <param name="config">The node.</param>
    /// <param name="status">Its facts.</param>
    /// <param name="peers">Its peers' words.</param>
    /// <param name="scope">The scope that its <see cref="MetricsListener"/> listens to.</param>
    public NodeMeter(MirrorSyncConfig config, Func<NodeStatus> status, Func<IReadOnlyList<PeerWord>> peers, object scope)
    {
        this.config = config;
        this.status = status;
        this.peers = peers;
        meter = new Meter(new MeterOptions("MirrorSync.Node") { Scope = scope });
        CreateNodeInstruments();
        CreateRepositoryInstruments();
        CreateMirrorInstruments();
        CreateMaintenanceInstruments();
        CreateScrubInstruments();
        CreateRepairInstruments();
    }

    /// <inheritdoc/>
    public void Dispose() => meter.Dispose();

    private static KeyValuePair<string, object?> Tag(string name, object? value) => new(name, value);

    private static IEnumerable<Measurement<double>> Optional(double? value, params KeyValuePair<string, object?>[] tags) =>
        value is double known ? [new Measurement<double>(known, tags)] : [];

    private void CreateNodeInstruments()
    {
        meter.CreateObservableGauge("mirrorsync.node.info", Info, null, "Always 1; who this node is, as labels.");
        meter.CreateObservableGauge("mirrorsync.ready", () => Judge(ReadinessMode.Strict), null, "1 while /readyz answers 200.");
        meter.CreateObservableGauge("mirrorsync.ready.to.serve", () => Judge(ReadinessMode.Serve), null, "1 while /readyz?mode=serve answers 200.");
        meter.CreateObservableGauge("mirrorsync.connected", () => status().Connected ? 1 : 0, null, "1 while the stream to the primary is open; always 1 on a primary.");
        meter.CreateObservableGauge("mirrorsync.durable.sequence", () => (double)status().Durable.Sequence, null, "Sequence of the last record that is durable here.");
        meter.CreateObservableGauge("mirrorsync.epoch", () => (double)status().Durable.Epoch, null, "Epoch of the last record that is durable here.");
        meter.CreateObservableGauge("mirrorsync.lag", () => Optional(status().LagSeconds), "s", "Largest time since a repository that is not held was last proven equal to the primary; absent when never.");
        meter.CreateObservableCounter("mirrorsync.fsck.findings", Findings, "{finding}", "What git's fsck says of objects taken since the node started.");
        meter.CreateObservableGauge("mirrorsync.primary.heard.age", () => Optional(status().PrimaryHeardSecondsAgo), "s", "Time since the primary was last heard; absent when never.");
    }

    private void CreateRepositoryInstruments()
    {
        meter.CreateObservableGauge("mirrorsync.repositories", CountByState, "{repository}", "Repositories by state.");
        meter.CreateObservableGauge("mirrorsync.trashed", () => status().Trashed, "{repository}", "On a mirror: repositories in its trash.");
        meter.CreateObservableGauge("mirrorsync.repository.lag", RepositoryLags, "s", "Time since the repository was last proven equal to the primary; absent when never.");
    }

    private void CreateMirrorInstruments()
    {
        meter.CreateObservableGauge("mirrorsync.mirror.connected", () => Mirrors(static m => m.Connected ? 1 : 0), null, "On a primary: 1 while the mirror's stream is open.");
        meter.CreateObservableGauge("mirrorsync.mirror.durable.sequence", () => Mirrors(static m => m.DurableSequence), null, "On a primary: the sequence that the mirror last acknowledged as durable.");
        meter.CreateObservableGauge("mirrorsync.mirror.repositories.converged", () => Mirrors(static m => m.RepositoriesConverged), "{repository}", "On a primary: repositories that the mirror acknowledged with an equal ledger.");
        meter.CreateObservableGauge("mirrorsync.mirror.heard.age", () => Mirrors(static m => m.HeardSecondsAgo), "s", "On a primary: time since the mirror was last heard.");
        meter.CreateObservableGauge("mirrorsync.mirror.notice.to.applied.p50", () => Mirrors(static m => m.NoticeToAppliedP50Ms / 1000), "s", "On a primary: from notice to the applied acknowledgement, median of the last 1,000 deltas.");
        meter.CreateObservableGauge("mirrorsync.mirror.notice.to.applied.p99", () => Mirrors(static m => m.NoticeToAppliedP99Ms / 1000), "s", "On a primary: the same, 99th percentile.");
    }

    private void CreateMaintenanceInstruments()
    {
        meter.CreateObservableGauge("mirrorsync.maintenance.packs.max", () => Maintenance(static m => m.MaxPacks), "{pack}", "The most packs that a repository which was worked on has.");
        meter.CreateObservableCounter("mirrorsync.maintenance.folds", () => Maintenance(static m => m.Folds), "{fold}", "Folds of small packs into one.");
        meter.CreateObservableCounter("mirrorsync.maintenance.folding", () => Maintenance(static m => m.FoldSeconds), "s", "Time in folds.");
        meter.CreateObservableCounter("mirrorsync.maintenance.runs", () => Maintenance(static m => m.Runs), "{run}", "Background runs.");
        meter.CreateObservableCounter("mirrorsync.maintenance.running", () => Maintenance(static m => m.RunSeconds), "s", "Time in background runs, pauses included.");
        meter.CreateObservableCounter("mirrorsync.maintenance.reclaimed", () => Maintenance(static m => m.ReclaimedBytes), "By", "By how much packs became smaller.");
        meter.CreateObservableCounter("mirrorsync.maintenance.failures", () => Maintenance(static m => m.Failures), "{failure}", "Folds and background runs that failed.");
        meter.CreateObservableCounter("mirrorsync.maintenance.apply.waits", () => Maintenance(static m => m.ApplyWaits), "{wait}", "How often apply waited for a fold.");
    }

    private void CreateScrubInstruments()
    {
        meter.CreateObservableCounter("mirrorsync.scrub.read", () => Scrub(static s => s.Bytes), "By", "Bytes that scrubs and checks have read.");
        meter.CreateObservableCounter("mirrorsync.scrub.faults", ScrubFaults, "{fault}", "Faults that scrubs and checks have found, by kind.");
        meter.CreateObservableCounter("mirrorsync.scrub.rebuilt", () => Scrub(static s => s.Rebuilt), "{file}", "Derived files that were made anew.");
        meter.CreateObservableCounter("mirrorsync.scrub.cycles", () => Scrub(static s => s.Cycles), "{cycle}", "Times that everything was read.");
        meter.CreateObservableGauge("mirrorsync.scrub.oldest.age", () => Scrub(static s => s.OldestSeconds), "s", "Age of the oldest unscrubbed byte: since it was last read, or first seen.");
    }

    private void CreateRepairInstruments()
    {
        meter.CreateObservableCounter("mirrorsync.repair.found", () => Repairs(static r => r.Found), "{difference}", "On a mirror: differences that repairs found.");
        meter.CreateObservableCounter("mirrorsync.repair.repaired", () => Repairs(static r => r.Repaired), "{difference}", "On a mirror: differences that are no more.");
        meter.CreateObservableCounter("mirrorsync.repair.objects", () => Repairs(static r => r.Fetched), "{object}", "On a mirror: objects that repairs fetched from other nodes.");
        meter.CreateObservableCounter("mirrorsync.repair.fetched", () => Repairs(static r => r.FetchedBytes), "By", "On a mirror: bytes that came for them.");
    }

    private long Repairs(Func<RepairStatus, long> value) => status().Repositories.Sum(r => r.Repair is { } repair ? value(repair) : 0);

    private IEnumerable<Measurement<double>> Scrub(Func<ScrubTotals, double?> value) =>
        status().Scrub is { } totals ? Optional(value(totals)) : [];

    private IEnumerable<Measurement<long>> ScrubFaults() => status().Scrub is { } totals
        ? ScrubFaultKinds.All.Select(static k => k.Name()).Append("log").Select(kind =>
            new Measurement<long>(totals.Faults.GetValueOrDefault(kind), Tag("kind", kind)))
        : [];

    private IEnumerable<Measurement<double>> Maintenance(Func<MaintenanceTotals, double> value) =>
        status().Maintenance is { } totals ? [new Measurement<double>(value(totals))] : [];

    private Measurement<int> Info() => new(
        1,
        Tag("node", config.Node.Name),
        Tag("region", config.Node.Region),
        Tag("role", config.Node.Role.ToString()),
        Tag("fleet", config.Fleet.Id),
        Tag("version", StatusReport.BuildVersion));

    private int Judge(ReadinessMode mode) => Readiness.OfNode(mode, status(), config, peers()).Ready ? 1 : 0;

    private IEnumerable<Measurement<int>> CountByState()
    {
        ILookup<string, RepositoryStatus> byState = status().Repositories.ToLookup(static r => r.State);
        return RepositoryStates.All.Select(state => new Measurement<int>(byState[state].Count(), Tag("state", state)));
    }

    private IEnumerable<Measurement<long>> Findings() =>
        status().Findings.Select(static f => new Measurement<long>(f.Value, Tag("message", f.Key)));

    private IEnumerable<Measurement<double>> RepositoryLags() =>
        status().Repositories.SelectMany(static r => Optional(r.LagSeconds, Tag("repository", r.Name)));

    private IEnumerable<Measurement<double>> Mirrors(Func<MirrorStatus, double?> value) =>
        status().Mirrors.SelectMany(m => Optional(value(m), Tag("mirror", m.Node), Tag("region", m.Region)));
}
