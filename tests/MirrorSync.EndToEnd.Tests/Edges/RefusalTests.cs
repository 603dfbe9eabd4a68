using MirrorSync.Testing;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Edges;

/// <summary>What a node refuses, and with which words.</summary>
public sealed class RefusalTests(SharedNetwork shared) : IClassFixture<SharedNetwork>
{
    private TestNetwork Network => shared.Network;

    [Fact]
    public async Task Push_ToAMirror_IsRefusedNamingThePrimary()
    {
        Scene scene = await Scene.OpenAsync(Network, "refused.git");
        await scene.Client.CommitAsync("main", "to the wrong place");
        string url = Network.Mirrors[0].Node.CloneUrl(scene.Name);

        GitResult result = await StockGit.TryAsync(scene.Client.Local.Path, ["push", url, "refs/heads/main"]);

        Assert.NotEqual(0, result.Code);
        Assert.Contains("primary", result.Error, StringComparison.Ordinal);
        await scene.AssertConvergedAsync();
    }

    [Fact]
    public async Task Start_WithDataOfAnotherNode_Refuses()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        NodeProcess mirror = network.Mirrors[0].Node;
        await mirror.StopAsync();
        NodeConfig other = mirror.Config with { Name = "somebody-else" };
        await using NodeProcess imposter = new(other);

        int code = await imposter.StartExpectingEndAsync();

        Assert.NotEqual(0, code);
        Assert.Contains("somebody-else", imposter.LogTail.Split('\n', 2)[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_WithDataOfAnotherFleet_Refuses()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        NodeProcess mirror = network.Mirrors[0].Node;
        await mirror.StopAsync();
        await using NodeProcess imposter = new(mirror.Config with { Fleet = "strangers" });

        Assert.NotEqual(0, await imposter.StartExpectingEndAsync());
        Assert.Contains("strangers", imposter.LogTail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_WithAPortInUse_Refuses()
    {
        using TempFolder folder = new();
        await using NodeProcess node = new(new NodeConfig
        {
            Folder = folder.Path,
            Name = "second",
            Region = "home",
            More = new Dictionary<string, string> { ["Listen:Public"] = Network.Primary.Endpoints.Public.AbsoluteUri.TrimEnd('/') },
        });

        Assert.NotEqual(0, await node.StartExpectingEndAsync());
        Assert.Contains(Network.Primary.Endpoints.Public.Port.ToString(System.Globalization.CultureInfo.InvariantCulture), node.LogTail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mirror_WhoseUpstreamIsNoMirrorSync_IsNotReadyAndSaysWhy()
    {
        // git smart HTTP is no replication: the primary's own public listener stands for any web server.
        using TempFolder folder = new();
        await using NodeProcess node = new(new NodeConfig
        {
            Folder = folder.Path,
            Name = "lost",
            Region = "nowhere",
            Upstream = Network.Primary.Endpoints.Public.AbsoluteUri.TrimEnd('/'),
        });

        await node.StartAsync();
        await Patience.UntilAsync(
            async _ =>
            {
                (System.Net.HttpStatusCode code, string body) = await node.AdminAsync("readyz");
                Assert.NotEqual(System.Net.HttpStatusCode.OK, code);
                return body.Contains("MirrorSync", StringComparison.OrdinalIgnoreCase) ? null : body;
            },
            "a reason", () => node.LogTail);
    }

    [Fact]
    public async Task Mirror_OfAnotherFleet_IsNotReadyAndSaysWhy()
    {
        using TempFolder folder = new();
        await using NodeProcess node = new(new NodeConfig
        {
            Folder = folder.Path,
            Name = "stranger",
            Region = "nowhere",
            Fleet = "strangers",
            Upstream = Network.Primary.Endpoints.Replication.AbsoluteUri.TrimEnd('/'),
        });

        await node.StartAsync();
        await Patience.UntilAsync(
            async _ =>
            {
                (System.Net.HttpStatusCode code, string body) = await node.AdminAsync("readyz");
                Assert.NotEqual(System.Net.HttpStatusCode.OK, code);
                return body.Contains("fleet", StringComparison.OrdinalIgnoreCase) ? null : body;
            },
            "a reason", () => node.LogTail);
    }
}
