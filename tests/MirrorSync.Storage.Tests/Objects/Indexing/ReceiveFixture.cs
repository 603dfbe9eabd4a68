using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Packs;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Indexing;

/// <summary>Two repositories with the same objects, packed and loose: git receives into one, this project into the other.</summary>
internal sealed class ReceiveFixture : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly bool sha256;

    private ReceiveFixture(bool sha256) => this.sha256 = sha256;

    public string Folder => folder.Path;

    public string Git => folder["git.git"];

    public Repository Ours => new(RepositoryName.Parse("ours.git"), folder["ours.git"], Format);

    public ObjectFormat Format => sha256 ? ObjectFormat.Sha256 : ObjectFormat.Sha1;

    /// <summary>What both repositories have: blobs, a tree of them and a commit, all connected.</summary>
    public List<TestObject> Stored { get; } = [];

    public TestObject PackedAsDelta { get; private set; } = null!;

    public static async Task<ReceiveFixture> CreateAsync(bool sha256)
    {
        ReceiveFixture fixture = new(sha256);
        TestObject[] blobs = [.. Enumerable.Range(0, 5).Select(i => TestObject.Blob($"{PackShapeTests.Lines(i, 60)}stored", sha256))];
        TestObject tree = TestObject.Tree(sha256, [.. blobs.Select(static (b, i) => ("100644", $"file{i}", b.Id))]);
        TestObject commit = TestObject.Commit(sha256, tree.Id, "stored");
        fixture.Stored.AddRange([.. blobs, tree, commit]);
        fixture.PackedAsDelta = blobs[1];
        foreach (string path in new[] { fixture.Git, fixture.Ours.Path })
        {
            await BareRepository.InitAsync(path, fixture.Format.GitName());
            PackBuilder pack = new(sha256);
            pack.Add(blobs[0]);
            pack.AddOffsetDelta(0, DeltaScript.Between(blobs[0].Content, blobs[1].Content));
            pack.Add(commit);
            await StockGit.FeedAsync(path, pack.Build(), "index-pack", "--stdin");
            foreach (TestObject loose in fixture.Stored.Except([blobs[0], blobs[1], commit]))
            {
                await AddLooseAsync(path, loose);
            }
        }

        return fixture;
    }

    /// <summary>Writes a loose object by git, whatever it is.</summary>
    public static Task AddLooseAsync(string repository, TestObject made) =>
        StockGit.FeedAsync(repository, made.Content, "hash-object", "-w", "--stdin", "--literally", "-t", made.TypeName);

    /// <summary>Every file of the repository's objects.</summary>
    public static string Listing(string repository) => string.Join(
        '\n', Directory.EnumerateFiles(Path.Combine(repository, "objects"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));

    /// <summary>Receives by both, in memory and as a stream, and asserts that the same files come of it.</summary>
    public async Task AssertSameAsync(byte[] pack, int piece = 4096)
    {
        GitResult result = await StockGit.TryAsync(Git, ["index-pack", "--fix-thin", "--stdin", "--rev-index"], pack);
        Assert.True(result.Code == 0, result.Error);
        string checksum = result.Text.Trim().Split('\t')[1];
        byte[][] expected = [.. Files(Git, checksum).Select(File.ReadAllBytes)];
        string before = Listing(Ours.Path);
        foreach (PackIndexOptions options in IndexerOracle.AllOptions)
        {
            foreach (bool stream in new[] { true, false })
            {
                string how = $"{IndexerOracle.Describe(options)} stream={stream}";
                using ObjectStore store = ObjectStore.Open(Ours.Path, Format);
                IndexedPack indexed = await ReceiveAsync(store, pack, options, completes: true, stream ? piece : 0);
                Assert.Equal(checksum, indexed.Checksum.ToHex(Format));
                string[] files = Files(Ours.Path, checksum);
                for (int i = 0; i < files.Length; i++)
                {
                    byte[] made = await File.ReadAllBytesAsync(files[i]);
                    Assert.True(expected[i].AsSpan().SequenceEqual(made), $"{how}: {Path.GetExtension(files[i])} differs");
                    Assert.Equal(new FileInfo(Files(Git, checksum)[i]).UnixFileMode, new FileInfo(files[i]).UnixFileMode);
                    File.Delete(files[i]);
                }

                Assert.Equal(before, Listing(Ours.Path));
            }
        }
    }

    /// <summary>Asserts that neither takes the pack, and that ours leaves nothing behind.</summary>
    public async Task<InvalidPackException> AssertRefusedAsync(byte[] pack, ObjectChecks checks = ObjectChecks.None)
    {
        string[] strict = checks == ObjectChecks.None ? [] : ["--strict"];
        GitResult git = await StockGit.TryAsync(Git, ["index-pack", "--fix-thin", "--stdin", .. strict], pack);
        Assert.True(git.Code != 0, "git accepts it");
        InvalidPackException? first = null;
        foreach (PackIndexOptions options in IndexerOracle.AllOptions)
        {
            InvalidPackException? refusal = await ReceiveRefusedAsync(pack, options with { Checks = checks });
            Assert.True(refusal is not null, $"{IndexerOracle.Describe(options)}: accepted, but git says {git.Error}");
            first ??= refusal;
        }

        return first!;
    }

    /// <summary>Receives in memory and as a stream; the refusal, or null. Asserts that nothing is left of what is refused.</summary>
    public async Task<InvalidPackException?> ReceiveRefusedAsync(byte[] pack, PackIndexOptions options, bool completes = true)
    {
        string before = Listing(Ours.Path);
        InvalidPackException? refusal = null;
        foreach (int piece in new[] { 0, 4096 })
        {
            using ObjectStore store = ObjectStore.Open(Ours.Path, Format);
            try
            {
                await ReceiveAsync(store, pack, options, completes, piece);
                return null;
            }
            catch (InvalidPackException refused)
            {
                refusal = refused;
                Assert.Equal(before, Listing(Ours.Path));
            }
        }

        return refusal;
    }

    /// <summary>Receives: in memory when the piece is 0, otherwise as a stream of such pieces.</summary>
    public async Task<IndexedPack> ReceiveAsync(ObjectStore store, byte[] pack, PackIndexOptions options, bool completes = true, int piece = 0)
    {
        PackIndexer indexer = new(options);
        if (piece == 0)
        {
            return indexer.Receive(Ours, store, pack, completes, CancellationToken.None);
        }

        await using PiecewiseStream stream = new(pack, piece);
        return await indexer.ReceiveAsync(Ours, store, stream, completes, new PackProgress(), CancellationToken.None);
    }

    public void Dispose() => folder.Dispose();

    private static string[] Files(string repository, string checksum)
    {
        string path = Path.Combine(repository, "objects", "pack", $"pack-{checksum}");
        return [path + ".pack", path + ".idx", path + ".rev"];
    }
}
