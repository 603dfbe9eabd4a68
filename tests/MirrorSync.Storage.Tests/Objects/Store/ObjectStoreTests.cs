using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>Every object of generated repositories, as <c>git cat-file --batch</c> prints it.</summary>
public class ObjectStoreTests
{
    public static TheoryData<Arrangement, ObjectFormat> Arrangements
    {
        get
        {
            TheoryData<Arrangement, ObjectFormat> all = [];
            foreach (Arrangement arrangement in Enum.GetValues<Arrangement>())
            {
                all.Add(arrangement, ObjectFormat.Sha1);
                all.Add(arrangement, ObjectFormat.Sha256);
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Arrangements))]
    public async Task Read_EveryObject_IsWhatCatFilePrints(Arrangement arrangement, ObjectFormat format)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(format);
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        await fixture.ArrangeAsync(arrangement);

        using ObjectStore store = fixture.Open();

        StoreFixture.AssertAll(store, objects);
        fixture.AssertAbsent(store);
    }

    [Theory]
    [InlineData(Arrangement.OffsetDeltas)]
    [InlineData(Arrangement.IndexVersion1)]
    [InlineData(Arrangement.LargeOffsets)]
    public async Task Read_IndexTooLargeToKeep_IsWhatCatFilePrints(Arrangement arrangement)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(shape: new HistoryShape { Commits = 700 });
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        Assert.True(objects.Count > 2000);
        await fixture.ArrangeAsync(arrangement);

        using ObjectStore store = fixture.Open();

        StoreFixture.AssertAll(store, objects);
        fixture.AssertAbsent(store);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(9)]
    public async Task Read_LargeAndEmptyBlobs_InEveryForm(int compression)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        // Not for secrets: the same seed makes the same blob.
#pragma warning disable CA5394
        byte[] noise = new byte[3_000_000];
        new Random(1).NextBytes(noise);
