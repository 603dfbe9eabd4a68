using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>Objects that come, go and move while the store is open.</summary>
public class ObjectStoreChangesTests
{
    [Fact]
    public async Task Read_ObjectsWrittenAfterOpening_AreFound()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        using ObjectStore store = fixture.Open();
        fixture.AssertAbsent(store);

        for (int i = 0; i < 5; i++)
        {
            ObjectId loose = fixture.Id(await fixture.Git.CommitAsync($"loose {i}"));
            Assert.True(store.Contains(loose));
            await fixture.Git.GitAsync("update-ref", $"refs/heads/new{i}", loose.ToHex(fixture.Format));
            await fixture.Git.GitAsync("repack", "-q", "-d");
            Assert.True(store.Contains(loose));
            byte[] blob = Encoding.ASCII.GetBytes($"packed {i}");
            await fixture.IndexAsync(PackBuilder.Pack(fixture.Format, PackBuilder.Whole(PackEntryType.Blob, blob)));
            Assert.True(store.TryRead(fixture.HashOf(ObjectType.Blob, blob), 100, out _, out byte[]? content));
            Assert.Equal(blob, content);
        }
    }

    [Fact]
    public async Task AddPack_NewPack_IsFoundWithoutListing()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        using ObjectStore store = fixture.Open();
        byte[] blob = "told of"u8.ToArray();
        ObjectId id = fixture.HashOf(ObjectType.Blob, blob);

        string path = await fixture.IndexAsync(PackBuilder.Pack(fixture.Format, PackBuilder.Whole(PackEntryType.Blob, blob)));

        Assert.False(store.ContainsAsListed(id));
        store.AddPack(path);
        Assert.True(store.ContainsAsListed(id));
        store.AddPack(path);
        store.Refresh();
        Assert.True(store.ContainsAsListed(id));
        StoreFixture.AssertAll(store, await fixture.ReadAllByGitAsync());
        Assert.ThrowsAny<IOException>(() => store.AddPack(Path.Combine(fixture.PackFolder, "pack-none.pack")));
    }

    [Fact]
    public async Task Refresh_PackOfOtherProcess_IsListed()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        using ObjectStore store = fixture.Open();
        byte[] blob = "not told of"u8.ToArray();
        ObjectId id = fixture.HashOf(ObjectType.Blob, blob);
        await fixture.IndexAsync(PackBuilder.Pack(fixture.Format, PackBuilder.Whole(PackEntryType.Blob, blob)));

        Assert.False(store.ContainsAsListed(id));
        store.Refresh();
        Assert.True(store.ContainsAsListed(id));
    }

    [Fact]
    public async Task Read_PackWithoutIndexOrIndexWithoutPack_DoesNotCount()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        string pack = fixture.Packs.Single();
        string index = pack[..^4] + "idx";
        foreach (string hidden in new[] { pack, index })
        {
            File.Move(hidden, hidden + ".aside");
            using ObjectStore store = fixture.Open();
            Assert.All(objects, o => Assert.False(store.Contains(o.Id)));
            File.Move(hidden + ".aside", hidden);
            Assert.All(objects, o => Assert.True(store.Contains(o.Id)));
        }
    }

    [Fact]
    public async Task Read_PackDeletedWhileOpen_IsReadOn()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync(shape: new HistoryShape { Commits = 700 });
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        using ObjectStore store = fixture.Open();
        Assert.True(store.TryRead(objects[0].Id, int.MaxValue, out _, out _));

        StoreFixture.RemovePack(fixture.Packs.Single());

        StoreFixture.AssertAll(store, objects);
        // A miss lists the folder anew, and then the objects are gone indeed.
        Assert.False(store.Contains(fixture.AbsentId(0)));
        Assert.All(objects, o => Assert.False(store.Contains(o.Id)));
    }

    [Fact]
    public async Task OpenRead_PackDeletedAndStoreDisposed_StreamGoesOn()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        byte[] large = new byte[3_000_000];
        large.AsSpan(1_000_000).Fill(1);
        string hex = await StockGit.FeedAsync(fixture.Git.Path, large, "hash-object", "-w", "--stdin");
        await StockGit.FeedAsync(fixture.Git.Path, Encoding.ASCII.GetBytes(hex + "\n"), "pack-objects", "-q", "objects/pack/large");
        await fixture.Git.GitAsync("prune-packed");
        ObjectStore store = fixture.Open();
        using Stream? stream = store.OpenRead(fixture.Id(hex), out _, out long size);
        Assert.IsType<ObjectStream>(stream);
        byte[] read = new byte[size];
        stream.ReadExactly(read.AsSpan(0, 100));

        foreach (string pack in fixture.Packs.ToArray())
        {
            StoreFixture.RemovePack(pack);
        }

        store.Refresh();
        store.Dispose();
        stream.ReadExactly(read.AsSpan(100));
        Assert.Equal(large, read);
        Assert.Throws<ObjectDisposedException>(() => store.Contains(fixture.AbsentId(0)));
    }

    [Fact]
    public async Task Read_FolderRenamed_StoreFollows()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        using ObjectStore store = fixture.Open();
        Directory.Move(fixture.Git.Path, fixture.Git.Path + ".moved");
        StoreFixture.AssertAll(store, objects);
        fixture.AssertAbsent(store);
    }

    [Fact]
    public async Task Read_MorePacksThanMayBeOpen_DescriptorsStayBounded()
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        await fixture.SplitAsync(12);
        using ObjectStore store = ObjectStore.Open(fixture.Git.Path, fixture.Format, TimeProvider.System, new OpenFiles(3), StoreFixture.LittleMemory());

        StoreFixture.AssertAll(store, objects);
        fixture.AssertAbsent(store);

        Assert.InRange(OpenBelow(fixture.PackFolder), 1, 3);
        store.Dispose();
        Assert.Equal(0, OpenBelow(fixture.Git.Path));
    }

    /// <summary>
    /// Readers ask for everything, over and over, while git packs, prunes and unpacks: each answer is right, and nothing
    /// is ever absent. With few files open at a time, packs also vanish between two uses.
    /// </summary>
    [Theory]
    [InlineData(512)]
    [InlineData(1)]
    public async Task Read_WhileGitRepacks_NoWrongAnswer(int openFiles)
    {
        using StoreFixture fixture = await StoreFixture.CreateAsync();
        List<GitObject> objects = await fixture.ReadAllByGitAsync();
        using ObjectStore store = ObjectStore.Open(fixture.Git.Path, fixture.Format, TimeProvider.System, new OpenFiles(openFiles), StoreFixture.LittleMemory());
        using CancellationTokenSource done = new(Patience.Deadline);
        Task<int>[] readers = [.. Enumerable.Range(1, 2).Select(seed => Task.Run(() => ReadOn(fixture, store, objects, seed, done.Token)))];

        string pusher = Path.Combine(fixture.Folder, "pusher.git");
        await StockGit.RunAsync(fixture.Folder, "clone", "-q", "--bare", fixture.Git.Path, pusher);
        for (int i = 0; i < 4; i++)
        {
            string commit = await new BareRepository(pusher).CommitAsync($"more {i}");
            string keptWhole = i % 2 == 0 ? "1" : "1000";
            await fixture.Git.GitAsync("config", "receive.unpackLimit", keptWhole);
            await StockGit.RunAsync(pusher, "push", "-q", fixture.Git.Path, $"{commit}:refs/heads/more{i}");
            await fixture.Git.GitAsync("repack", "-q", "-d", "--write-midx");
            string[] rewrite = i % 3 == 2
                ? ["-c", $"pack.depth={10 + i}", "gc", "-q", "--prune=now", "--aggressive"]
                : ["-c", "repack.useDeltaBaseOffset=" + (i % 2 == 0 ? "false" : "true"), "repack", "-q", "-a", "-d", "-f", $"--depth={10 + i}"];
            await fixture.Git.GitAsync("multi-pack-index", "write");
            await fixture.Git.GitAsync(rewrite);
            await fixture.UnpackSafelyAsync();
            Assert.All(readers, static r => Assert.False(r.IsFaulted, r.Exception?.ToString()));
        }

        await done.CancelAsync();
        int[] read = await Task.WhenAll(readers);
        Assert.All(read, static n => Assert.True(n > 0));
        StoreFixture.AssertAll(store, objects);
    }

    private static int ReadOn(StoreFixture fixture, ObjectStore store, List<GitObject> objects, int seed, CancellationToken until)
    {
        // Not for secrets: the same seed asks in the same order.
#pragma warning disable CA5394
        Random random = new(seed);
        int read = 0;
        while (!until.IsCancellationRequested)
        {
            GitObject expected = objects[random.Next(objects.Count)];
            Assert.True(store.Contains(expected.Id), $"{expected.Id} is absent");
            Assert.True(store.TryReadHeader(expected.Id, out ObjectType type, out long size), $"{expected.Id} has no header");
            Assert.Equal((expected.Type, expected.Content.Length), (type, size));
            Assert.True(store.TryRead(expected.Id, int.MaxValue, out type, out byte[]? content), $"{expected.Id} cannot be read");
            Assert.Equal(expected.Type, type);
            Assert.True(content.AsSpan().SequenceEqual(expected.Content));
            if (read % 20 == 0)
            {
                // Lets go of the packs that are gone, which would answer for ever.
                store.Refresh();
                Assert.False(store.Contains(fixture.AbsentId(read)));
                ReadSome(store, [.. Enumerable.Range(0, 40).Select(_ => objects[random.Next(objects.Count)])]);
            }

            read++;
        }
#pragma warning restore CA5394

        return read;
    }

    private static void ReadSome(ObjectStore store, GitObject[] objects)
    {
        int visited = 0;
        int found = store.ReadMany([.. objects.Select(static o => o.Id)], int.MaxValue, (index, type, content) =>
        {
            Assert.Equal(objects[index].Type, type);
            Assert.True(content.SequenceEqual(objects[index].Content));
            visited++;
        });
        Assert.Equal((objects.Length, objects.Length), (found, visited));
    }

    private static int OpenBelow(string folder) => Directory.EnumerateFileSystemEntries("/proc/self/fd")
        .Count(fd => TargetOf(fd)?.StartsWith(folder, StringComparison.Ordinal) ?? false);

    private static string? TargetOf(string descriptor)
    {
        try
        {
            return File.ResolveLinkTarget(descriptor, returnFinalTarget: false)?.FullName;
        }
        catch (FileNotFoundException)
        {
            // Another test's, closed since it was listed.
            return null;
        }
    }
}
