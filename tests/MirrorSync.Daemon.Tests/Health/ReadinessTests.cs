using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Health;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Replication.Status;

namespace MirrorSync.Daemon.Tests.Health;

public sealed class ReadinessTests
{
    private static readonly MirrorSyncConfig Config = Configs.Node("/nowhere");
    private static readonly MirrorSyncConfig WithPeers =
        Config with { Peers = [new Uri("http://127.0.0.1:1"), new Uri("http://127.0.0.1:2")] };

    [Fact]
    public void OfNode_FreshAndWhole_IsReady()
    {
        ReadinessReport report = Strict(FakeNode.Fresh());

        Assert.True(report.Ready);
        Assert.False(report.Stale);
        Assert.Empty(report.Reasons);
    }

    [Fact]
    public void OfNode_Recovering_IsNotReadyInAnyMode()
    {
        NodeStatus status = FakeNode.Fresh() with { Recovered = false };

        Assert.Equal(["recovering"], Strict(status).Reasons);
        Assert.False(Strict(status).Ready);
        Assert.False(Serve(status).Ready);
    }

    [Fact]
    public void OfNode_Problems_AreTheReasons()
    {
        NodeStatus status = FakeNode.Fresh() with { Problems = ["disk full", "log cannot be written"] };

        Assert.Equal(["disk full", "log cannot be written"], Strict(status).Reasons);
        Assert.False(Strict(status).Ready);
        Assert.False(Serve(status).Ready);
    }

    [Fact]
    public void OfNode_LinkDownWhileFresh_IsReady()
    {
        NodeStatus status = FakeNode.Fresh() with { Connected = false, LinkProblem = "primary p: Connection refused" };

        Assert.True(Strict(status).Ready);
        Assert.Empty(Strict(status).Reasons);
    }

    [Fact]
    public void OfNode_LinkDownAndStale_IsServedAndSaysWhy()
    {
        NodeStatus status = FakeNode.Fresh() with
        {
            Connected = false,
            LinkProblem = "primary p: Connection refused",
            LagSeconds = 20,
            PrimaryHeardSecondsAgo = 20,
        };

        Assert.False(Strict(status).Ready);
        Assert.Contains("primary p: Connection refused", Strict(status).Reasons);
        Assert.True(Serve(status).Ready);
        Assert.True(Serve(status).Stale);
    }

    [Fact]
    public void OfNode_RepositoriesStuckHere_CountLikeDamaged()
    {
        RepositoryStatus stuck = FakeNode.Repository("a.git", "held") with { HeldHere = true };
        NodeStatus status = FakeNode.Fresh(stuck, stuck with { Name = "b.git" }, FakeNode.Repository("c.git"));

        Assert.False(Strict(status).Ready);
        Assert.False(Readiness.OfRepository(ReadinessMode.Strict, stuck, status, Config, []).Ready);
    }

    [Theory]
    [InlineData(15.0, true)]
    [InlineData(15.001, false)]
    [InlineData(double.NaN, false)]
    [InlineData(double.PositiveInfinity, false)]
    [InlineData(null, false)]
    public void OfNode_Lag_IsReadyUpToMaxLag(double? lag, bool ready)
    {
        ReadinessReport report = Strict(FakeNode.Fresh() with { LagSeconds = lag });

        Assert.Equal(ready, report.Ready);
        Assert.Equal(!ready, report.Stale);
        Assert.Equal(ready ? 0 : 1, report.Reasons.Count);
    }

    [Theory]
    [InlineData(100, 0, 0, true)]
    [InlineData(100, 1, 0, true)]
    [InlineData(100, 4, 0, true)]
    [InlineData(100, 5, 0, false)]
    [InlineData(100, 3, 2, false)]
    [InlineData(2, 1, 0, true)]
    [InlineData(10, 2, 0, false)]
    [InlineData(1, 1, 0, false)]
    [InlineData(1, 0, 1, false)]
    [InlineData(2, 0, 1, true)]
    public void OfNode_DamagedOrMissing_CountAgainstMaxHeld(int total, int damaged, int missing, bool ready)
    {
        NodeStatus status = FakeNode.Fresh([.. Enumerable.Range(0, total).Select(i =>
            FakeNode.Repository($"{i}.git", i < damaged ? "damaged" : i < damaged + missing ? "missing" : "converged"))]);

        Assert.Equal(ready, Strict(status).Ready);
        Assert.Equal(ready, Serve(status).Ready);
    }

    [Fact]
    public void OfNode_EverythingHeldAtThePrimary_StaysReady() =>
        Assert.True(Strict(FakeNode.Fresh(FakeNode.Repository("a.git", "held"), FakeNode.Repository("b.git", "held"))).Ready);

    [Theory]

    // No peers: MaxOutage alone decides.
    [InlineData(20.0, 20.0, false, null, true)]
    [InlineData(3600.0, 3600.0, false, null, true)]
    [InlineData(3600.1, 20.0, false, null, false)]
    [InlineData(20.0, 3600.1, false, null, false)]

