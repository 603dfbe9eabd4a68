using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Tests.Objects.Store;

public class BaseCacheTests
{
    [Fact]
    public void Add_MoreThanFits_LongestUnusedGoes()
    {
        BaseCache cache = new(10_000);
        for (int i = 0; i < 8; i++)
        {
            cache.Add(new EntryKey(1, i), ObjectType.Blob, new byte[1000]);
        }

        Assert.True(cache.TryGet(new EntryKey(1, 0), out _));
        cache.Add(new EntryKey(1, 8), ObjectType.Blob, new byte[1000]);

        Assert.True(cache.TryGet(new EntryKey(1, 0), out _));
        Assert.False(cache.TryGet(new EntryKey(1, 1), out _));
        Assert.True(cache.TryGet(new EntryKey(1, 8), out _));
    }

    [Fact]
    public void Add_LargerThanAQuarter_IsNotTaken()
    {
        BaseCache cache = new(10_000);
        cache.Add(new EntryKey(1, 0), ObjectType.Blob, new byte[1000]);
        cache.Add(new EntryKey(1, 1), ObjectType.Blob, new byte[3000]);
        Assert.True(cache.TryGet(new EntryKey(1, 0), out _));
        Assert.False(cache.TryGet(new EntryKey(1, 1), out _));
    }

    [Fact]
    public void TryGet_SameOffsetOfAnotherPack_IsAnotherObject()
    {
        BaseCache cache = new(10_000);
        cache.Add(new EntryKey(1, 12), ObjectType.Blob, new byte[5]);
        cache.Add(new EntryKey(2, 12), ObjectType.Blob, new byte[6]);
        Assert.True(cache.TryGet(new EntryKey(1, 12), out BaseObject found));
        Assert.Equal(5, found.Bytes.Length);
        Assert.False(cache.TryGet(new EntryKey(3, 12), out _));
    }

    [Fact]
    public void Ring_ManyRounds_GivesWhatWasAddedOrNothing()
    {
        BaseRing ring = new(10);
        List<byte[]> added = [];
        int found = 0;
        for (int i = 0; i < 500; i++)
        {
            added.Add([.. Enumerable.Repeat((byte)i, 1 + (i * 37 % 7000))]);
            ring.Offer(new EntryKey(1, 12 + i), ObjectType.Tree, added[i]);
            Assert.True(ring.TryGet(new EntryKey(1, 12 + i), out _));
            for (int back = 0; back <= Math.Min(i, 30); back++)
            {
                if (ring.TryGet(new EntryKey(1, 12 + i - back), out BaseObject known))
                {
                    Assert.Equal(ObjectType.Tree, known.Type);
                    Assert.True(known.Bytes.Span.SequenceEqual(added[i - back]));
                    found++;
                }

                Assert.False(ring.TryGet(new EntryKey(2, 12 + i - back), out _));
            }
        }

        Assert.True(found > 2000, $"{found} found");
        ring.Offer(new EntryKey(1, 1_000_000), ObjectType.Blob, new byte[64 * 1024]);
        Assert.False(ring.TryGet(new EntryKey(1, 1_000_000), out _));
    }
}
