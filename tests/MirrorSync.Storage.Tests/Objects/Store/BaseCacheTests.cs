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
            cache.Add(new EntryKey(1, i), Base(1000));
        }

        Assert.True(cache.TryGet(new EntryKey(1, 0), out _));
        cache.Add(new EntryKey(1, 8), Base(1000));

        Assert.True(cache.TryGet(new EntryKey(1, 0), out _));
        Assert.False(cache.TryGet(new EntryKey(1, 1), out _));
        Assert.True(cache.TryGet(new EntryKey(1, 8), out _));
    }

    [Fact]
    public void Add_LargerThanAQuarter_IsNotTaken()
    {
        BaseCache cache = new(10_000);
        cache.Add(new EntryKey(1, 0), Base(1000));
        cache.Add(new EntryKey(1, 1), Base(3000));
        Assert.True(cache.TryGet(new EntryKey(1, 0), out _));
        Assert.False(cache.TryGet(new EntryKey(1, 1), out _));
    }

    [Fact]
    public void TryGet_SameOffsetOfAnotherPack_IsAnotherObject()
    {
        BaseCache cache = new(10_000);
        cache.Add(new EntryKey(1, 12), Base(5));
        cache.Add(new EntryKey(2, 12), Base(6));
        Assert.True(cache.TryGet(new EntryKey(1, 12), out BaseObject found));
        Assert.Equal(5, found.Bytes.Length);
        Assert.False(cache.TryGet(new EntryKey(3, 12), out _));
    }

    private static BaseObject Base(int length) => new(ObjectType.Blob, new byte[length]);
}
