using System.Net;
using System.Text;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Health;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Daemon.Tests.Metrics;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Replication.Convergence;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Replication.Status;
using MirrorSync.Testing;

namespace MirrorSync.Daemon.Tests.Hosting;

public sealed class AdminEndpointsTests : IAsyncLifetime, IDisposable
{
    private readonly TempFolder folder = new();
    private readonly FakeNode node = new();
    private RunningNode running = null!;

    public async Task InitializeAsync() => running = await RunningNode.StartAsync(Configs.Node(folder.Path), node);

    public async Task DisposeAsync() => await running.DisposeAsync();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Healthz_ProcessAlive_IsOkEvenWhenNotReady()
    {
        node.Status = node.Status with { Recovered = false };

        Assert.Equal((HttpStatusCode.OK, "ok\n"), await running.AdminAsync("/healthz"));
    }

    [Fact]
    public async Task Readyz_GoesRedAndGreenWithTheFacts()
    {
        Assert.Equal((HttpStatusCode.OK, "{\"ready\":true,\"stale\":false,\"reasons\":[]}"), await running.AdminAsync("/readyz"));

        node.Status = node.Status with { LagSeconds = 20.5, PrimaryHeardSecondsAgo = 20.5, Connected = false };
        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, "{\"ready\":false,\"stale\":true,\"reasons\":[\"lag 20.5 s is over Freshness:MaxLag 15 s\"]}"),
            await running.AdminAsync("/readyz"));
        Assert.Equal(
            (HttpStatusCode.OK, "{\"ready\":true,\"stale\":true,\"reasons\":[\"lag 20.5 s is over Freshness:MaxLag 15 s\"]}"),
            await running.AdminAsync("/readyz?mode=serve"));

        node.Status = FakeNode.Fresh();
        Assert.Equal(HttpStatusCode.OK, (await running.AdminAsync("/readyz")).Status);
    }

    [Fact]
    public async Task Readyz_OneRepository_SpeaksForItAlone()
    {
        node.Status = FakeNode.Fresh(
            FakeNode.Repository("a.git"), FakeNode.Repository("x/b c.git", "damaged", 1, "pack gone"), FakeNode.Repository("c.git", "held", 99, "refs gone"));

        Assert.Equal(HttpStatusCode.OK, (await running.AdminAsync("/readyz?repo=a.git")).Status);
        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, "{\"ready\":false,\"stale\":false,\"reasons\":[\"damaged: pack gone\"]}"),
            await running.AdminAsync("/readyz?repo=x/b%20c.git"));
        Assert.Equal(
            (HttpStatusCode.OK, "{\"ready\":true,\"stale\":true,\"reasons\":[\"held: refs gone\"]}"),
            await running.AdminAsync("/readyz?repo=c.git"));
        Assert.Equal(HttpStatusCode.NotFound, (await running.AdminAsync("/readyz?repo=none.git")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await running.AdminAsync("/readyz?repo=")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await running.AdminAsync("/readyz?mode=fast")).Status);
    }

    [Fact]
    public async Task Metrics_AreGoodPrometheusText()
    {
        (HttpStatusCode status, string body) = await running.AdminAsync("/metrics");

        Assert.Equal(HttpStatusCode.OK, status);
        PrometheusText text = PrometheusText.Parse(body);
        Assert.Equal(1, text.Samples["mirrorsync_ready{}"]);
        Assert.Equal(2, text.Samples["mirrorsync_repositories{state=\"converged\"}"]);
    }

    [Fact]
    public async Task Index_PointsToThePages() => Assert.Contains("/readyz", (await running.AdminAsync("/")).Body, StringComparison.Ordinal);

    [Fact]
    public async Task Accept_OneOrAll_ReachesTheNode()
    {
        node.Status = FakeNode.Fresh(FakeNode.Repository("a.git", "held"), FakeNode.Repository("b.git", "held"), FakeNode.Repository("c.git"));

        Assert.Equal((HttpStatusCode.OK, "{\"accepted\":[\"a.git\"]}"), await AcceptAsync("{\"repository\":\"a.git\"}"));
        Assert.Equal((HttpStatusCode.OK, "{\"accepted\":[\"a.git\",\"b.git\"]}"), await AcceptAsync("{\"all\":true}"));
        Assert.Equal(["a.git", "*"], node.Accepted);
    }

    [Theory]
    [InlineData("{\"repository\":\"none.git\"}", "application/json", HttpStatusCode.NotFound)]
    [InlineData("{\"repository\":\"../x\"}", "application/json", HttpStatusCode.BadRequest)]
    [InlineData("{\"repository\":\"a.git\",\"all\":true}", "application/json", HttpStatusCode.BadRequest)]
    [InlineData("{}", "application/json", HttpStatusCode.BadRequest)]
    [InlineData("null", "application/json", HttpStatusCode.BadRequest)]
    [InlineData("{", "application/json", HttpStatusCode.BadRequest)]
    [InlineData("{\"all\":true}", "text/plain", HttpStatusCode.UnsupportedMediaType)]
    public async Task Accept_BadRequest_ReachesNobody(string body, string contentType, HttpStatusCode expected)
    {
        Assert.Equal(expected, (await AcceptAsync(body, contentType)).Status);
        Assert.Empty(node.Accepted);
    }

    [Fact]
    public async Task Accept_HugeBody_IsRefused() => Assert.Equal(
        HttpStatusCode.BadRequest, (await AcceptAsync("{\"all\":true," + new string(' ', 1 << 20) + "\"repository\":null}")).Status);

    [Fact]
    public async Task Accept_ByGet_IsRefused() => Assert.Equal(HttpStatusCode.MethodNotAllowed, (await running.AdminAsync("/accept")).Status);

    [Fact]
    public async Task Status_ByPost_IsRefused()
    {
        using var content = new StringContent(string.Empty);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await running.PostAsync(running.Host.Endpoints.Admin + "/status", content)).Status);
    }

    [Fact]
    public async Task Status_IsTheGoldenFile()
    {
        Dictionary<string, long> findings = new() { ["badTimezone"] = 1, ["zeroPaddedFilemode"] = 3 };
        MaintenanceRun run = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), 1.5, 12, 2, 9000, 4000, null);
        AuditOutcome audit = new()
        {
            Repository = "a.git",
            Against = "https://primary:7420",
            At = new DateTimeOffset(2026, 1, 2, 3, 5, 0, TimeSpan.Zero),
            Sequence = 41,
            Objects = 1_000,
            Missing = 1,
            MissingObjects = ["4b825dc642cb6eb9a060e54bf8d69288fbee4904"],
            MissingUnreachable = 2,
            Outside = 3,
            MissingElsewhere = 4,
            Repaired = 1,
            Seconds = 0.5,
            Bytes = 553,
            RoundTrips = 1,
        };
        RepositoryScrubStatus scrub = new(new DateTimeOffset(2026, 1, 2, 3, 0, 0, TimeSpan.Zero), 245.5, 1, ["/r/x.pack at 12: pack-entry: bad; 2 objects"]);
        node.Status = FakeNode.Fresh(FakeNode.Repository("a.git") with { Findings = findings, LastMaintenance = run, LastScrub = scrub, LastAudit = audit }, FakeNode.Repository("b.git", "held", null, "refs gone"))
            with
        {
            Maintenance = new MaintenanceTotals(7, 0.25, 2, 3.5, 5000, 1, 3, 4),
            Scrub = new ScrubTotals(
                2, new DateTimeOffset(2026, 1, 2, 0, 0, 0, TimeSpan.Zero), 9000, new Dictionary<string, long> { ["pack-entry"] = 1 }, 3, 245.5, ["record 7 is damaged"]),
            Problems = ["disk full"],
            Mirrors =
            [
                new MirrorStatus
                {
                    Node = "nyc",
                    Region = "nyc",
                    Connected = true,
                    DurableSequence = 40,
                    RepositoriesConverged = 2,
                    NoticeToAppliedP50Ms = 12.5,
                    NoticeToAppliedP99Ms = null,
                    HeardSecondsAgo = 0.1,
                },
            ],
        };

        string body = (await running.AdminAsync("/status")).Body;

        string golden = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Hosting", "status.golden.json"));
        Assert.Equal(golden.TrimEnd().Replace("VERSION", StatusReport.BuildVersion, StringComparison.Ordinal), body);
    }

    private async Task<(HttpStatusCode Status, string Body)> AcceptAsync(string body, string contentType = "application/json")
    {
        using var content = new StringContent(body, Encoding.UTF8, contentType);
        return await running.PostAsync(running.Host.Endpoints.Admin + NodePaths.Accept, content);
    }
}
