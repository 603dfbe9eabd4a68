using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>All ids, as <c>git cat-file --batch-all-objects</c> lists them.</summary>
public class EnumerateIdsTests
{
    [Theory]
    [MemberData(nameof(ObjectStoreTests.Arrangements), MemberType = typeof(ObjectStoreTests))]
    public async Task EnumerateIds_EveryArrangement_IsWhatGitLists(Arrangement arrangement, ObjectFormat format)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(format);
        await fixture.ArrangeAsync(arrangement);
        using ObjectStore store = fixture.Open();

        Assert.Equal(await ListAsync(fixture), store.EnumerateIds());
        Assert.Equal(await CountAsync(fixture), store.CountPacked());
    }

    [Fact]
    public async Task EnumerateIds_BorrowedPackedTwiceAndLoose_EachOnceInOrder()
    {
        using StoreFixture lender = await StoreFixture.CreateAsync();
        string borrower = Path.Combine(lender.Folder, "b.git");
        await StockGit.RunAsync(lender.Folder, "clone", "-q", "--bare", "--shared", lender.Git.Path, borrower);
        await StockGit.RunAsync(borrower, "repack", "-q", "-a");
        await lender.Git.GitAsync("repack", "-q", "-a", "--depth=3");
        await StockGit.FeedAsync(borrower, "own"u8.ToArray(), "hash-object", "-w", "--stdin");
        string[] listed = (await StockGit.RunAsync(borrower, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")).Split('\n');
        using ObjectStore store = ObjectStore.Open(borrower, lender.Format);

        ObjectId[] ids = [.. store.EnumerateIds()];

        Assert.Equal(listed, ids.Select(i => i.ToHex(lender.Format)));
        Assert.Equal(ids.Order(), ids);
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Theory]
    [InlineData(512)]
    [InlineData(1)]
    public async Task EnumerateIds_WhileGitRepacks_NothingIsLeftOut(int openFiles)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        ObjectId[] always = [.. await ListAsync(fixture)];
        using ObjectStore store = ObjectStore.Open(fixture.Git.Path, fixture.Format, TimeProvider.System, new OpenFiles(openFiles), StoreFixture.LittleMemory());
        using CancellationTokenSource done = new(Patience.Deadline);
        Task<int> reader = Task.Run(() => ListOn(store, always, done.Token));

        for (int i = 0; i < 3; i++)
        {
            await fixture.UnpackSafelyAsync();
            string commit = await fixture.Git.CommitAsync($"more {i}");
            await fixture.Git.GitAsync("update-ref", $"refs/heads/more{i}", commit);
            await fixture.Git.GitAsync("repack", "-q", "-d");
            await fixture.Git.GitAsync("gc", "-q", "--prune=now");
            Assert.False(reader.IsFaulted, reader.Exception?.ToString());
        }

        await done.CancelAsync();
        Assert.True(await reader > 0);
        Assert.Equal(await ListAsync(fixture), store.EnumerateIds());
    }

    [Fact]
    public async Task EnumerateIds_IndexOutOfOrder_NamesIt()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(shape: new HistoryShape { Commits = 700 });
        string index = Path.ChangeExtension(fixture.Packs.Single(), ".idx");
        byte[] bytes = await File.ReadAllBytesAsync(index);
        const int ids = 1032;
        byte[] first = bytes[ids..(ids + 20)];
        bytes.AsSpan(ids + 20, 20).CopyTo(bytes.AsSpan(ids));
        first.CopyTo(bytes, ids + 20);
        File.Delete(index);
        await File.WriteAllBytesAsync(index, bytes);
        using ObjectStore store = fixture.Open();

        Assert.Equal(index, Assert.Throws<DamagedObjectException>(() => store.EnumerateIds().Count()).File);
    }

    private static int ListOn(ObjectStore store, ObjectId[] always, CancellationToken until)
    {
        int rounds = 0;
        do
        {
            ObjectId[] listed = [.. store.EnumerateIds()];
            Assert.Equal(listed.Order(), listed);
            Assert.Empty(always.Except(listed));
            rounds++;
        }
        while (!until.IsCancellationRequested);

        return rounds;
    }

    private static async Task<IEnumerable<ObjectId>> ListAsync(StoreFixture fixture) =>
        (await fixture.Git.GitAsync("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")).Split('\n').Select(fixture.Id);

    private static async Task<long> CountAsync(StoreFixture fixture)
    {
        string line = (await fixture.Git.GitAsync("count-objects", "-v")).Split('\n').Single(static l => l.StartsWith("in-pack: ", StringComparison.Ordinal));
        return long.Parse(line["in-pack: ".Length..], System.Globalization.CultureInfo.InvariantCulture);
    }
}
