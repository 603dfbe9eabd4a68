using System.Diagnostics.Metrics;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Metrics;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Replication.Status;

namespace MirrorSync.Daemon.Tests.Metrics;

public sealed class MetricsListenerTests : IDisposable
{
    private readonly object scope = new();
    private readonly MetricsListener listener;
    private readonly Meter meter;

    public MetricsListenerTests()
    {
        listener = new MetricsListener(scope);
        meter = new Meter(new MeterOptions("MirrorSync.Test") { Scope = scope });
    }

    public void Dispose()
    {
        meter.Dispose();
        listener.Dispose();
    }

    [Fact]
    public void Expose_EveryKindOfInstrument_HasItsTypeAndUnit()
    {
        meter.CreateCounter<long>("mirrorsync.test.deltas", "{delta}", "Deltas.").Add(3, new KeyValuePair<string, object?>("kind", "ref"));
        meter.CreateUpDownCounter<int>("mirrorsync.test.streams").Add(2);
        meter.CreateGauge<double>("mirrorsync.test.depth", "By").Record(1.5);
        meter.CreateObservableCounter("mirrorsync.test.reads", static () => 7L, "By");
        meter.CreateObservableUpDownCounter("mirrorsync.test.open", static () => 4);
        meter.CreateObservableGauge("mirrorsync.test.lag", static () => 0.25, "s");
        meter.CreateHistogram<double>("mirrorsync.test.apply", "s").Record(0.02);

        PrometheusText text = Expose();

        Assert.Equal("counter", text.Types["mirrorsync_test_deltas_total"]);
        Assert.Equal("Deltas.", text.Helps["mirrorsync_test_deltas_total"]);
        Assert.Equal(3, text.Samples["mirrorsync_test_deltas_total{kind=\"ref\"}"]);
        Assert.Equal("gauge", text.Types["mirrorsync_test_streams"]);
        Assert.Equal(2, text.Samples["mirrorsync_test_streams{}"]);
        Assert.Equal(1.5, text.Samples["mirrorsync_test_depth_bytes{}"]);
        Assert.Equal(7, text.Samples["mirrorsync_test_reads_bytes_total{}"]);
        Assert.Equal(4, text.Samples["mirrorsync_test_open{}"]);
        Assert.Equal(0.25, text.Samples["mirrorsync_test_lag_seconds{}"]);
        Assert.Equal("histogram", text.Types["mirrorsync_test_apply_seconds"]);
        Assert.Equal(1, text.Samples["mirrorsync_test_apply_seconds_count{}"]);
    }

    [Fact]
    public void Expose_Histogram_IsCumulativeInItsAdvisedBuckets()
    {
        Histogram<long> sizes = meter.CreateHistogram<long>(
            "mirrorsync.test.size", "By", advice: new InstrumentAdvice<long> { HistogramBucketBoundaries = [10, 100] });
        foreach (long size in (long[])[5, 10, 11, 1000])
        {
            sizes.Record(size, new KeyValuePair<string, object?>("lane", "bulk"));
        }

        PrometheusText text = Expose();

        Assert.Equal(2, text.Samples["mirrorsync_test_size_bytes_bucket{lane=\"bulk\",le=\"10\"}"]);
        Assert.Equal(3, text.Samples["mirrorsync_test_size_bytes_bucket{lane=\"bulk\",le=\"100\"}"]);
        Assert.Equal(4, text.Samples["mirrorsync_test_size_bytes_bucket{lane=\"bulk\",le=\"+Inf\"}"]);
        Assert.Equal(1026, text.Samples["mirrorsync_test_size_bytes_sum{lane=\"bulk\"}"]);
    }

    [Fact]
    public void Expose_NastyLabelsAndHelp_AreEscaped()
    {
        meter.CreateCounter<int>("mirrorsync.test.nasty", null, "a\\b\nc").Add(1, new KeyValuePair<string, object?>("Re-po", "\"x\\y\"\n{},é"));

        PrometheusText text = Expose();

        Assert.Equal("a\\b\nc", text.Helps["mirrorsync_test_nasty_total"]);
        Assert.Equal(1, text.Samples["mirrorsync_test_nasty_total{re_po=\"\"x\\y\"\n{},é\"}"]);
    }

    [Fact]
    public void Expose_ObservedSeriesThatIsGone_IsGone()
    {
        bool there = true;
        meter.CreateObservableGauge("mirrorsync.test.mirror", () => there
            ? [new Measurement<int>(1, new KeyValuePair<string, object?>("mirror", "ams"))] : Array.Empty<Measurement<int>>());

        Assert.Contains("mirrorsync_test_mirror{mirror=\"ams\"}", Expose().Samples.Keys);
        there = false;
        Assert.DoesNotContain("mirrorsync_test_mirror", Expose().Types.Keys);
    }

