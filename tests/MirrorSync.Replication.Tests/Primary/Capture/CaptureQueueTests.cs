using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Capture;
using MirrorSync.Replication.Primary.Notice;

namespace MirrorSync.Replication.Tests.Primary.Capture;

/// <summary>In which order a repository's work is done, and who waits for what.</summary>
public sealed class CaptureQueueTests
{
    private readonly CaptureQueue queue = new(TimeProvider.System);
    private int pushes;

    [Fact]
    public void TryTake_PushesWithoutEnd_LeaveRoomForTheLook()
    {
        EndPush("refs/heads/a");
        queue.Touch();
        EndPush("refs/heads/b");
        EndPush("refs/heads/c");
        Assert.Equal(["refs/heads/a", "look", "refs/heads/b", "refs/heads/c", "nothing"], Enumerable.Range(0, 5).Select(_ => Take()));
    }

    [Fact]
    public void TryTake_LookThatWaits_ComesAfterOnePushAtMost()
    {
        EndPush("refs/heads/a");
        Assert.Equal("refs/heads/a", Take());
        queue.Touch();
        EndPush("refs/heads/b");
        Assert.Equal(["look", "refs/heads/b", "nothing"], Enumerable.Range(0, 3).Select(_ => Take()));
    }

    [Fact]
    public void Done_MoreComesMeanwhile_WaitsOnlyForWhatWasThere()
    {
        EndPush("refs/heads/a");
        Task first = queue.Done;
        Take();
        EndPush("refs/heads/b");
        Task second = queue.Done;
        Assert.False(first.IsCompleted);
        Take();
        Assert.True(first.IsCompleted);
        Assert.False(second.IsCompleted);
        Take();
        Assert.True(second.IsCompleted);
        Assert.True(queue.Done.IsCompleted);
    }

    [Fact]
    public void Done_LookAsked_WaitsForIt()
    {
        queue.Touch();
        Task look = queue.Done;
        EndPush("refs/heads/a");
        Assert.Equal("refs/heads/a", Take());
        Assert.False(look.IsCompleted);
        Assert.Equal("look", Take());
        Assert.False(look.IsCompleted);
        Take();
        Assert.True(look.IsCompleted);
    }

    [Fact]
    public void Done_WorkAbandoned_LetsEveryoneGo()
    {
        queue.Touch();
        EndPush("refs/heads/a");
        Task all = queue.Done;
        Take();
        queue.Abandon();
        Assert.True(all.IsCompleted);
    }

    [Fact]
    public void TryBegin_WorkerTakesUntilNothingIsLeft_OnlyThenAnotherBegins()
    {
        Assert.False(queue.TryBegin());
        queue.Touch();
        Assert.True(queue.TryBegin());
        Assert.False(queue.TryBegin());
        Take();
        EndPush("refs/heads/a");
        Assert.False(queue.TryBegin());
        Take();
        Assert.Equal("nothing", Take());
        Assert.False(queue.TryBegin());
        queue.Touch();
        Assert.True(queue.TryBegin());
    }

    [Fact]
    public void IsClaimed_FromTheOpeningUntilItIsTaken_IsTrue()
    {
        PushId push = new("boot", 1, 1);
        RefName name = RefName.FromString("refs/heads/a");
        queue.Open(push, [name], 1);
        Assert.True(queue.IsClaimed(name));
        queue.End(push, [name], 2);
        Assert.True(queue.IsClaimed(name));
        Assert.False(queue.IsClaimed(RefName.FromString("refs/heads/b")));
        Take();
        Assert.False(queue.IsClaimed(name));
    }

    private void EndPush(string name) => queue.End(new PushId("boot", ++pushes, pushes), [RefName.FromString(name)], pushes);

    private string Take()
    {
        queue.TryBegin();
        return !queue.TryTake(out CaptureWork work) ? "nothing" : work.Pushes is null ? "look" : work.Pushes.Names.Single().ToString();
    }
}
