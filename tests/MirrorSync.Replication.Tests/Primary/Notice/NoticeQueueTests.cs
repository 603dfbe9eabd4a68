using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Notice;
using AnyNotice = MirrorSync.Replication.Primary.Notice.Notice;

namespace MirrorSync.Replication.Tests.Primary.Notice;

public sealed class NoticeQueueTests
{
    private static readonly PushId Push = new("boot", 1, 2);

    private readonly NoticeQueue queue = new();

    [Fact]
    public void Add_PushOpened_OvertakesAllButItsLike()
    {
        PushOpened first = new("/a", Push, []);
        PushOpened second = new("/b", Push, []);
        PushEnded ended = new("/a", Push, []);
        Add(new RefsTouched("/a"), first, ended, new Looked(1), second);

        Assert.Equal([first, second, new RefsTouched("/a"), ended, new Looked(1)], All());
    }

    [Fact]
    public void Add_TouchThatWaitsAlready_IsOne()
    {
        for (int i = 0; i < 100_000; i++)
        {
            Add(new RefsTouched("/a"), new RefsTouched("/b"), new MetadataTouched("/a"), new FoldersChanged());
        }

        Assert.Equal([new RefsTouched("/a"), new RefsTouched("/b"), new MetadataTouched("/a"), new FoldersChanged()], All());
    }

    [Fact]
    public void Add_TouchAfterDelivery_ComesAgain()
    {
        Add(new RefsTouched("/a"));
        Assert.Equal([new RefsTouched("/a")], All());

        Add(new RefsTouched("/a"));

        Assert.Equal([new RefsTouched("/a")], All());
    }

    [Fact]
    public void Add_ManyLooks_OldestKeepsItsPlaceAndNewestFollowsAllTouches()
    {
        Add(new RefsTouched("/a"), new Looked(1), new RefsTouched("/b"), new Looked(2), new RefsTouched("/c"), new Looked(3));

        Assert.Equal([new RefsTouched("/a"), new Looked(1), new RefsTouched("/b"), new RefsTouched("/c"), new Looked(3)], All());
        Add(new Looked(4), new Looked(5), new Looked(6));
        Assert.Equal([new Looked(4), new Looked(6)], All());
    }

    [Fact]
    public void Add_SecondLoss_IsTheFirst()
    {
        Add(new WatchLost("one"), new WatchLost("two"));

        Assert.Equal([new WatchLost("one")], All());
        Add(new WatchLost("three"));
        Assert.Equal([new WatchLost("three")], All());
    }

    [Fact]
    public void IsFull_ManyNamesWait_UntilTheyAreRead()
    {
        int drained = 0;
        queue.Drained = () => drained++;
        RefName[] names = new RefName[NoticeQueue.FullWeight - 2];
        Add(new PushOpened("/a", Push, names));
        Assert.False(queue.IsFull);
        Add(new PushEnded("/a", Push, []));
        Assert.True(queue.IsFull);

        Assert.Equal(2, All().Count);

        Assert.False(queue.IsFull);
        Assert.Equal(1, drained);
    }

    [Fact]
    public async Task Close_WithNoticesWaiting_EndsAfterThem()
    {
        Add(new FoldersChanged());
        queue.Close(null);

        Assert.True(await queue.WaitToReadAsync());
        Assert.True(queue.TryRead(out AnyNotice? notice));
        Assert.IsType<FoldersChanged>(notice);
        Assert.False(await queue.WaitToReadAsync());
        await queue.Completion;
    }

    [Fact]
    public async Task Close_WithAFailure_GivesItToTheReader()
    {
        ValueTask<bool> waiting = queue.WaitToReadAsync();
        Assert.False(waiting.IsCompleted);
        queue.Close(new IOException("lost"));

        IOException failure = await Assert.ThrowsAsync<IOException>(async () => await waiting);

        Assert.Equal("lost", failure.Message);
    }

    [Fact]
    public async Task WaitToRead_AddedLater_IsWoken()
    {
        ValueTask<bool> waiting = queue.WaitToReadAsync();
        Add(new FoldersChanged());

        Assert.True(await waiting);
    }

    private void Add(params AnyNotice[] notices)
    {
        foreach (AnyNotice notice in notices)
        {
            queue.Add(notice);
        }
    }

    private List<AnyNotice> All()
    {
        List<AnyNotice> all = [];
        while (queue.TryRead(out AnyNotice? notice))
        {
            all.Add(notice);
        }

        return all;
    }
}