    [Fact]
    public void Expose_SameNameWithTwoTypes_KeepsOneType()
    {
        meter.CreateGauge<int>("mirrorsync.test.twice.total").Record(1);
        meter.CreateCounter<int>("mirrorsync.test.twice").Add(5);

        PrometheusText text = Expose();

        Assert.Equal("gauge", text.Types["mirrorsync_test_twice_total"]);
        Assert.Equal(1, text.Samples["mirrorsync_test_twice_total{}"]);
    }

    [Fact]
    public void Expose_TooManyLabelSets_AreBounded()
    {
        Counter<int> counter = meter.CreateCounter<int>("mirrorsync.test.flood");
        for (int i = 0; i < MetricFamily.MaxSeries + 100; i++)
        {
            counter.Add(1, new KeyValuePair<string, object?>("id", i));
        }

        Assert.Equal(MetricFamily.MaxSeries, Expose().Samples.Keys.Count(static k => k.StartsWith("mirrorsync_test_flood", StringComparison.Ordinal)));
    }

    [Fact]
    public void Expose_MetersOfOthers_AreLeftOut()
    {
        using var foreign = new Meter("Foreign.Meter");
        using var otherNode = new Meter(new MeterOptions("MirrorSync.Test") { Scope = new object() });
        using var shared = new Meter("MirrorSync.Shared");
        foreign.CreateCounter<int>("mirrorsync.test.foreign").Add(1);
        otherNode.CreateCounter<int>("mirrorsync.test.other.node").Add(1);
        shared.CreateCounter<int>("mirrorsync.test.shared").Add(1);

        PrometheusText text = Expose();

        Assert.Equal(["mirrorsync_test_shared_total"], text.Types.Keys.Where(static k => k.StartsWith("mirrorsync_test", StringComparison.Ordinal)));
    }

    [Fact]
    public void Expose_NodeMeter_TellsTheStatus()
    {
        MirrorSyncConfig config = Configs.Node("/nowhere");
        NodeStatus status = FakeNode.Fresh(FakeNode.Repository("a.git"), FakeNode.Repository("b\".git", "held", null)) with
        {
            Mirrors = [Mirror("ams", 12), Mirror("sin", null)],
            Findings = new Dictionary<string, long> { ["zeroPaddedFilemode"] = 3 },
        };
        using var node = new NodeMeter(config, () => status, static () => [], scope);

        PrometheusText text = Expose();

        Assert.Equal(1, text.Samples["mirrorsync_ready{}"]);
        Assert.Equal(1.25, text.Samples["mirrorsync_lag_seconds{}"]);
        Assert.Equal(42, text.Samples["mirrorsync_durable_sequence{}"]);
        Assert.Equal(1, text.Samples["mirrorsync_repositories{state=\"held\"}"]);
        Assert.Equal(0, text.Samples["mirrorsync_repositories{state=\"damaged\"}"]);
        Assert.Equal(1.25, text.Samples["mirrorsync_repository_lag_seconds{repository=\"a.git\"}"]);
        Assert.DoesNotContain("mirrorsync_repository_lag_seconds{repository=\"b\".git\"}", text.Samples.Keys);
        Assert.Equal(3, text.Samples["mirrorsync_fsck_findings_total{message=\"zeroPaddedFilemode\"}"]);
        Assert.Equal(0.012, text.Samples["mirrorsync_mirror_notice_to_applied_p50_seconds{mirror=\"ams\",region=\"r\"}"]);
        Assert.DoesNotContain("mirrorsync_mirror_notice_to_applied_p50_seconds{mirror=\"sin\",region=\"r\"}", text.Samples.Keys);
        Assert.Equal(
            1, text.Samples[$"mirrorsync_node_info{{fleet=\"default\",node=\"m1\",region=\"ams\",role=\"Mirror\",version=\"{Daemon.Health.StatusReport.BuildVersion}\"}}"]);

        status = status with { LagSeconds = null };
        text = Expose();
        Assert.Equal(0, text.Samples["mirrorsync_ready{}"]);
        Assert.DoesNotContain("mirrorsync_lag_seconds{}", text.Samples.Keys);
    }

    private static MirrorStatus Mirror(string name, double? p50) => new()
    {
        Node = name,
        Region = "r",
        Connected = true,
        DurableSequence = 40,
        RepositoriesConverged = 2,
        NoticeToAppliedP50Ms = p50,
        NoticeToAppliedP99Ms = p50,
        HeardSecondsAgo = 0.1,
    };

    // Other tests run beside this one and have Meters without a scope; each looks for its own names only.
    private PrometheusText Expose() => PrometheusText.Parse(listener.Expose());
}
