using System.Net;
using MirrorSync.Testing;
using MirrorSync.Testing.Network;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Faults;

/// <summary>Links that are cut, and a root that goes away and comes back.</summary>
public sealed class OutageTests(SharedNetwork shared) : IClassFixture<SharedNetwork>
{
    private TestNetwork Network => shared.Network;

    [Theory]
    [InlineData(CutMode.Stall)]
    [InlineData(CutMode.Reset)]
    public async Task Link_CutAndHealed_MirrorCatchesUpWithoutAClone(CutMode mode)
    {
        Scene scene = await Scene.OpenAsync(Network, $"cut-{mode}.git");
        WanLink link = Network.Mirrors[0].Link;
        string before = await scene.Copy.RefsTextAsync();

        link.Cut(mode);
        for (int i = 0; i < 5; i++)
        {
            await scene.Client.CommitAsync("main", $"unseen {i}");
            await scene.Client.PushAsync("refs/heads/main");
        }

        NodeStatusView primary = await PrimaryCaughtUpAsync(scene);
        Assert.Equal(before, await scene.Copy.RefsTextAsync());
        NodeStatusView cut = await Network.Mirrors[0].Node.GetStatusAsync();
        Assert.NotEqual(primary.Find(scene.Name)!.RefsDigest, cut.Find(scene.Name)!.RefsDigest);
        link.Heal();

        await scene.AssertConvergedAsync();
    }

    [Fact]
    public async Task Link_Cut_LagGrowsUntilHealed()
    {
        await Scene.OpenAsync(Network, "lag.git", commits: 3);
        TestMirror mirror = Network.Mirrors[0];

        mirror.Link.Cut(CutMode.Stall);
        double first = (await mirror.Node.GetStatusAsync()).LagSeconds ?? double.PositiveInfinity;
        await mirror.Node.WaitStatusAsync(s => s.LagSeconds > first + 1, "its lag to grow");
        mirror.Link.Heal();

        await mirror.Node.WaitStatusAsync(static s => s.LagSeconds < 1, "its lag to fall");
        await Network.WaitConvergedAsync();
    }

    [Fact]
    public async Task Primary_Gone_MirrorIsNotFreshButMayServe()
    {
        Dictionary<string, string> impatient = new() { ["Freshness:MaxLag"] = "00:00:03" };
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near], more: impatient);
        Scene scene = await Scene.OpenAsync(network, "gone.git", commits: 3);
        NodeProcess mirror = network.Mirrors[0].Node;
        await mirror.WaitReadyAsync();

        await network.Primary.KillAsync();
        await AnswersAsync("readyz", HttpStatusCode.ServiceUnavailable);
        await AnswersAsync("readyz?mode=serve", HttpStatusCode.OK);
        Assert.Contains("\"stale\":true", (await mirror.AdminAsync("readyz?mode=serve")).Body, StringComparison.Ordinal);

        await network.StartPrimaryAsync();
        await AnswersAsync("readyz", HttpStatusCode.OK);
        await scene.AssertConvergedAsync();

        Task AnswersAsync(string path, HttpStatusCode expected) => Patience.UntilAsync(
            async _ => (await mirror.AdminAsync(path)) is var answer && answer.Code == expected ? null : answer.Body,
            $"{path} to be {expected}");
    }

    [Fact]
    public async Task Root_MovedAwayAndBack_NothingIsRemovedAndAllGoesOn()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene[] scenes = [await Scene.OpenAsync(network, "one.git"), await Scene.OpenAsync(network, "two.git")];
        string root = network.Primary.Config.Root;
        string before = await scenes[0].Copy.RefsTextAsync();

        Directory.Move(root, root + ".away");
        await network.Primary.WaitStatusAsync(
            static s => s.Repositories.Count == 2 && s.Repositories.All(static r => r.State == "held")
                && s.Reasons.Any(static r => r.Contains("root", StringComparison.Ordinal)),
            "the root missed");
        Assert.Equal(before, await scenes[0].Copy.RefsTextAsync());
        Assert.Equal(2, BareRepository.FindAll(network.Mirrors[0].Node.Config.Root).Count);

        Directory.Move(root + ".away", root);
        await network.Primary.WaitStatusAsync(static s => s.Reasons.Count == 0, "the root found again");
        foreach (Scene scene in scenes)
        {
            await scene.Client.CommitAsync("main", "after it was back");
            await scene.Client.PushAsync("refs/heads/main");
            await scene.AssertConvergedAsync();
        }
    }

    [Fact]
    public async Task Repository_Gone_IsHeldUntilItIsBack()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene kept = await Scene.OpenAsync(network, "kept.git");
        Scene gone = await Scene.OpenAsync(network, "gone.git");
        string aside = Path.Combine(network.Folder, "gone");

        Directory.Move(gone.Primary.Path, aside);
        await network.Primary.WaitStatusAsync(static s => s.Find("gone.git")?.State == "held", "gone.git held");
        string id = await kept.Client.CommitAsync("main", "meanwhile");
        await kept.Client.PushAsync("refs/heads/main");
        await kept.WaitCopyAsync("refs/heads/main", id);
        Assert.Null(await gone.Copy.FsckAsync());

        Directory.Move(aside, gone.Primary.Path);
        await gone.AssertConvergedAsync();
    }

    private async Task<NodeStatusView> PrimaryCaughtUpAsync(Scene scene)
    {
        string old = (await Network.Mirrors[0].Node.GetStatusAsync()).Find(scene.Name)!.RefsDigest;
        await Network.Primary.WaitStatusAsync(s => s.Find(scene.Name)!.RefsDigest != old, "the push captured");
        return await Network.Primary.GetStatusAsync();
    }
}
