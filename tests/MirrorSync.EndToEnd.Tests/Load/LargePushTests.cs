using System.Globalization;
using System.Text;
using MirrorSync.Testing;
using MirrorSync.Testing.Network;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Load;

/// <summary>A push whose body is spooled: it travels beside the stream, and nobody waits for it.</summary>
public sealed class LargePushTests
{
    private const int Blobs = 6;
    private const int BlobLength = 5 << 20;

    // Far above what the stream carries in these tests, far below the body.
    private const int Held = 4 << 20;

    private const string Branch = "refs/heads/large";

    [Fact]
    public async Task Push_OfThirtyMegabytes_ArrivesAndHoldsUpNobody()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene large = await Scene.OpenAsync(network, "large.git", commits: 5);
        Scene small = await Scene.OpenAsync(network, "small.git", commits: 5);
        TestMirror mirror = network.Mirrors[0];
        string id = await CommitLargeAsync(large.Client, seed: 1);

        mirror.Link.LimitDown(Held);
        await large.Client.PushAsync($"{id}:{Branch}");
        await BodyIsOnItsWayAsync(mirror.Node);
        string tip = await small.Client.CommitAsync("main", "while the large one is on its way");
        await small.Client.PushAsync("refs/heads/main");
        await small.WaitCopyAsync("refs/heads/main", tip);

        Assert.DoesNotContain(Branch, await large.Copy.RefsTextAsync(), StringComparison.Ordinal);
        NodeStatusView primary = await network.Primary.GetStatusAsync();
        NodeStatusView behind = await mirror.Node.GetStatusAsync();
        Assert.Equal("behind", behind.Find(large.Name)!.State);

        // A record without its body is not durable, nor is any after it.
        Assert.True(behind.Durable.Sequence + 2 <= primary.Durable.Sequence, $"{behind.Durable} of {primary.Durable}");

        mirror.Link.LimitDown(null);
        await large.AssertConvergedAsync();
        await mirror.Node.WaitStatusAsync(s => s.Durable.Sequence == primary.Durable.Sequence, "all of the log to be durable");
        Assert.Equal(id, await large.Copy.IdOfAsync(Branch));
        Assert.NotEmpty(Spooled(network.Primary));
        Assert.Equal(Spooled(network.Primary), Spooled(mirror.Node));
    }

    [Fact]
    public async Task Mirror_KilledWhileTheBodyIsOnItsWay_RecoversByItself()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene scene = await Scene.OpenAsync(network, "large.git", commits: 5);
        TestMirror mirror = network.Mirrors[0];
        string before = await scene.Copy.RefsTextAsync();

        mirror.Link.LimitDown(Held);
        await scene.Client.PushAsync($"{await CommitLargeAsync(scene.Client, seed: 2)}:{Branch}");
        await BodyIsOnItsWayAsync(mirror.Node);
        await mirror.Node.KillAsync();
        string after = await scene.Client.CommitAsync("main", "behind the large one");
        await scene.Client.PushAsync("refs/heads/main");
        await mirror.Node.StartAsync();

        // It is up with its record and still without the body: it serves what it had.
        await BodyIsOnItsWayAsync(mirror.Node);
        Assert.Equal(before, await scene.Copy.RefsTextAsync());
        mirror.Link.LimitDown(null);

        await scene.AssertConvergedAsync();
        Assert.Equal(after, await scene.Copy.IdOfAsync("refs/heads/main"));
        Assert.Equal(Spooled(network.Primary), Spooled(mirror.Node));
    }

    [Fact]
    public async Task Primary_KilledWhileTheBodyIsOnItsWay_TheMirrorAsksAgain()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene scene = await Scene.OpenAsync(network, "large.git", commits: 5);
        TestMirror mirror = network.Mirrors[0];

        mirror.Link.LimitDown(Held);
        await scene.Client.PushAsync($"{await CommitLargeAsync(scene.Client, seed: 3)}:{Branch}");
        await BodyIsOnItsWayAsync(mirror.Node);
        await network.Primary.KillAsync();
        mirror.Link.LimitDown(null);
        await network.StartPrimaryAsync();

        await scene.AssertConvergedAsync();
        Assert.Equal(Spooled(network.Primary), Spooled(mirror.Node));
    }

    /// <summary>The record is durable in the mirror's log by then, since only a record that is has its body asked for.</summary>
    private static Task BodyIsOnItsWayAsync(NodeProcess mirror) => Patience.UntilAsync(
        _ => Task.FromResult(Files(mirror).Any(static f => f.Name.StartsWith("incoming-", StringComparison.Ordinal) && f.Length > 0)
            ? null : "nothing in the spool"),
        "the body to be on its way", () => mirror.LogTail);

    private static IEnumerable<string> Spooled(NodeProcess node) => Files(node).Select(static f => f.Name).Order(StringComparer.Ordinal);

    private static FileInfo[] Files(NodeProcess node) => new DirectoryInfo(Path.Combine(node.Config.Data, "spool")).GetFiles();

    private static async Task<string> CommitLargeAsync(PushClient client, int seed)
    {
#pragma warning disable CA5394 // not for secrets: the same seed makes the same bytes
        Random random = new(seed);
        StringBuilder tree = new();
        byte[] blob = new byte[BlobLength];
        for (int i = 0; i < Blobs; i++)
        {
            random.NextBytes(blob);
            string id = await StockGit.FeedAsync(client.Local.Path, blob, "-c", "core.compression=0", "hash-object", "-w", "--stdin");
            tree.Append(CultureInfo.InvariantCulture, $"100644 blob {id}\tblob{i}\n");
        }
#pragma warning restore CA5394

        string root = await StockGit.FeedAsync(client.Local.Path, Encoding.ASCII.GetBytes(tree.ToString()), "mktree");
        return await client.Local.GitAsync("commit-tree", root, "-m", "large", "-p", "refs/heads/main");
    }
}
