using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>Borrowed objects: what git finds is found, what git does not find is not.</summary>
public sealed class AlternatesTests : IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Contains_EveryWayToWriteALine_IsWhatGitFinds()
    {
        string[] names = ["absolute", "relative", "quo\"ted", "octal\u00e9", "trailing", "commented", "last"];
        Dictionary<string, ObjectId> blobs = await CreateAllAsync([.. names, "r"]);
        string Objects(string name) => $"{folder.Path}/{name}.git/objects";
        await WriteAlternatesAsync("r", string.Join('\n',
            Objects("absolute"),
            "",
            "../../relative.git/objects",
            $"\"{folder.Path}/quo\\\"ted.git/objects\"",
            $"\"{folder.Path}/octal\\303\\251.git/obj\\145cts\"",
            Objects("trailing") + "///",
            "#" + Objects("commented"),
            Objects("none"),
            Objects("last")));

        await AssertAsGitAsync("r", blobs, expectFound: names.Length);
    }

    [Fact]
    public async Task Contains_ChainOfEveryDepth_EndsWhereGitsDoes()
    {
        string[] names = ["r", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"];
        Dictionary<string, ObjectId> blobs = await CreateAllAsync(names);
        for (int i = 0; i + 1 < names.Length; i++)
        {
            await WriteAlternatesAsync(names[i], $"../../{names[i + 1]}.git/objects\n");
        }

        await AssertAsGitAsync("r", blobs, expectFound: 7);
    }

    [Fact]
    public async Task Contains_Circle_IsFollowedOnce()
    {
        Dictionary<string, ObjectId> blobs = await CreateAllAsync("r", "a", "b", "apart");
        await WriteAlternatesAsync("r", "../../a.git/objects\n../../r.git/objects\n../../a.git/objects\n");
        await WriteAlternatesAsync("a", "../../b.git/objects\n");
        await WriteAlternatesAsync("b", "../../r.git/objects\n../../a.git/objects\n");

        await AssertAsGitAsync("r", blobs, expectFound: 3);
    }

    [Fact]
    public async Task Read_BorrowedHistory_IsWhatCatFilePrints()
    {
        using StoreFixture lender = await StoreFixture.CreateAsync();
        List<GitObject> objects = await lender.ReadAllByGitAsync();
        string borrower = folder["r.git"];
        await StockGit.RunAsync(folder.Path, "clone", "-q", "--bare", "--shared", lender.Git.Path, borrower);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(borrower, "objects", "pack")));
        using ObjectStore store = ObjectStore.Open(borrower, lender.Format);
        StoreFixture.AssertAll(store, objects);

        // The lender packs anew, as it may at any time.
        await lender.ArrangeAsync(Arrangement.RefDeltas);
        StoreFixture.AssertAll(store, objects);
        lender.AssertAbsent(store);
        StoreFixture.AssertAll(store, objects);
    }

    [Fact]
    public async Task Contains_AlternateThatIsNamedOrMountedLater_IsFound()
    {
        Dictionary<string, ObjectId> blobs = await CreateAllAsync("r", "a");
        using ObjectStore store = ObjectStore.Open(folder["r.git"], ObjectFormat.Sha1);
        Assert.False(store.Contains(blobs["a"]));

        await WriteAlternatesAsync("r", "../../a.git/objects\n");
        Assert.True(store.Contains(blobs["a"]));

        Directory.Move(folder["a.git"], folder["away.git"]);
        using ObjectStore later = ObjectStore.Open(folder["r.git"], ObjectFormat.Sha1);
        Assert.False(later.Contains(blobs["a"]));
        Directory.Move(folder["away.git"], folder["a.git"]);
        Assert.True(later.Contains(blobs["a"]));
    }

    /// <summary>Repositories of one blob each.</summary>
    private async Task<Dictionary<string, ObjectId>> CreateAllAsync(params string[] names)
    {
        Dictionary<string, ObjectId> blobs = [];
        foreach (string name in names)
        {
            BareRepository repository = await BareRepository.InitAsync(folder[$"{name}.git"]);
            string hex = await StockGit.FeedAsync(repository.Path, Encoding.UTF8.GetBytes(name), "hash-object", "-w", "--stdin");
            Assert.True(ObjectId.TryParseHex(hex, ObjectFormat.Sha1, out ObjectId id));
            blobs[name] = id;
        }

        return blobs;
    }

    private Task WriteAlternatesAsync(string name, string text) =>
        File.WriteAllTextAsync(folder[$"{name}.git/objects/info/alternates"], text);

    private async Task AssertAsGitAsync(string name, Dictionary<string, ObjectId> blobs, int expectFound)
    {
        using ObjectStore store = ObjectStore.Open(folder[$"{name}.git"], ObjectFormat.Sha1);
        int found = 0;
        foreach ((string of, ObjectId id) in blobs)
        {
            GitResult git = await StockGit.TryAsync(folder[$"{name}.git"], ["cat-file", "-e", id.ToHex(ObjectFormat.Sha1)]);
            Assert.True(store.Contains(id) == (git.Code == 0), $"{of}: git exits {git.Code}");
            Assert.Equal(git.Code == 0, store.TryRead(id, 1000, out _, out _));
            found += git.Code == 0 ? 1 : 0;
        }

        Assert.Equal(expectFound, found);
    }
}
