using MirrorSync.Testing;
using MirrorSync.Testing.Nodes;

namespace MirrorSync.EndToEnd.Tests.Security;

/// <summary>Nodes that know each other by certificates of one authority, and those that do not belong.</summary>
public sealed class MutualTlsTests
{
    [Fact]
    public async Task Network_OverTls_ConvergesAndFollows()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near], secure: true);
        Assert.Equal("https", network.Primary.Endpoints.Replication.Scheme);
        Scene scene = await Scene.OpenAsync(network, "secret.git");

        await scene.Client.CommitAsync("main", "over tls");
        await scene.Client.PushAsync("refs/heads/main");
        await scene.AssertConvergedAsync();

        await network.Mirrors[0].Node.KillAsync();
        await scene.Client.CommitAsync("main", "while the mirror was down");
        await scene.Client.PushAsync("refs/heads/main");
        await network.Mirrors[0].Node.StartAsync();
        await scene.AssertConvergedAsync();
    }

    [Fact]
    public async Task Mirror_OfAnotherAuthority_IsKeptOutAndSaysSo()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([], secure: true);
        await network.CreateRepositoryAsync("secret.git", new Testing.Repositories.HistoryShape { Commits = 5 });
        using TestAuthority strangers = new(Path.Combine(network.Folder, "strangers"));

        // It trusts the network's authority, so that the refusal is the primary's, of its certificate.
        Dictionary<string, string> tls = new(strangers.Issue("stranger"))
        {
            ["Tls:Authority"] = Path.Combine(network.Folder, "authority", "authority.pem"),
        };
        TestMirror mirror = await network.AddMirrorAsync(new Region("stranger", TimeSpan.Zero), tls);

        await WaitForTheWordAsync(mirror.Node);
        Assert.False(Directory.Exists(mirror.Node.Repository("secret.git").Path));
    }

    [Fact]
    public async Task Mirror_ThatDoesNotTrustThePrimary_SaysSo()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([], secure: true);
        using TestAuthority strangers = new(Path.Combine(network.Folder, "strangers"));
        TestMirror mirror = await network.AddMirrorAsync(new Region("stranger", TimeSpan.Zero), strangers.Issue("stranger"));

        await WaitForTheWordAsync(mirror.Node);
    }

    [Fact]
    public async Task Mirror_WithoutACertificate_CannotReplicateInTheClear()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([], secure: true);
        using TempFolder folder = new();
        await using NodeProcess plain = new(new NodeConfig
        {
            Folder = folder.Path,
            Name = "plain",
            Region = "nowhere",
            Upstream = $"http://127.0.0.1:{network.Primary.Endpoints.Replication.Port}",
        });

        await plain.StartAsync();
        await plain.WaitStatusAsync(
            static s => !s.Connected && s.Reasons.Any(static r => r.Contains("primary 127.0.0.1:", StringComparison.Ordinal)), "a reason");
    }

    [Theory]
    [InlineData("http://0.0.0.0:0", "TLS")]
    [InlineData("https://0.0.0.0:0", "Tls:")]
    public async Task Primary_ListeningForAllWithoutCertificates_RefusesToStart(string replication, string word)
    {
        using TempFolder folder = new();
        await using NodeProcess node = new(new NodeConfig
        {
            Folder = folder.Path,
            Name = "open",
            Region = "home",
            More = new Dictionary<string, string> { ["Listen:Replication"] = replication },
        });

        Assert.NotEqual(0, await node.StartExpectingEndAsync());
        Assert.Contains("Listen:Replication", node.LogTail, StringComparison.Ordinal);
        Assert.Contains(word, node.LogTail, StringComparison.Ordinal);
    }

    /// <summary>The reason names the primary and the certificate, and the node stays unready.</summary>
    private static Task WaitForTheWordAsync(NodeProcess node) => node.WaitStatusAsync(
        static s => !s.Connected && s.Repositories.Count == 0
            && s.Reasons.Any(static r => r.Contains("certificate", StringComparison.OrdinalIgnoreCase)),
        "a word about certificates");
}