    // The primary is heard: the lag is ours.
    [InlineData(20.0, 1.0, false, null, false)]
    [InlineData(20.0, 15.0, false, null, false)]

    // Never heard: nothing bounds the outage.
    [InlineData(20.0, null, false, null, false)]
    [InlineData(null, 20.0, false, null, false)]

    // Peers: "silent" or seconds since each heard the primary.
    [InlineData(20.0, 20.0, true, "silent silent", false)]
    [InlineData(20.0, 20.0, true, "30 silent", true)]
    [InlineData(20.0, 20.0, true, "never silent", true)]
    [InlineData(20.0, 20.0, true, "30 30", true)]
    [InlineData(20.0, 20.0, true, "30 2", false)]
    [InlineData(20.0, 20.0, true, "15 silent", false)]
    [InlineData(3700.0, 3700.0, true, "3700 3700", false)]
    public void OfNode_ServeWhileThePrimaryIsGone_FollowsPeersAndMaxOutage(
        double? lag, double? heard, bool withPeers, string? peers, bool ready)
    {
        NodeStatus status = FakeNode.Fresh() with { LagSeconds = lag, PrimaryHeardSecondsAgo = heard, Connected = false };
        PeerWord[] words = [.. (peers ?? string.Empty).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(static (w, i) => w switch
        {
            // Once it heard, long ago, that the primary was fine: a word that is too old to count.
            "silent" => new PeerWord($"p{i}", $"p{i}", false, 1),
            "never" => new PeerWord($"p{i}", $"p{i}", true, null),
            _ => new PeerWord($"p{i}", $"p{i}", true, double.Parse(w, System.Globalization.CultureInfo.InvariantCulture)),
        })];
        MirrorSyncConfig config = withPeers ? WithPeers : Config;

        ReadinessReport serve = Readiness.OfNode(ReadinessMode.Serve, status, config, words);

        Assert.Equal(ready, serve.Ready);
        Assert.True(serve.Stale);
        Assert.NotEmpty(serve.Reasons);
        Assert.False(Readiness.OfNode(ReadinessMode.Strict, status, config, words).Ready);
    }

    [Fact]
    public void OfNode_StaleAndDamaged_IsNotServed() => Assert.False(Serve(FakeNode.Fresh(
        FakeNode.Repository("a.git", "damaged"), FakeNode.Repository("b.git", "damaged"))
        with
    { LagSeconds = 20, PrimaryHeardSecondsAgo = 20 }).Ready);

    [Fact]
    public void OfNode_StalePrimary_IsNotExcused()
    {
        NodeStatus status = FakeNode.Fresh() with { LagSeconds = 20, PrimaryHeardSecondsAgo = 0 };

        Assert.False(Readiness.OfNode(ReadinessMode.Serve, status, Configs.Node("/nowhere", NodeRole.Primary), []).Ready);
    }

    [Theory]
    [InlineData("converged", 1.0, true, false)]
    [InlineData("behind", 1.0, true, false)]
    [InlineData("behind", 16.0, false, true)]
    [InlineData("converged", null, false, true)]
    [InlineData("held", 9999.0, true, true)]
    [InlineData("held", null, true, true)]
    [InlineData("damaged", 1.0, false, false)]
    [InlineData("missing", null, false, true)]
    public void OfRepository_State_Decides(string state, double? lag, bool ready, bool stale)
    {
        RepositoryStatus one = FakeNode.Repository("a.git", state, lag, "why");

        ReadinessReport report = Readiness.OfRepository(ReadinessMode.Strict, one, FakeNode.Fresh(one), Config, []);

        Assert.Equal((ready, stale), (report.Ready, report.Stale));
        Assert.Equal(ready && !stale, report.Reasons.Count == 0);
    }

    [Fact]
    public void OfRepository_OthersDamaged_DoNotMatter()
    {
        RepositoryStatus one = FakeNode.Repository("a.git");
        NodeStatus status = FakeNode.Fresh(one, FakeNode.Repository("b.git", "damaged"), FakeNode.Repository("c.git", "damaged"));

        Assert.False(Strict(status).Ready);
        Assert.True(Readiness.OfRepository(ReadinessMode.Strict, one, status, Config, []).Ready);
    }

    [Fact]
    public void OfRepository_HeldOnANodeThatRecovers_IsNotReady()
    {
        RepositoryStatus one = FakeNode.Repository("a.git", "held");

        Assert.False(Readiness.OfRepository(
            ReadinessMode.Serve, one, FakeNode.Fresh(one) with { Recovered = false }, Config, []).Ready);
    }

    private static ReadinessReport Strict(NodeStatus status) => Readiness.OfNode(ReadinessMode.Strict, status, Config, []);

    private static ReadinessReport Serve(NodeStatus status) => Readiness.OfNode(ReadinessMode.Serve, status, Config, []);
}