#pragma warning restore CA5394
        byte[] changed = [.. noise];
        changed[1_500_000] ^= 1;
        byte[][] blobs = [noise, changed, new byte[5_000_000], new byte[4096], [], [7]];
        await WriteBlobsAsync(fixture, blobs, compression);
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        using (ObjectStore loose = fixture.Open())
        {
            StoreFixture.AssertAll(loose, objects);
        }

        string ids = string.Concat(objects.Select(o => $"{o.Id.ToHex(fixture.Format)}\n"));
        await StockGit.FeedAsync(
            fixture.Git.Path, Encoding.ASCII.GetBytes(ids), "-c", $"pack.compression={compression}", "pack-objects", "-q", "--no-reuse-object", "objects/pack/all");
        await fixture.Git.GitAsync("prune-packed");
        using ObjectStore packed = fixture.Open();
        StoreFixture.AssertAll(packed, objects);
    }

    [Fact]
    public async Task Read_StreamThatNoSensibleCompressorMakes_IsReadToItsEnd()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        byte[] content = Enumerable.Range(0, 3000).Select(static i => (byte)i).ToArray();
        await fixture.IndexAsync(PackBuilder.Pack(fixture.Format, PackBuilder.Whole(PackEntryType.Blob, content, PackBuilder.StoreByteByByte(content))));

        using ObjectStore store = fixture.Open();

        Assert.True(store.TryRead(fixture.HashOf(ObjectType.Blob, content), 3000, out _, out byte[]? read));
        Assert.Equal(content, read);
    }

    [Theory]
    [InlineData(Arrangement.Loose)]
    [InlineData(Arrangement.OffsetDeltas)]
    public async Task TryRead_LargerThanWanted_Throws(Arrangement arrangement)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        await fixture.ArrangeAsync(arrangement);
        using ObjectStore store = fixture.Open();

        foreach (GitObject large in (await fixture.ReadAllByGitAsync()).Where(static o => o.Content.Length > 0))
        {
            int size = large.Content.Length;
            ObjectTooLargeException thrown = Assert.Throws<ObjectTooLargeException>(() => store.TryRead(large.Id, size - 1, out _, out _));
            Assert.Equal((large.Id, size), (thrown.Id, thrown.Size));
            Assert.True(store.TryRead(large.Id, size, out _, out byte[]? content));
            Assert.Equal(large.Content, content);
        }
    }

    [Fact]
    public async Task TryRead_ContentIsWrittenOver_NextReadersAreNotTouched()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        await fixture.ArrangeAsync(Arrangement.OffsetDeltas);
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        using ObjectStore store = fixture.Open();
        for (int pass = 0; pass < 3; pass++)
        {
            foreach (GitObject expected in objects)
            {
                Assert.True(store.TryRead(expected.Id, int.MaxValue, out _, out byte[]? content));
                Assert.Equal(expected.Content, content);
                content.AsSpan().Fill(0xee);
            }
        }
    }

    [Fact]
    public async Task Contains_PresentOrAbsent_AllocatesNothing()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(shape: new HistoryShape { Commits = 700 });
        await fixture.ArrangeAsync(Arrangement.OffsetDeltas);
        ObjectId[] ids = [.. (await fixture.ReadAllByGitAsync()).Select(static o => o.Id)];
        using ObjectStore store = ObjectStore.Open(fixture.Git.Path, fixture.Format, Later.Instance);
        ObjectId absent = fixture.AbsentId(0);
        foreach (ObjectId id in ids)
        {
            // Until the index is kept.
            _ = store.Contains(id) && store.Contains(absent);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        int found = 0;
        foreach (ObjectId id in ids)
        {
            found += store.Contains(id) ? 1 : 0;
            found += store.Contains(absent) ? 1 : 0;
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(ids.Length, found);
    }

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task Peel_TagsOfEverything_IsWhatRevParseSays(ObjectFormat format)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(format);
        await fixture.Git.GitAsync("tag", "-a", "-m", "tree", "of-tree", "main^{tree}");
        await fixture.Git.GitAsync("tag", "-a", "-m", "tag", "of-tag", "v0.1");
        await fixture.Git.GitAsync("tag", "-a", "-m", "tag", "of-tag-of-tag", "of-tag");
        using ObjectStore store = fixture.Open();

        foreach (string name in new[] { "main", "main^{tree}", "v0.1", "v0.2", "of-tree", "of-tag", "of-tag-of-tag" })
        {
            string peeled = await fixture.Git.IdOfAsync(name + "^{}");
            Assert.Equal(fixture.Id(peeled), store.Peel(fixture.Id(await fixture.Git.IdOfAsync(name))));
        }

        Assert.Throws<ObjectsMissingException>(() => store.Peel(fixture.AbsentId(0)));
    }

    [Fact]
    public async Task Peel_TagOfNothing_SaysSo()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        string gone = fixture.AbsentId(0).ToHex(fixture.Format);
        ObjectId dangling = fixture.Id(await WriteTagAsync($"object {gone}\ntype commit\ntag t\n\n"));
        ObjectId malformed = fixture.Id(await WriteTagAsync("nothing to see\n"));
        using ObjectStore store = fixture.Open();

        Assert.Contains(gone, Assert.Throws<ObjectsMissingException>(() => store.Peel(dangling)).Message, StringComparison.Ordinal);
        Assert.Equal(malformed, Assert.Throws<DamagedObjectException>(() => store.Peel(malformed)).Id);

        Task<string> WriteTagAsync(string text) => StockGit.FeedAsync(
            fixture.Git.Path, Encoding.ASCII.GetBytes(text), "hash-object", "-t", "tag", "-w", "--stdin", "--literally");
    }

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public async Task Read_EmptyTreeThatNobodyWrote_IsThereAsForGit(ObjectFormat format)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(format);
        ObjectId tree = fixture.HashOf(ObjectType.Tree, []);
        Assert.Equal("tree", await fixture.Git.GitAsync("cat-file", "-t", tree.ToHex(format)));
        using ObjectStore store = fixture.Open();
        StoreFixture.AssertAll(store, [new GitObject(tree, ObjectType.Tree, [])], asListed: false);
    }

    [Fact]
    public void Open_NoRepository_Throws()
    {
        using Testing.TempFolder folder = new();
        Assert.ThrowsAny<IOException>(() => ObjectStore.Open(folder.Path, ObjectFormat.Sha1));
    }

    private static async Task WriteBlobsAsync(StoreFixture fixture, byte[][] blobs, int compression)
    {
        foreach (byte[] blob in blobs)
        {
            await StockGit.FeedAsync(fixture.Git.Path, blob, "-c", $"core.looseCompression={compression}", "hash-object", "-w", "--stdin");
        }
    }
}
