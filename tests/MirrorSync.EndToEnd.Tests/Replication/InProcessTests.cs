using System.Net;
using MirrorSync.Testing;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Replication;

/// <summary>Packs are taken by the mirror itself, and what fsck finds in them is told.</summary>
public sealed class InProcessTests
{
    [Fact]
    public async Task Mirror_WithoutGit_ComesUpAndFollows()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([]);
        await network.AddMirrorAsync(SharedNetwork.Near, searchPath: "/nonexistent");
        Scene scene = await Scene.OpenAsync(network, "bare-handed.git");

        await scene.Client.CommitAsync("main", "a change");
        await scene.Client.Local.GitAsync("tag", "-a", "-m", "annotated", "v-new", "refs/heads/main");
        await scene.Client.PushAsync("refs/heads/main", "refs/tags/v-new");
        await scene.AssertConvergedAsync();

        // Above what is kept inline in the log.
        byte[] noise = new byte[2_000_000];
        new Random(3).NextBytes(noise);
        string blob = await StockGit.FeedAsync(scene.Client.Local.Path, noise, "hash-object", "-w", "--stdin");
        await scene.Client.PushAsync($"{blob}:refs/blobs/noise");
        await scene.Client.PushAsync(":refs/tags/v-new");
        await scene.AssertConvergedAsync();
    }

    [Fact]
    public async Task Findings_InADelta_AreToldByStatusAndMetrics()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene scene = await Scene.OpenAsync(network, "faulty.git", hooks: false);
        NodeProcess mirror = network.Mirrors[0].Node;

        string id = await FaultyObjects.CommitAsync(scene.Primary, "padded", await scene.Primary.IdOfAsync("refs/heads/main"));
        await scene.Primary.GitAsync("update-ref", "refs/heads/faulty", id);
        await scene.WaitCopyAsync("refs/heads/faulty", id);

        await mirror.WaitStatusAsync(
            static s => s.Find("faulty.git")!.Findings is { Count: 2 } found && found["zeroPaddedFilemode"] == 1 && found["badTimezone"] == 1,
            "the findings");
        (HttpStatusCode _, string metrics) = await mirror.AdminAsync("metrics");
        Assert.Contains("mirrorsync_fsck_findings_total{message=\"zeroPaddedFilemode\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("zeroPaddedFilemode: 1", mirror.LogTail, StringComparison.Ordinal);
        Assert.Equal("converged", (await mirror.GetStatusAsync()).Find("faulty.git")!.State);
    }

    [Fact]
    public async Task Findings_Refused_HoldTheRepositoryByName()
    {
        await using TestNetwork network = await TestNetwork.StartAsync(
            [SharedNetwork.Near], more: new Dictionary<string, string> { ["Packs:RefuseFindings"] = "true" });
        Scene scene = await Scene.OpenAsync(network, "strict.git", hooks: false);
        string before = await scene.Copy.RefsTextAsync();

        string id = await FaultyObjects.CommitAsync(scene.Primary, "padded", await scene.Primary.IdOfAsync("refs/heads/main"));
        await scene.Primary.GitAsync("update-ref", "refs/heads/faulty", id);
        await network.Mirrors[0].Node.WaitStatusAsync(
            static s => s.Find("strict.git") is { State: "held", Reason: { } reason } && reason.Contains("fsck", StringComparison.Ordinal)
                && reason.Contains("badTimezone", StringComparison.Ordinal),
            "strict.git held");
        Assert.Equal(before, await scene.Copy.RefsTextAsync());
    }
}
