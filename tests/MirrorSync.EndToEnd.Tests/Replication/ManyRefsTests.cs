using System.Globalization;
using System.Text;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Replication;

/// <summary>A push is seen whole or not at all.</summary>
public sealed class ManyRefsTests(SharedNetwork shared) : IClassFixture<SharedNetwork>
{
    private const int Count = 1000;

    [Fact]
    public async Task Push_OfAThousandRefs_IsNeverSeenInPart()
    {
        Scene scene = await Scene.OpenAsync(shared.Network, "many.git");
        string id = await scene.Client.CommitAsync("main", "all of them");
        StringBuilder script = new();
        for (int i = 0; i < Count; i++)
        {
            script.Append(CultureInfo.InvariantCulture, $"create refs/many/{i % 10}/{i} {id}\n");
        }

        await StockGit.FeedAsync(scene.Client.Local.Path, Encoding.ASCII.GetBytes(script.ToString()), "update-ref", "--stdin");
        using CancellationTokenSource stop = new();
        Task<HashSet<int>> readers = ObserveAsync(
            () => StockGit.TryAsync(scene.Copy.Path, ["for-each-ref", "refs/many"]), stop.Token);
        string url = shared.Network.Mirrors[0].Node.CloneUrl(scene.Name);
        Task<HashSet<int>> clients = ObserveAsync(
            () => StockGit.TryAsync(scene.Client.Local.Path, ["ls-remote", url, "refs/many/*"]), stop.Token);

        await scene.Client.PushAsync("refs/*:refs/*");
        await scene.AssertConvergedAsync();
        await scene.Client.PushAsync([.. Enumerable.Range(0, Count).Select(static i => $":refs/many/{i % 10}/{i}")]);
        await scene.AssertConvergedAsync();
        await stop.CancelAsync();

        HashSet<int> wholes = [0, Count];

        // Each has looked while the refs were there: the waits above do not end before git sees them.
        Assert.Subset(wholes, await readers);
        Assert.Subset(wholes, await clients);
    }

    /// <summary>Lists again and again, and returns all the numbers of refs that were seen.</summary>
    private static async Task<HashSet<int>> ObserveAsync(Func<Task<GitResult>> list, CancellationToken stop)
    {
        HashSet<int> seen = [];
        while (!stop.IsCancellationRequested)
        {
            GitResult result = await list();
            Assert.True(result.Code == 0, result.Error);
            seen.Add(result.Text.Count(static c => c == '\n'));
        }

        return seen;
    }
}
