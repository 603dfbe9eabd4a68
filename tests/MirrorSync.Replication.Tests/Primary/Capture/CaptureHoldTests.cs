using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Primary.Capture;

/// <summary>What is not captured, or not yet: open pushes, holds, disasters, restarts.</summary>
public sealed class CaptureHoldTests
{
    [Fact]
    public async Task Touch_PushOpen_LeavesOutTheRefsThatItNames()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string id = await rig.Disk.CommitAsync("new", await rig.Disk.IdOfAsync("main"));
        PushId push = rig.NextPush();
        RefName[] names = [Samples.Ref("heads/main"), Samples.Ref("heads/other")];
        rig.Captured.Opened(push, names);
        await rig.UpdateAsync("refs/heads/main", id);
        await rig.UpdateAsync("refs/heads/byhand", id);
        await rig.LookAsync();
        Assert.Equal([$"refs/heads/byhand - {id}"], await rig.LastUpdatesAsync());
        await rig.UpdateAsync("refs/heads/other", id);
        rig.Captured.Ended(push, names);
        await rig.SettleAsync();
        Assert.Equal(3UL, rig.Log.Committed.Sequence);
        Assert.Equal(2, (await rig.LastUpdatesAsync()).Length);
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Ended_SharedRefs_AreOneRecordAtTheEndOfTheLast()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string id = await rig.Disk.CommitAsync("new", await rig.Disk.IdOfAsync("main"));
        (PushId first, PushId second) = (rig.NextPush(), rig.NextPush());
        RefName[] ofFirst = [Samples.Ref("heads/main"), Samples.Ref("heads/a")];
        RefName[] ofSecond = [Samples.Ref("heads/main"), Samples.Ref("heads/b")];
        rig.Captured.Opened(first, ofFirst);
        rig.Captured.Opened(second, ofSecond);
        await rig.UpdateAsync("refs/heads/main", id);
        await rig.UpdateAsync("refs/heads/a", id);
        rig.Captured.Ended(first, ofFirst);
        await rig.LookAsync();
        Assert.Equal(1UL, rig.Log.Appended.Sequence);
        await rig.UpdateAsync("refs/heads/b", id);
        rig.Captured.Ended(second, ofSecond);
        await rig.SettleAsync();
        Assert.Equal(2UL, rig.Log.Appended.Sequence);
        Assert.Equal(3, (await rig.LastUpdatesAsync()).Length);
    }

    [Fact]
    public async Task Ended_NextPushOfTheSameRefBeginsBeforeTheCapture_WaitsForIt()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string id = await rig.Disk.CommitAsync("new", await rig.Disk.IdOfAsync("main"));
        string later = await rig.Disk.CommitAsync("later", id);
        (PushId first, PushId second) = (rig.NextPush(), rig.NextPush());
        RefName[] ofFirst = [Samples.Ref("heads/main")];
        RefName[] ofSecond = [Samples.Ref("heads/main"), Samples.Ref("heads/b")];

        // The worker is held up where it asks for the root, before it reads.
        using ManualResetEventSlim goOn = new();
        rig.BeforeRead = () => goOn.Wait(Patience.Deadline);
        rig.Captured.Opened(first, ofFirst);
        await rig.UpdateAsync("refs/heads/main", id);
        rig.Captured.Ended(first, ofFirst);
        rig.Captured.Opened(second, ofSecond);
        await rig.UpdateAsync("refs/heads/main", later);
        goOn.Set();
        await rig.SettleAsync();
        Assert.Equal(1UL, rig.Log.Appended.Sequence);

        await rig.UpdateAsync("refs/heads/b", later);
        rig.Captured.Ended(second, ofSecond);
        await rig.SettleAsync();
        Assert.Equal(2UL, rig.Log.Appended.Sequence);
        await rig.AssertShowsTheDiskAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Ended_LaterPushesAlreadyOnTheDiskAndNotHeardOf_AreCapturedWithIt(bool justStarted)
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        if (justStarted)
        {
            await rig.RestartAsync();
        }

        string id = await rig.Disk.CommitAsync("new", await rig.Disk.IdOfAsync("main"));
        string later = await rig.Disk.CommitAsync("later", id);
        (PushId first, PushId between, PushId last) = (rig.NextPush(), rig.NextPush(), rig.NextPush());
        RefName[] main = [Samples.Ref("heads/main"), Samples.Ref("heads/with")];
        RefName[] other = [Samples.Ref("heads/b")];
        await rig.UpdateAsync("refs/heads/with", id);
        await rig.UpdateAsync("refs/heads/b", id);
        await rig.UpdateAsync("refs/heads/main", later);

        // Three pushes are over; the word of the last two is still on its way when the first is taken up.
        rig.CatchingUp = () =>
        {
            rig.CatchingUp = null;
            rig.Captured.Opened(between, other, 3);
            rig.Captured.Ended(between, other, 4);
            rig.Captured.Opened(last, main[..1], 5);
            rig.Captured.Ended(last, main[..1], 6);
        };
        rig.Captured.Opened(first, main, 1);
        rig.Captured.Ended(first, main, 2);
        await rig.SettleAsync();

        Assert.Equal(2UL, rig.Log.Appended.Sequence);
        Assert.Equal(3, (await rig.LastUpdatesAsync()).Length);
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Ended_AllItsRefsPushedAgainBeforeTheFirstLook_KeepsItsPlace()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string id = await rig.Disk.CommitAsync("new", await rig.Disk.IdOfAsync("main"));
        await rig.RestartAsync();
        (PushId first, PushId between, PushId last) = (rig.NextPush(), rig.NextPush(), rig.NextPush());
        RefName[] main = [Samples.Ref("heads/main")];
        RefName[] other = [Samples.Ref("heads/b")];
        await rig.UpdateAsync("refs/heads/main", id);

        // The first is taken up, and nothing of it is left to capture now: all of it belongs to the last, which is open.
        using ManualResetEventSlim takenUp = new();
        using ManualResetEventSlim goOn = new();
        rig.BeforeRead = () =>
        {
            takenUp.Set();
            goOn.Wait(Patience.Deadline);
        };
        rig.Captured.Opened(first, main, 1);
        rig.Captured.Ended(first, main, 2);
        Assert.True(takenUp.Wait(Patience.Deadline));
        rig.Captured.Opened(last, main, 5);
        goOn.Set();
        await rig.SettleAsync();
        await rig.UpdateAsync("refs/heads/b", id);
        rig.Captured.Opened(between, other, 3);
        rig.Captured.Ended(between, other, 4);
        await rig.SettleAsync();
        Assert.Equal(1UL, rig.Log.Appended.Sequence);

        rig.Captured.Ended(last, main, 6);
        await rig.SettleAsync();
        Assert.Equal(2UL, rig.Log.Appended.Sequence);
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Touch_PushEndsAfterTheReading_LeavesItsRefsToIt()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string id = await rig.Disk.CommitAsync("new", await rig.Disk.IdOfAsync("main"));
        PushId push = rig.NextPush();
        RefName[] names = [Samples.Ref("heads/main"), Samples.Ref("heads/other")];
        rig.Captured.Opened(push, names);
        await rig.UpdateAsync("refs/heads/main", id);

        // The look's worker stands before its reading; the push ends meanwhile and waits for the same worker.
        using ManualResetEventSlim goOn = new();
        rig.BeforeRead = () => goOn.Wait(Patience.Deadline);
        rig.Captured.Touch();
        rig.Captured.Ended(push, names);
        goOn.Set();
        await rig.SettleAsync();
        Assert.Equal(2UL, rig.Log.Appended.Sequence);
        Assert.Single(await rig.LastUpdatesAsync());
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Touch_UnreadableRef_HoldsAndReleasesByItself()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string broken = Path.Combine(rig.Disk.Path, "refs/heads/broken");
        await File.WriteAllTextAsync(broken, "no id\n");
        await rig.UpdateAsync("refs/heads/fine", await rig.Disk.IdOfAsync("main"));
        await rig.LookAsync();
        Assert.Equal(RepositoryCondition.Held, rig.State.Condition);
        Assert.Contains("refs/heads/broken", rig.State.Reason, StringComparison.Ordinal);
        Assert.Equal(1UL, rig.Log.Appended.Sequence);

        File.Delete(broken);
        await rig.LookAsync();
        Assert.Equal((RepositoryCondition.Live, null), (rig.State.Condition, rig.State.Reason));
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Touch_RefToAMissingObject_HoldsUntilItIsThere()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        await File.WriteAllTextAsync(Path.Combine(rig.Disk.Path, "refs/heads/lost"), new string('1', 40) + "\n");
        await rig.LookAsync();
        Assert.Equal(RepositoryCondition.Held, rig.State.Condition);
        Assert.Contains("missing", rig.State.Reason, StringComparison.Ordinal);
        File.Delete(Path.Combine(rig.Disk.Path, "refs/heads/lost"));
        await rig.LookAsync();
        Assert.Equal(RepositoryCondition.Live, rig.State.Condition);
    }

    [Fact]
    public async Task Touch_ManyRefsGoneWithoutAHook_IsHeldUntilAccepted()
    {
        await using CaptureRig rig = await ManyRefsAsync(30);
        RefSnapshot before = rig.State.Refs;
        await DeleteAsync(rig, 11);
        await rig.LookAsync();
        await rig.LookAsync();
        Assert.Equal(RepositoryCondition.Held, rig.State.Condition);
        Assert.Contains("accept", rig.State.Reason, StringComparison.Ordinal);
        Assert.Equal(before.Digest, rig.State.Refs.Digest);
        Assert.Equal(2UL, rig.Log.Appended.Sequence);

        Assert.True(rig.Captured.Accept());
        await rig.SettleAsync();
        Assert.Equal(RepositoryCondition.Live, rig.State.Condition);
        Assert.Equal(11, (await rig.LastUpdatesAsync()).Length);
        await rig.AssertShowsTheDiskAsync();
        Assert.False(rig.Captured.Accept());
    }

    [Fact]
    public async Task Touch_ManyRefsGoneAndBack_IsReleasedByItself()
    {
        await using CaptureRig rig = await ManyRefsAsync(30);
        string id = await rig.Disk.IdOfAsync("main");
        await DeleteAsync(rig, 11);
        await rig.LookAsync();
        Assert.Equal(RepositoryCondition.Held, rig.State.Condition);
        await CreateAsync(rig, 11, id);
        await rig.LookAsync();
        Assert.Equal(RepositoryCondition.Live, rig.State.Condition);
        Assert.Equal(2UL, rig.Log.Appended.Sequence);
    }

    [Fact]
    public async Task Ended_ManyRefsDeletedByAPush_IsCaptured()
    {
        await using CaptureRig rig = await ManyRefsAsync(30);
        await DeleteByPushAsync(rig, 25);
        Assert.Equal(RepositoryCondition.Live, rig.State.Condition);
        Assert.Equal(25, (await rig.LastUpdatesAsync()).Length);
    }

    [Fact]
    public async Task Ended_ManyRefsDeletedByAPushWhileNotLive_IsCapturedByTheHooksWord()
    {
        // The push came while the daemon was down: its hook's file is delivered at the start, before the first look.
        await using CaptureRig rig = await ManyRefsAsync(30);
        await rig.RestartAsync();
        await DeleteByPushAsync(rig, 25);
        Assert.Equal((RepositoryCondition.Live, null), (rig.State.Condition, rig.State.Reason));
        Assert.Equal(25, (await rig.LastUpdatesAsync()).Length);
    }

    [Fact]
    public async Task DoAsync_RootGone_CapturesNothing()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        rig.RootProblem = "gone";
        await rig.UpdateAsync("refs/heads/old", null);
        await rig.LookAsync();
        await rig.PushAsync(("refs/heads/main", await rig.Disk.CommitAsync("x")));
        Assert.Equal(1UL, rig.Log.Appended.Sequence);
        rig.RootProblem = null;
        await rig.LookAsync();
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Lost_FolderGone_HoldsAndIsReleasedOnceItIsBack()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        Directory.Move(rig.Disk.Path, rig.Disk.Path + ".away");
        rig.Captured.Lost("its folder is gone");
        await rig.SettleAsync();
        Assert.Equal((RepositoryCondition.Held, "its folder is gone"), (rig.State.Condition, rig.State.Reason));
        await rig.LookAsync();
        Assert.Equal(RepositoryCondition.Held, rig.State.Condition);
        Directory.Move(rig.Disk.Path + ".away", rig.Disk.Path);
        rig.Captured.Found();
        await rig.LookAsync();
        Assert.Equal(RepositoryCondition.Live, rig.State.Condition);
        Assert.Equal(1UL, rig.Log.Appended.Sequence);
    }

    [Fact]
    public async Task Restart_LogReplay_GivesTheSameStateAndTagsArePeeledAgain()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        await rig.Disk.GitAsync("tag", "-a", "-m", "tag", "v1", "main");
        await rig.LookAsync();
        await rig.PushAsync(("refs/heads/main", await rig.Disk.CommitAsync("second", await rig.Disk.IdOfAsync("main"))));
        RepositoryState before = rig.State;
        LogPosition end = rig.Log.Committed;

        await rig.RestartAsync();
        Assert.Equal((before.Refs.Digest, before.Applied), (rig.State.Refs.Digest, rig.State.Applied));
        Assert.False(rig.State.IsServable);
        await rig.LookAsync();
        Assert.Equal(RepositoryCondition.Live, rig.State.Condition);
        Assert.Equal(end, rig.Log.Appended);
        Assert.Equal(before.Refs.Entries.ToArray(), rig.State.Refs.Entries.ToArray());
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Restart_PushedToMeanwhile_IsOneDelta()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        await rig.SettleAsync();
        string id = await rig.Disk.CommitAsync("meanwhile", await rig.Disk.IdOfAsync("main"));
        await rig.UpdateAsync("refs/heads/main", id);
        await rig.UpdateAsync("refs/heads/new", id);
        await rig.RestartAsync();
        await rig.LookAsync();
        Assert.Equal(2UL, rig.Log.Appended.Sequence);
        await rig.AssertShowsTheDiskAsync();
    }

    [Fact]
    public async Task Restart_ForcePushedAndPrunedMeanwhile_IsCaptured()
    {
        await using CaptureRig rig = await CaptureRig.BaselinedAsync();
        string second = await rig.Disk.CommitAsync("second", await rig.Disk.IdOfAsync("main"));
        await rig.PushAsync(("refs/heads/main", second));
        await rig.Disk.GitAsync("tag", "-a", "-m", "tag", "v1", "old");
        await rig.LookAsync();
        string other = await rig.Disk.CommitAsync("other");
        await rig.UpdateAsync("refs/heads/main", other);
        await rig.Disk.GitAsync("gc", "-q", "--prune=now");
        Assert.Equal(1, (await StockGit.TryAsync(rig.Disk.Path, ["cat-file", "-e", second])).Code);

        await rig.RestartAsync();
        await rig.LookAsync();
        Assert.Equal((RepositoryCondition.Live, null), (rig.State.Condition, rig.State.Reason));
        await rig.AssertShowsTheDiskAsync();
    }

    private static async Task<CaptureRig> ManyRefsAsync(int count)
    {
        CaptureRig rig = await CaptureRig.BaselinedAsync();
        await CreateAsync(rig, count, await rig.Disk.IdOfAsync("main"));
        await rig.LookAsync();
        Assert.Equal(2UL, rig.Log.Appended.Sequence);
        return rig;
    }

    private static Task<string> CreateAsync(CaptureRig rig, int count, string id) =>
        ScriptAsync(rig, Enumerable.Range(0, count).Select(i => $"update refs/many/{i} {id}"));

    private static Task<string> DeleteAsync(CaptureRig rig, int count) =>
        ScriptAsync(rig, Enumerable.Range(0, count).Select(static i => $"delete refs/many/{i}"));

    private static async Task DeleteByPushAsync(CaptureRig rig, int count)
    {
        PushId push = rig.NextPush();
        RefName[] names = [.. Enumerable.Range(0, count).Select(static i => Samples.Ref($"many/{i}"))];
        rig.Captured.Opened(push, names);
        await DeleteAsync(rig, count);
        rig.Captured.Ended(push, names);
        await rig.SettleAsync();
    }

    private static Task<string> ScriptAsync(CaptureRig rig, IEnumerable<string> lines) =>
        StockGit.FeedAsync(rig.Disk.Path, System.Text.Encoding.ASCII.GetBytes(string.Join('\n', lines) + "\n"), "update-ref", "--stdin");
}
