using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Testing.Packs;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Indexing;

/// <summary>Packs of every shape, beside <c>git index-pack</c>: index, reverse index and checksum, byte by byte.</summary>
public sealed class PackShapeTests : IDisposable
{
    private readonly IndexerOracle oracle = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Index_EmptyPack_AsGit(bool sha256) => oracle.AssertSameAsync(new PackBuilder(sha256).Build(), sha256);

    [Theory]
    [InlineData(false, "")]
    [InlineData(false, "one")]
    [InlineData(true, "one")]
    public Task Index_OneBlob_AsGit(bool sha256, string text)
    {
        PackBuilder pack = new(sha256);
        pack.Add(TestObject.Blob(text, sha256));
        return oracle.AssertSameAsync(pack.Build(), sha256);
    }

    [Theory]
    [InlineData(false, 2)]
    [InlineData(false, 3)]
    [InlineData(true, 2)]
    public Task Index_AllFourTypes_AsGit(bool sha256, uint version)
    {
        PackBuilder pack = new(sha256) { Version = version };
        AddAllTypes(pack);
        return oracle.AssertSameAsync(pack.Build(), sha256);
    }

    [Fact]
    public Task Index_EveryDeflateLevel_AsGit()
    {
        PackBuilder pack = new();
        for (int level = 0; level <= 9; level++)
        {
            pack.Add(TestObject.Blob(Lines(level, 400)), level);
        }

        return oracle.AssertSameAsync(pack.Build());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Index_SameObjectTwice_AsGit(bool sha256)
    {
        PackBuilder pack = new(sha256);
        pack.Add(TestObject.Blob("twice", sha256));
        pack.Add(TestObject.Blob("once", sha256));
        pack.Add(TestObject.Blob("twice", sha256), level: 0);
        TestObject made = TestObject.Blob("twice as well", sha256);
        pack.AddOffsetDelta(0, DeltaScript.Between("twice"u8, made.Content));
        pack.Add(made);
        return oracle.AssertSameAsync(pack.Build(), sha256);
    }

    [Theory]
    [InlineData(50, false)]
    [InlineData(50, true)]
    [InlineData(5000, false)]
    public Task Index_ChainOfOffsetDeltas_AsGit(int length, bool sha256)
    {
        PackBuilder pack = new(sha256);
        byte[] before = Encoding.UTF8.GetBytes(Lines(0, 20));
        pack.Add(TestObject.Of(3, before, sha256));
        for (int i = 1; i < length; i++)
        {
            byte[] next = Encoding.UTF8.GetBytes($"{i}\n{Lines(0, 20)}");
            pack.AddOffsetDelta(i - 1, DeltaScript.Between(before, next), level: 1);
            before = next;
        }

        return oracle.AssertSameAsync(pack.Build(), sha256);
    }

    [Fact]
    public Task Index_ChainBackwardsById_AsGit()
    {
        // Each base comes after its delta, so that ids come one round at a time.
        PackBuilder pack = new();
        TestObject[] versions = [.. Enumerable.Range(0, 60).Select(i => TestObject.Blob($"{i}\n{Lines(1, 30)}"))];
        for (int i = versions.Length - 1; i > 0; i--)
        {
            pack.AddRefDelta(versions[i - 1].Id, DeltaScript.Between(versions[i - 1].Content, versions[i].Content));
        }

        pack.Add(versions[0]);
        return oracle.AssertSameAsync(pack.Build());
    }

    [Fact]
    public Task Index_WideTreeOfDeltas_AsGit()
    {
        PackBuilder pack = new();
        byte[][] contents = new byte[1500][];
        contents[0] = Encoding.UTF8.GetBytes(Lines(2, 60));
        pack.Add(TestObject.Of(3, contents[0]));
        for (int i = 1; i < contents.Length; i++)
        {
            // Eight children each, of which the next eight children follow much later.
            int onto = (i - 1) / 8;
            contents[i] = Encoding.UTF8.GetBytes($"{Lines(2, 60)}{i}\n");
            pack.AddOffsetDelta(onto, DeltaScript.Between(contents[onto], contents[i]), level: 1);
        }

        return oracle.AssertSameAsync(pack.Build());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Index_BothKindsOfDeltaMixed_AsGit(bool sha256)
    {
        PackBuilder pack = new(sha256);
        TestObject[] versions = [.. Enumerable.Range(0, 12).Select(i => TestObject.Blob($"{Lines(3, 50)}{i}", sha256))];
        pack.AddRefDelta(versions[11].Id, DeltaScript.Between(versions[11].Content, versions[0].Content));
        for (int i = 1; i < 11; i++)
        {
            byte[] delta = DeltaScript.Between(versions[i - 1].Content, versions[i].Content);
            _ = i % 3 == 0 ? pack.AddRefDelta(versions[i - 1].Id, delta) : pack.AddOffsetDelta(i - 1, delta);
        }

        pack.Add(versions[11]);
        return oracle.AssertSameAsync(pack.Build(), sha256);
    }

    [Fact]
    public Task Index_EmptyBaseAndEmptyResult_AsGit()
    {
        PackBuilder pack = new();
        pack.Add(TestObject.Blob(string.Empty));
        int text = pack.Add(TestObject.Blob(Lines(4, 90)));
        pack.AddOffsetDelta(0, new DeltaScript(0, 3).Insert("abc"u8).Bytes);
        pack.AddOffsetDelta(text, new DeltaScript((ulong)pack.Parts[text].Content.Length, 0).Bytes.Length < 4
            ? DeltaScript.Between(pack.Parts[text].Content, "x"u8) : new DeltaScript((ulong)pack.Parts[text].Content.Length, 0).Bytes);
        return oracle.AssertSameAsync(pack.Build());
    }

    [Theory]
    [InlineData(new byte[] { 0x80, 0x80, 0x80 })]
    [InlineData(new byte[] { 0x80, 0x80, 0x00 })]
    [InlineData(new byte[] { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00 })]
    public Task Index_DeltaSizeCutOffOrPadded_AsGit(byte[] resultSize)
    {
        // git's get_delta_hdr_size ends where the delta ends, and minds no zeros.
        PackBuilder pack = new();
        pack.Add(TestObject.Blob("bases"));
        pack.AddOffsetDelta(0, [5, .. resultSize]);
        return oracle.AssertSameAsync(pack.Build());
    }

    [Fact]
    public Task Index_SizesPaddedToNineBytes_AsGit()
    {
        PackBuilder pack = new();
        pack.Add(new PackPart { Kind = 3, Content = "a"u8.ToArray(), SizePadding = 8 });
        pack.Add(new PackPart { Kind = PackPart.OffsetDelta, Base = 0, Content = new DeltaScript(1, 2).Insert("bc"u8).Bytes, SizePadding = 8 });
        return oracle.AssertSameAsync(pack.Build());
    }

    /// <summary>The one case in which git is less strict on purpose of nobody: it can not read what it takes there.</summary>
    [Fact]
    public async Task Index_SizePaddedToTenBytes_IsRefusedThoughGitTakesWhatItCannotRead()
    {
        TestObject blob = TestObject.Blob("padded");
        PackBuilder pack = new();
        pack.Add(new PackPart { Kind = 3, Content = blob.Content, SizePadding = 9 });
        byte[] bytes = pack.Build();
        BareRepository repository = await BareRepository.InitAsync(Path.Combine(oracle.Folder, "r.git"));
        await StockGit.FeedAsync(repository.Path, bytes, "index-pack", "--stdin");
        GitResult read = await StockGit.TryAsync(repository.Path, ["cat-file", "blob", blob.Hex]);
        Assert.Contains("bad object header", read.Error, StringComparison.Ordinal);

        Assert.Null(oracle.Index(bytes, false, new PackIndexOptions { Threads = 1 }, out InvalidPackException? refusal));
        Assert.Equal((PackFault.EntrySize, 12), (refusal?.Fault, refusal?.Offset));
    }

    /// <summary>
    /// The other known difference: streams that libdeflate takes and zlib does not. git refuses the pack and cannot read the
    /// object; so packs have to come from a git, or from somebody who has asked one.
    /// </summary>
    [Theory]
    [InlineData("no distance code, but one is used")]
    [InlineData("one distance code, but the other bit is used")]
    [InlineData("287 literal codes declared")]
    public async Task Index_CodesThatZlibRefuses_IsTakenThoughGitRefuses(string what)
    {
        (byte[] blocks, byte[] content) = OddBlocks.Make(what);
        PackBuilder pack = new();
        pack.Add(new PackPart { Kind = 3, Content = content, Stream = ZlibBytes.Frame(blocks, content) });
        byte[] bytes = pack.Build();
        IndexPackAnswer git = await GitIndexPack.AskAsync(oracle.Folder, bytes, sha256: false);
        Assert.Contains("inflate: data stream error", git.Error, StringComparison.Ordinal);
        Assert.True(oracle.Accepts(bytes));
    }

    [Theory]
    [InlineData(false, 40)]
    [InlineData(true, 40)]
    [InlineData(false, 1)]
    [InlineData(false, 0)]
    public async Task WriteIndex_LargeOffsets_AsGit(bool sha256, long largestShort)
    {
        PackBuilder pack = new(sha256);
        AddAllTypes(pack);
        byte[] bytes = pack.Build();
        IndexPackAnswer git = await GitIndexPack.AskAsync(oracle.Folder, bytes, sha256, $"--index-version=2,0x{largestShort:x}");
        ObjectFormat format = sha256 ? ObjectFormat.Sha256 : ObjectFormat.Sha1;
        using PackWork work = new(format, new PackIndexOptions { Threads = 1 }, new PackProgress());
        work.Consume(bytes, final: true);
        IndexedPack indexed = work.Resolve(new MemoryPack(bytes), null, completes: false, oracle.Folder, CancellationToken.None);
        string path = Path.Combine(oracle.Folder, "large.idx");

        using (var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write))
        {
            PackIndexWriter.WriteIndex(file, work.Entries, work.Order.Span, indexed.Checksum, largestShort);
        }

        Assert.Equal(git.Index, await File.ReadAllBytesAsync(path));
    }

    public void Dispose() => oracle.Dispose();

    internal static void AddAllTypes(PackBuilder pack)
    {
        TestObject blob = TestObject.Blob("a file\n", pack.Sha256);
        TestObject tree = TestObject.Tree(pack.Sha256, ("100644", "file", blob.Id));
        TestObject commit = TestObject.Commit(pack.Sha256, tree.Id, "first");
        TestObject child = TestObject.Commit(pack.Sha256, tree.Id, "second", commit.Id);
        foreach (TestObject made in new[] { TestObject.Tag(pack.Sha256, child, "v1"), child, commit, tree, blob })
        {
            pack.Add(made);
        }
    }

    internal static string Lines(int seed, int count)
    {
        StringBuilder text = new();
        for (int i = 0; i < count; i++)
        {
            text.Append("line ").Append(i * (seed + 7) % 1013).Append(" of ").Append(seed).Append('\n');
        }

        return text.ToString();
    }
}
