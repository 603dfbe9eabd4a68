using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Primary;

/// <summary>A whole primary over real folders, with the periodic scan ten minutes away.</summary>
public sealed class PrimaryNodeTests
{
    [Fact]
    public async Task Run_RefMovedByHand_IsCapturedByTheWatch()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository a = await primary.RepositoryAsync("a.git");
        await a.GitAsync("update-ref", "refs/heads/next", await a.CommitAsync("next", await a.IdOfAsync("main")));
        await primary.CapturedAsync(a);
        await Patience.UntilAsync(
            _ => Task.FromResult(primary.Node.LookAge < TimeSpan.FromSeconds(30) ? null : "no look"), "a look");
    }

    [Fact]
    public async Task Run_RootAwayForAMoment_CapturesWhatHappenedMeanwhile()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository a = await primary.RepositoryAsync("a.git");
        string id = await a.CommitAsync("next", await a.IdOfAsync("main"));
        string away = primary.Root + ".away";

        // In its place stands another root, as after an unmount.
        Directory.Move(primary.Root, away);
        Directory.CreateDirectory(primary.Root);
        await Patience.UntilAsync(_ => Task.FromResult(primary.Node.Problem is null ? "no problem" : null), "the root's loss");
        await new BareRepository(Path.Combine(away, "a.git")).GitAsync("update-ref", "refs/heads/meanwhile", id);
        Directory.Delete(primary.Root, recursive: true);
        Directory.Move(away, primary.Root);
        await primary.CapturedAsync(a);
        Assert.Null(primary.Node.Problem);
    }

    [Fact]
    public async Task Run_RootGoneWhileCaptureAsks_LooksAgainOnceItIsBack()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository a = await primary.RepositoryAsync("a.git");
        string id = await a.CommitAsync("next", await a.IdOfAsync("main"));
        string marker = RootMarker.PathIn(primary.Root);

        // Only the marker is away, so the watch goes on and its touch is dropped for the root's sake.
        File.Move(marker, marker + "-aside");
        await a.GitAsync("update-ref", "refs/heads/meanwhile", id);
        await Patience.UntilAsync(_ => Task.FromResult(primary.Node.Problem is null ? "no problem" : null), "the root's loss");
        LogPosition before = primary.Log.Appended;
        File.Move(marker + "-aside", marker);
        await primary.CapturedAsync(a);
        Assert.Equal(before.Sequence + 1, primary.Log.Appended.Sequence);
    }
}
