using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing.Packs;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Indexing;

/// <summary>Findings of fsck refuse a pack, or are only counted, as with and without git's <c>--strict</c>.</summary>
public sealed class StrictTests : IDisposable
{
    private readonly IndexerOracle oracle = new();

    public static TheoryData<string, bool> Findings => new()
    {
        { "sound", true },
        { "tree not sorted", false },
        { "name twice", false },
        { ".git", false },
        { "zero-padded mode", false },
        { "group-writable mode", true },
        { "no author", false },
        { "bad date", false },
        { "bad time zone", false },
        { "tag without tagger", true },
        { ".gitmodules with an option for a url", false },
        { ".gitmodules as a tree", false },
        { ".gitattributes", true },
    };

    [Theory]
    [MemberData(nameof(Findings))]
    public async Task Index_ObjectsWithFindings_StrictAsGitAndConnectedCounts(string what, bool accepted)
    {
        PackBuilder pack = Build(what);
        byte[] bytes = pack.Build();
        // Outside of a repository git crashes where it wants to read a .gitmodules.
        BareRepository repository = await BareRepository.InitAsync(Path.Combine(oracle.Folder, "r.git"));
        IndexPackAnswer git = await GitIndexPack.AskAsync(repository.Path, bytes, sha256: false, "--strict");
        Assert.True(git.Accepted == accepted, git.Error);
        Assert.True(accepted || git.Error.Contains("fsck error", StringComparison.Ordinal), git.Error);
        foreach (PackIndexOptions options in IndexerOracle.AllOptions)
        {
            var strict = oracle.Index(bytes, false, options with { Checks = ObjectChecks.Strict }, out InvalidPackException? refusal);
            Assert.True(strict is not null == accepted, $"{IndexerOracle.Describe(options)}: {refusal?.Message}");
            Assert.Equal(accepted ? PackFault.None : PackFault.Finding, refusal?.Fault ?? PackFault.None);
            var connected = oracle.Index(bytes, false, options with { Checks = ObjectChecks.Connected }, out refusal);
            Assert.True(connected is not null, refusal?.Message);
        }

        await oracle.AssertSameAsync(bytes);
    }

    [Theory]
    [InlineData("tree ")]
    [InlineData("")]
    [InlineData("parent 0000000000000000000000000000000000000000\n")]
    public async Task Index_CommitThatCannotBeWalked_IsRefusedByStrictAsByGit(string content)
    {
        PackBuilder pack = new();
        pack.Add(TestObject.Blob("before"));
        pack.Add(TestObject.Of(1, System.Text.Encoding.ASCII.GetBytes(content)));
        InvalidPackException refusal = await oracle.AssertRefusedAsync(pack.Build(), checks: ObjectChecks.Strict);
        Assert.Equal((PackFault.Structure, pack.Offsets[1]), (refusal.Fault, refusal.Offset));
        await oracle.AssertSameAsync(pack.Build());
    }

    [Theory]
    [InlineData("4b825dc642cb6eb9a060e54bf8d69288fbee4904")]
    [InlineData("4b825dc642cb6eb9a060e54bf8d69288fbee4905")]
    public async Task Index_CommitOfAnAbsentTree_AsGit(string tree)
    {
        // git knows the empty tree without having it.
        PackBuilder pack = new();
        string content = $"tree {tree}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nm\n";
        pack.Add(TestObject.Of(1, System.Text.Encoding.ASCII.GetBytes(content)));
        byte[] bytes = pack.Build();
        BareRepository repository = await BareRepository.InitAsync(Path.Combine(oracle.Folder, "r.git"));
        IndexPackAnswer git = await GitIndexPack.AskAsync(repository.Path, bytes, sha256: false, "--strict");
        Assert.Equal(tree.EndsWith('4'), git.Accepted);
        foreach (PackIndexOptions options in IndexerOracle.AllOptions)
        {
            var strict = oracle.Index(bytes, false, options with { Checks = ObjectChecks.Strict }, out InvalidPackException? refusal);
            Assert.True(strict is not null == git.Accepted, $"{IndexerOracle.Describe(options)}: {refusal?.Message}");
        }
    }

    [Fact]
    public async Task Index_SameObjectTwice_IsRefusedByStrictAsByGit()
    {
        PackBuilder pack = new();
        pack.Add(TestObject.Blob("twice"));
        pack.Add(TestObject.Blob("twice"));
        InvalidPackException refusal = await oracle.AssertRefusedAsync(pack.Build(), checks: ObjectChecks.Strict);
        Assert.Equal(PackFault.Duplicate, refusal.Fault);
    }

