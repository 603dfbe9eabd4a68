using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing.Packs;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Indexing;

/// <summary>What new objects name has to be in the pack or in the store.</summary>
public sealed class ConnectedTests
{
    private static readonly TestObject Absent = TestObject.Blob("is nowhere");

    /// <summary>Objects of which the last one names what is not there, or what is of another type.</summary>
    public static TheoryData<string> Broken =>
        ["commit's tree", "commit's parent", "tree's blob", "tree's tree", "tag's target", "tree for blob", "blob for tree", "commit for tree", "tag's type", "blob for parent"];

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task Receive_NamedObjectMissingOrOfOtherType_IsRefusedAsByGitAndNothingLeft(string what)
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        PackBuilder pack = new();
        TestObject blob = TestObject.Blob("there");
        TestObject tree = TestObject.Tree(false, ("100644", "file", blob.Id));
        pack.Add(blob);
        pack.Add(tree);
        TestObject commit = TestObject.Commit(false, tree.Id, "there");
        pack.Add(commit);
        int culprit = pack.Add(what switch
        {
            "commit's tree" => TestObject.Commit(false, Absent.Id, "m"),
            "commit's parent" => TestObject.Commit(false, tree.Id, "m", Absent.Id),
            "tree's blob" => TestObject.Tree(false, ("100644", "file", Absent.Id)),
            "tree's tree" => TestObject.Tree(false, ("40000", "file", Absent.Id)),
            "tag's target" => TestObject.Tag(false, TestObject.Commit(false, tree.Id, "absent"), "v1"),
            "tree for blob" => TestObject.Tree(false, ("100644", "file", tree.Id)),
            "blob for tree" => TestObject.Tree(false, ("40000", "file", blob.Id)),
            "commit for tree" => TestObject.Commit(false, commit.Id, "m"),
            "tag's type" => TestObject.Tag(false, commit, "v1", "tree"),
            _ => TestObject.Commit(false, tree.Id, "m", blob.Id),
        });
        byte[] bytes = pack.Build();

        InvalidPackException refusal = await fixture.AssertRefusedAsync(bytes, ObjectChecks.Strict);
        InvalidPackException? connected = await fixture.ReceiveRefusedAsync(bytes, new PackIndexOptions { Checks = ObjectChecks.Connected });

        PackFault fault = what.Contains("'s ", StringComparison.Ordinal) && what != "tag's type" ? PackFault.MissingLink : PackFault.LinkType;
        Assert.Equal((fault, pack.Offsets[culprit]), (refusal.Fault, refusal.Offset));
        if (what == "tree for blob")
        {
            // git's connectivity check takes it, so primaries have such trees; only --strict refuses.
            Assert.Null(connected);
            return;
        }

        Assert.Equal((fault, pack.Offsets[culprit]), (connected?.Fault, connected?.Offset));
        await fixture.AssertSameAsync(bytes);
    }

    [Theory]
    [InlineData(ObjectChecks.Connected)]
    [InlineData(ObjectChecks.Strict)]
    public async Task Receive_LinksIntoTheStore_AreFound(ObjectChecks checks)
    {
        // A stored commit is packed, the tree is loose.
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        TestObject tree = fixture.Stored.Single(static o => o.Type == 2);
        TestObject parent = fixture.Stored.Single(static o => o.Type == 1);
        PackBuilder pack = new();
        pack.Add(TestObject.Commit(false, tree.Id, "child", parent.Id));
        pack.Add(TestObject.Tree(false, ("100644", "a", fixture.Stored[0].Id), ("40000", "dir", tree.Id), ("160000", "module", Absent.Id)));
        await AssertAcceptedAsync(fixture, pack.Build(), checks);
    }

    [Fact]
    public async Task Receive_LinksIntoAlternates_AreFound()
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        string alternate = Path.Combine(fixture.Folder, "alternate.git");
        await BareRepository.InitAsync(alternate);
        await ReceiveFixture.AddLooseAsync(alternate, Absent);
        foreach (string repository in new[] { fixture.Git, fixture.Ours.Path })
        {
            await File.WriteAllTextAsync(Path.Combine(repository, "objects", "info", "alternates"), Path.Combine(alternate, "objects") + "\n");
        }

        PackBuilder pack = new();
        pack.Add(TestObject.Tree(false, ("100644", "a", Absent.Id)));
        pack.AddRefDelta(Absent.Id, DeltaScript.Between(Absent.Content, "thin, of the alternate's"u8));
        await AssertAcceptedAsync(fixture, pack.Build(), ObjectChecks.Strict);
    }

    [Fact]
    public async Task Receive_TreeDeltaOntoAThinBase_OnlyTheDifferenceIsAsked()
    {
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        TestObject onto = fixture.Stored.Single(static o => o.Type == 2);
        byte[] changed = [.. onto.Content];
        Absent.Id.CopyTo(changed, changed.Length - 20);
        PackBuilder pack = new();
        pack.AddRefDelta(onto.Id, DeltaScript.Between(onto.Content, changed));
        InvalidPackException refusal = await fixture.AssertRefusedAsync(pack.Build(), ObjectChecks.Strict);
        Assert.Equal((PackFault.MissingLink, 12), (refusal.Fault, refusal.Offset));
        pack.Add(Absent);
        await AssertAcceptedAsync(fixture, pack.Build(), ObjectChecks.Strict);
    }

    [Fact]
    public async Task Receive_ThinTreeBaseWhoseBlobTheStoreLacks_IsRefusedAsByGit()
    {
        // The base is left over from something that was pruned: that it is there says nothing of what it names.
        using ReceiveFixture fixture = await ReceiveFixture.CreateAsync(sha256: false);
        TestObject onto = TestObject.Tree(false, ("100644", "a", Absent.Id), ("100644", "b", fixture.Stored[0].Id));
        await ReceiveFixture.AddLooseAsync(fixture.Git, onto);
        await ReceiveFixture.AddLooseAsync(fixture.Ours.Path, onto);
        TestObject changed = TestObject.Tree(false, ("100644", "a", Absent.Id), ("100644", "b", fixture.Stored[1].Id));
        PackBuilder pack = new();
        pack.AddRefDelta(onto.Id, DeltaScript.Between(onto.Content, changed.Content));
        InvalidPackException refusal = await fixture.AssertRefusedAsync(pack.Build(), ObjectChecks.Strict);
        Assert.Equal((PackFault.MissingLink, 12), (refusal.Fault, refusal.Offset));
    }

    private static async Task AssertAcceptedAsync(ReceiveFixture fixture, byte[] pack, ObjectChecks checks)
    {
        GitResult git = await StockGit.TryAsync(fixture.Git, ["index-pack", "--strict", "--fix-thin", "--stdin"], pack);
        Assert.True(git.Code == 0, git.Error);
        foreach (PackIndexOptions options in IndexerOracle.AllOptions)
        {
            using ObjectStore store = ObjectStore.Open(fixture.Ours.Path, fixture.Format);
            IndexedPack indexed = await fixture.ReceiveAsync(store, pack, options with { Checks = checks }, piece: 100);
            Assert.Equal(0, indexed.Findings?.Refused);
        }
    }
}
