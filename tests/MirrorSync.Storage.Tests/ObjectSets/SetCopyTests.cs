using MirrorSync.Git.Objects;
using MirrorSync.Storage.ObjectSets;

namespace MirrorSync.Storage.Tests.ObjectSets;

public class SetCopyTests
{
    private const int HeadLength = 72;

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task ReplaceFrom_CopyBegunBeforeAdditions_IsTheSetThen(ObjectFormat format)
    {
        using SetFixture from = new(seed: 1, format);
        using SetFixture to = new(seed: 2, format);
        ObjectId[] ids = from.Ids(20_000);
        from.Set.Replace(1, ids[..9000], default);
        from.Set.Add(2, ids.AsSpan(9000, 9500));
        from.Set.Add(3, ids.AsSpan(18_500));
        MemoryStream stream = new();
        using (ObjectSetSnapshot snapshot = from.Set.Snapshot())
        {
            from.Set.Add(4, from.Ids(20));
            await snapshot.CopyToAsync(stream, default);
        }

        Assert.Equal(HeadLength + (ids.Length * format.RawLength()), stream.Length);
        await stream.WriteAsync("what follows"u8.ToArray());
        stream.Position = 0;
        to.Set.Replace(9, to.Ids(10), default);
        await to.Set.ReplaceFromAsync(stream, default);

        SetFixture.AssertHolds(ids, to.Set);
        Assert.Equal(3ul, to.SetAgain().Sequence);
        Assert.Equal("what follows", new StreamReader(stream).ReadToEnd());
    }

    [Fact]
    public async Task ReplaceFrom_EmptySet_IsEmpty()
    {
        using SetFixture fixture = new();
        await fixture.Set.ReplaceFromAsync(new MemoryStream(await CopyAsync(seed: 1, ids: 0)), default);

        Assert.Equal(0, fixture.Set.Cell.Count);
        Assert.Equal(5ul, fixture.Set.Sequence);
    }

    [Fact]
    public async Task ReplaceFrom_CutOffOrDamaged_RefusedAndTheSetStays()
    {
        byte[] copy = await CopyAsync(seed: 1, ids: 30);
        using SetFixture fixture = new(seed: 2);
        ObjectId[] ids = fixture.Ids(10);
        fixture.Set.Replace(1, ids, default);
        for (int length = 0; length < copy.Length; length += 13)
        {
            await RefusedAsync(fixture.Set, copy[..length]);
        }

        for (int bit = 0; bit < copy.Length * 8; bit += 5)
        {
            // Reserved bytes and the sequence say nothing of the ids.
            if (bit / 8 is >= 10 and < 24)
            {
                continue;
            }

            byte[] flipped = [.. copy];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            await RefusedAsync(fixture.Set, flipped);
        }

        SetFixture.AssertHolds(ids, fixture.Set);
        SetFixture.AssertHolds(ids, fixture.SetAgain());
        Assert.Equal(["manifest", "run-1"], Directory.GetFiles(fixture.Folder).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task ReplaceFrom_IdsOutOfOrder_Refused()
    {
        byte[] copy = await CopyAsync(seed: 1, ids: 30);
        byte[] second = copy[(HeadLength + 20)..(HeadLength + 40)];
        copy.AsSpan(HeadLength, 20).CopyTo(copy.AsSpan(HeadLength + 20));
        second.CopyTo(copy, HeadLength);
        using SetFixture fixture = new();

        await RefusedAsync(fixture.Set, copy);
    }

    [Fact]
    public async Task ReplaceFrom_OtherFormat_Refused()
    {
        using SetFixture fixture = new(format: ObjectFormat.Sha256);

        await RefusedAsync(fixture.Set, await CopyAsync(seed: 1, ids: 3));
    }

    private static async Task RefusedAsync(ObjectSet set, byte[] copy) =>
        await Assert.ThrowsAsync<InvalidDataException>(() => set.ReplaceFromAsync(new MemoryStream(copy), default));

    private static async Task<byte[]> CopyAsync(int seed, int ids)
    {
        using SetFixture fixture = new(seed);
        fixture.Set.Replace(5, fixture.Ids(ids), default);
        using ObjectSetSnapshot snapshot = fixture.Set.Snapshot();
        MemoryStream stream = new();
        await snapshot.CopyToAsync(stream, default);
        return stream.ToArray();
    }
}