    [Theory]
    [InlineData("blob 5\0other", 3)]
    [InlineData("blob 10\0in the pac!", 3)]
    [InlineData("tree 0\0", 3)]
    [InlineData("no object at all", 3)]
    public async Task Receive_IdThatIsStoredWithOtherBytes_IsRefusedAsByGitAndNothingLeft(string stored, int type)
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        TestObject received = TestObject.Of(type, System.Text.Encoding.ASCII.GetBytes("in the pack"));
        foreach (string repository in new[] { fixture.Git, fixture.Ours.Path })
        {
            string folder = Path.Combine(repository, "objects", received.Hex[..2]);
            Directory.CreateDirectory(folder);
            await File.WriteAllBytesAsync(Path.Combine(folder, received.Hex[2..]), ZlibBytes.Deflate(System.Text.Encoding.ASCII.GetBytes(stored), 6));
        }

        PackBuilder pack = new();
        pack.Add(TestObject.Blob("before"));
        pack.Add(received);
        InvalidPackException refusal = await fixture.AssertRefusedAsync(pack.Build());
        Assert.Equal((PackFault.IdCollision, pack.Offsets[1]), (refusal.Fault, refusal.Offset));
    }

    [Fact]
    public async Task Receive_ThinBaseThatIsDamagedInTheStore_IsRefusedAsByGitAndNothingLeft()
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        TestObject onto = fixture.Stored[3];
        foreach (string repository in new[] { fixture.Git, fixture.Ours.Path })
        {
            string path = Path.Combine(repository, "objects", onto.Hex[..2], onto.Hex[2..]);
            File.Delete(path);
            await File.WriteAllBytesAsync(path, ZlibBytes.Deflate("blob 5\0other"u8, 6));
        }

        PackBuilder pack = new();
        pack.AddRefDelta(onto.Id, DeltaScript.Between(onto.Content, "new"u8));
        byte[] bytes = pack.Build();
        GitResult git = await StockGit.TryAsync(fixture.Git, ["index-pack", "--fix-thin", "--stdin"], bytes);
        Assert.NotEqual(0, git.Code);
        string before = ReceiveFixture.Listing(fixture.Ours.Path);
        using ObjectStore store = ObjectStore.Open(fixture.Ours.Path, fixture.Format);

        // The store's damage is no fault of the pack.
        await Assert.ThrowsAsync<DamagedObjectException>(() => fixture.ReceiveAsync(store, bytes, new PackIndexOptions { Threads = 1 }));

        Assert.Equal(before, ReceiveFixture.Listing(fixture.Ours.Path));
    }

    public void Dispose() => oracle.Dispose();

    private static PackBuilder Build(string what)
    {
        PackBuilder pack = new();
        TestObject blob = TestObject.Blob("content");
        TestObject modules = TestObject.Blob("[submodule \"m\"]\n\tpath = m\n\turl = -u./payload\n");
        TestObject tree = what switch
        {
            "tree not sorted" => TestObject.Tree(false, ("100644", "b", blob.Id), ("100644", "a", blob.Id)),
            "name twice" => TestObject.Tree(false, ("100644", "a", blob.Id), ("100644", "a", blob.Id)),
            ".git" => TestObject.Tree(false, ("100644", ".git", blob.Id)),
            "zero-padded mode" => TestObject.Tree(false, ("0100644", "a", blob.Id)),
            "group-writable mode" => TestObject.Tree(false, ("100664", "a", blob.Id)),
            ".gitmodules with an option for a url" => TestObject.Tree(false, ("100644", ".gitmodules", modules.Id)),
            ".gitmodules as a tree" => TestObject.Tree(false, ("40000", ".gitmodules", TestObject.Tree(false, ("100644", "a", blob.Id)).Id)),
            ".gitattributes" => TestObject.Tree(false, ("100644", ".gitattributes", blob.Id)),
            _ => TestObject.Tree(false, ("100644", "a", blob.Id)),
        };
        TestObject commit = TestObject.Commit(false, tree.Id, "message");
        string text = System.Text.Encoding.ASCII.GetString(commit.Content);
        commit = what switch
        {
            "no author" => OfText(text.Replace("author", "auther", StringComparison.Ordinal)),
            "bad date" => OfText(text.Replace("1700000000", "x", StringComparison.Ordinal)),
            "bad time zone" => OfText(text.Replace("+0000", "0", StringComparison.Ordinal)),
            _ => commit,
        };
        List<TestObject> objects = [blob, modules, tree, commit];
        if (what == ".gitmodules as a tree")
        {
            objects.Add(TestObject.Tree(false, ("100644", "a", blob.Id)));
        }

        if (what == "tag without tagger")
        {
            objects.Add(TestObject.Of(4, System.Text.Encoding.ASCII.GetBytes($"object {commit.Hex}\ntype commit\ntag v1\n\nold\n")));
        }

        foreach (TestObject made in objects)
        {
            pack.Add(made);
        }

        return pack;
    }

    private static TestObject OfText(string text) => TestObject.Of(1, System.Text.Encoding.ASCII.GetBytes(text));
}
