using MirrorSync.Testing;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Load;

/// <summary>A bootstrap is in progress, as slow as its cap makes it: small pushes do not wait for it.</summary>
public sealed class BulkLaneTests
{
    private const int LargeBytes = 24 << 20;

    private static readonly Region Near = SharedNetwork.Near;

    [Fact]
    public async Task Bootstrap_OverANarrowLink_DelaysNoSmallPush()
    {
        // As fast as it may, all of it takes five minutes; half of the link is left for small pushes.
        const int cap = LargeBytes / 300;
        Dictionary<string, string> capped = new() { ["Bulk:MaxBytesPerSecond"] = cap.ToString(System.Globalization.CultureInfo.InvariantCulture) };
        await using TestNetwork network = await TestNetwork.StartAsync([], static n => LargeAsync(n), capped);
        await AssertSmallPushesPassAsync(network, await network.AddMirrorAsync(Near with { BytesPerSecond = 2 * cap }));
    }

    private static async Task AssertSmallPushesPassAsync(TestNetwork network, TestMirror mirror)
    {
        BareRepository small = await network.CreateRepositoryAsync("small.git", new HistoryShape { Commits = 5 });
        await network.InstallHooksAsync();
        PushClient client = await PushClient.CloneAsync(Path.Combine(network.Folder, "client"), small);
        await mirror.Node.WaitStatusAsync(static s => s.Find("small.git")?.State == "converged", "the small repository");
        for (int i = 0; i < 3; i++)
        {
            string tip = await client.CommitAsync("main", $"small {i}");
            await client.PushAsync("refs/heads/main");
            await Patience.UntilAsync(
                async cancellation => (await StockGit.TryAsync(
                    mirror.Node.Repository("small.git").Path, ["rev-parse", "-q", "--verify", "main"], default, cancellation)).Text.Trim() == tip
                    ? null : "not there",
                "the small push",
                () => mirror.Node.LogTail);

            // All the while the large one is on its way: some of it is here, and not all.
            long here = Incoming(mirror);
            Assert.InRange(here, 1, LargeBytes - 1);
            Assert.False(Directory.Exists(mirror.Node.Repository("large.git").Path));
        }
    }

    private static long Incoming(TestMirror mirror) => new DirectoryInfo(Path.Combine(mirror.Node.Config.Root, ".mirrorsync-incoming"))
        .EnumerateFiles("*", SearchOption.AllDirectories).Sum(static f => f.Length);

    private static async Task LargeAsync(TestNetwork network)
    {
        BareRepository large = await network.CreateRepositoryAsync("large.git", new HistoryShape { Commits = 3 });
        byte[] noise = new byte[LargeBytes];
#pragma warning disable CA5394 // not for secrets: the same seed makes the same bytes
        new Random(5).NextBytes(noise);
#pragma warning restore CA5394
        string blob = await StockGit.FeedAsync(large.Path, noise, "-c", "core.compression=0", "hash-object", "-w", "--stdin");
        string tree = await StockGit.FeedAsync(large.Path, System.Text.Encoding.ASCII.GetBytes($"100644 blob {blob}\tnoise\n"), "mktree");
        await large.GitAsync("update-ref", "refs/heads/main", await large.GitAsync("commit-tree", tree, "-m", "large"));
    }
}
