using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Health;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Testing;

namespace MirrorSync.Daemon.Tests.Health;

public sealed class PeerWatchTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly FakeNode peer = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Words_PeerAnswersThenFallsSilent_FollowIt()
    {
        peer.Status = peer.Status with { PrimaryHeardSecondsAgo = 7 };
        RunningNode node = await RunningNode.StartAsync(Configs.Node(folder["peer"], name: "m2"), peer);
        using HttpClient client = NodeClients.Create(null);
        using PeerWatch watch = Watch(client, node.Host.Endpoints.Replication);
        await watch.StartAsync(CancellationToken.None);
        try
        {
            await UntilAsync(watch, static w => w is { Answers: true, Node: "m2", HeardSecondsAgo: >= 7 and < 60 });

            peer.Status = peer.Status with { PrimaryHeardSecondsAgo = null };
            await UntilAsync(watch, static w => w is { Answers: true, HeardSecondsAgo: null });
        }
        finally
        {
            await node.DisposeAsync();
        }

        await UntilAsync(watch, static w => w is { Answers: false, Node: "m2" });
        await watch.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task Words_PeerOfAnotherFleet_DoesNotCount()
    {
        MirrorSyncConfig other = Configs.Node(folder["peer"]) with { Fleet = new FleetConfig("other") };
        await using RunningNode node = await RunningNode.StartAsync(other, peer);
        using HttpClient client = NodeClients.Create(null);
        using PeerWatch watch = Watch(client, node.Host.Endpoints.Replication);

        Assert.Equal("it belongs to another fleet", await watch.AskAsync(0, CancellationToken.None));
        Assert.Equal(new PeerWord(node.Host.Endpoints.Replication, null, false, null), Assert.Single(watch.Words()));
    }

    [Fact]
    public async Task Words_NobodyThere_AreSilent()
    {
        using HttpClient client = NodeClients.Create(null);
        using PeerWatch watch = Watch(client, "http://127.0.0.1:1");

        Assert.NotNull(await watch.AskAsync(0, CancellationToken.None));
        Assert.False(Assert.Single(watch.Words()).Answers);
    }

    private static Task UntilAsync(PeerWatch watch, Func<PeerWord, bool> condition) => Patience.UntilAsync(
        _ => Task.FromResult(condition(watch.Words()[0]) ? null : watch.Words()[0].ToString()), "the peer's word");

    private static PeerWatch Watch(HttpClient client, string address)
    {
        MirrorSyncConfig config = Configs.Node("/nowhere") with { Peers = [new Uri(address)] };
        config = config with { Freshness = config.Freshness with { MaxLag = TimeSpan.FromSeconds(3) } };
        return new PeerWatch(config, client, TimeProvider.System, NullLogger<PeerWatch>.Instance);
    }
}
