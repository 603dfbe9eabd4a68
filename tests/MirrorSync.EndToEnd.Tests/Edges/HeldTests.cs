using System.Text;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Edges;

/// <summary>Repositories that are not advanced until somebody has looked, while all others go on.</summary>
public sealed class HeldTests
{
    [Fact]
    public async Task Repository_Broken_IsHeldWhileOthersGoOn()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene sound = await Scene.OpenAsync(network, "sound.git");
        Scene broken = await Scene.OpenAsync(network, "broken.git");
        string head = Path.Combine(broken.Primary.Path, "HEAD");

        await File.WriteAllTextAsync(head, "rubbish\n");
        await network.Primary.WaitStatusAsync(static s => s.Find("broken.git")?.State == "held", "broken.git held");
        string id = await sound.Client.CommitAsync("main", "goes on");
        await sound.Client.PushAsync("refs/heads/main");
        await sound.WaitCopyAsync("refs/heads/main", id);
        Assert.NotNull((await network.Primary.GetStatusAsync()).Find("broken.git")!.Reason);
        Assert.Null(await broken.Copy.FsckAsync());

        await File.WriteAllTextAsync(head, "ref: refs/heads/main\n");
        await sound.AssertConvergedAsync();
        await broken.AssertConvergedAsync();
    }

    [Fact]
    public async Task Repository_BrokenBeforeTheStart_IsReportedWhileOthersGoOn()
    {
        await using TestNetwork network = await TestNetwork.StartAsync(
            [SharedNetwork.Near],
            static async n =>
            {
                await n.CreateRepositoryAsync("sound.git", new HistoryShape { Commits = 10 });
                BareRepository broken = await n.CreateRepositoryAsync("broken.git", new HistoryShape { Commits = 10 });
                await File.WriteAllTextAsync(Path.Combine(broken.Path, "refs", "heads", "main"), "rubbish\n");
            });

        await network.Primary.WaitStatusAsync(static s => s.Find("broken.git")?.State is "held" or "damaged", "broken.git held");
        await network.Mirrors[0].Node.WaitStatusAsync(static s => s.Find("sound.git")?.State == "converged", "sound.git there");
        Assert.True(await TestNetwork.SameRefsAsync(
            network.Primary.Repository("sound.git"), network.Mirrors[0].Node.Repository("sound.git")));
    }

    [Fact]
    public async Task Refs_GoneAtOnceWithoutAHook_AreHeldUntilAccepted()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene scene = await Scene.OpenAsync(network, "mass.git");
        await AddRefsAsync(scene, 100);
        await scene.AssertConvergedAsync();
        string before = await scene.Copy.RefsTextAsync();

        StringBuilder script = new();
        for (int i = 0; i < 60; i++)
        {
            script.Append(System.Globalization.CultureInfo.InvariantCulture, $"delete refs/many/{i}\n");
        }

        await StockGit.FeedAsync(scene.Primary.Path, Encoding.ASCII.GetBytes(script.ToString()), "update-ref", "--stdin");
        await network.Primary.WaitStatusAsync(static s => s.Find("mass.git")?.State == "held", "mass.git held");
        Assert.Equal(before, await scene.Copy.RefsTextAsync());

        await network.Primary.CommandAsync("accept", "mass.git");
        await scene.AssertConvergedAsync();
        Assert.DoesNotContain("refs/many/5\n", await scene.Copy.RefsTextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refs_DeletedByOnePushWithHooks_FollowAtOnce()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene scene = await Scene.OpenAsync(network, "meant.git");
        await AddRefsAsync(scene, 100);
        await scene.AssertConvergedAsync();

        await scene.Client.PushAsync([.. Enumerable.Range(0, 60).Select(static i => $":refs/many/{i}")]);

        await scene.AssertConvergedAsync();
    }

    private static async Task AddRefsAsync(Scene scene, int count)
    {
        string id = await scene.Client.Local.IdOfAsync("refs/heads/main");
        await scene.Client.PushAsync([.. Enumerable.Range(0, count).Select(i => $"{id}:refs/many/{i}")]);
    }
}
