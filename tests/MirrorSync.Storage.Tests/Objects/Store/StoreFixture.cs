using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>An object as git prints it.</summary>
internal sealed record GitObject(ObjectId Id, ObjectType Type, byte[] Content);

/// <summary>How a repository's objects are kept.</summary>
public enum Arrangement
{
    /// <summary>Each in a file of its own.</summary>
    Loose,

    /// <summary>One pack whose deltas tell their bases by offset.</summary>
    OffsetDeltas,

    /// <summary>One pack whose deltas tell their bases by id.</summary>
    RefDeltas,

    /// <summary>Several packs, and some loose objects.</summary>
    SeveralPacks,

    /// <summary>One pack with an index of version 1.</summary>
    IndexVersion1,

    /// <summary>One pack whose index has 8-byte offsets.</summary>
    LargeOffsets,
}

/// <summary>A bare repository with a history, and what git says about its objects.</summary>
internal sealed class StoreFixture : IDisposable
{
    private readonly TempFolder folder = new();

    private StoreFixture(ObjectFormat format)
    {
        Format = format;
        Git = new BareRepository(folder["r.git"]);
    }

    public ObjectFormat Format { get; }

    public BareRepository Git { get; }

    /// <summary>The temporary folder around the repository.</summary>
    public string Folder => folder.Path;

    public string PackFolder => Path.Combine(Git.Path, "objects", "pack");

    /// <summary>A repository whose history is in one pack, as fast-import writes it, with offset deltas.</summary>
    public static async Task<StoreFixture> CreateAsync(ObjectFormat format = ObjectFormat.Sha1, HistoryShape? shape = null)
    {
        StoreFixture fixture = new(format);
        await BareRepository.InitAsync(fixture.Git.Path, format.GitName());
        await fixture.Git.GitAsync("config", "gc.auto", "0");
        await History.WriteAsync(fixture.Git, shape ?? new HistoryShape { Commits = 120, Files = 20, TagEvery = 20 });
        return fixture;
    }

    /// <summary>All objects of one repository, by one <c>git cat-file --batch</c>.</summary>
    public async Task<List<GitObject>> ReadAllByGitAsync(BareRepository? of = null)
    {
        GitResult result = await StockGit.TryAsync((of ?? Git).Path, ["cat-file", "--batch-all-objects", "--unordered", "--batch", "--buffer"]);
        Assert.Equal(0, result.Code);
        List<GitObject> objects = [];
        ReadOnlySpan<byte> rest = result.Output;
        while (!rest.IsEmpty)
        {
            int end = rest.IndexOf((byte)'\n');
            string[] head = Encoding.ASCII.GetString(rest[..end]).Split(' ');
            int size = int.Parse(head[2], CultureInfo.InvariantCulture);
            Assert.True(ObjectTypeFacts.TryParse(Encoding.ASCII.GetBytes(head[1]), out ObjectType type));
            objects.Add(new GitObject(Id(head[0]), type, rest.Slice(end + 1, size).ToArray()));
            rest = rest[(end + 1 + size + 1)..];
        }

        Assert.NotEmpty(objects);
        return objects;
    }

    public ObjectStore Open() => ObjectStore.Open(Git.Path, Format);

    /// <summary>Caches of its own for a store, so small that hardly anything is found in them.</summary>
    public static StoreMemory LittleMemory() => new(new PageCache(2), new KeptIndexes(0), new BaseCache(1 << 16));

    public ObjectId Id(string hex) => ObjectId.TryParseHex(hex, Format, out ObjectId id) ? id : throw new FormatException(hex);

    /// <summary>An id that no object has.</summary>
    public ObjectId AbsentId(int seed) => HashOf(ObjectType.Blob, Encoding.ASCII.GetBytes("absent " + seed.ToString(CultureInfo.InvariantCulture)));

    public ObjectId HashOf(ObjectType type, byte[] content)
    {
        byte[] bytes = [.. Encoding.ASCII.GetBytes($"{type.GitName()} {content.Length}\0"), .. content];
        // git's own names of objects, not a secret.
#pragma warning disable CA5350
        return ObjectId.FromRaw(Format == ObjectFormat.Sha256 ? SHA256.HashData(bytes) : SHA1.HashData(bytes));
#pragma warning restore CA5350
    }

    /// <summary>Puts all objects into an arrangement of files and checks that git did as asked.</summary>
    public async Task ArrangeAsync(Arrangement arrangement)
    {
        switch (arrangement)
        {
            case Arrangement.Loose:
                await UnpackAsync();
                break;
            case Arrangement.OffsetDeltas:
                await Git.GitAsync("repack", "-q", "-a", "-d", "-f", "--depth=60");
                Assert.True(await CountAsync(PackEntryType.OffsetDelta) > 50);
                break;
            case Arrangement.RefDeltas:
                await Git.GitAsync("-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-a", "-d", "-f", "--depth=60");
                Assert.True(await CountAsync(PackEntryType.RefDelta) > 50);
                break;
            case Arrangement.SeveralPacks:
                await SplitAsync(6);
                break;
            case Arrangement.IndexVersion1:
                await ReindexAsync("1");
                Assert.NotEqual(0xff, File.ReadAllBytes(Packs.Single()[..^4] + "idx")[0]);
                break;
            case Arrangement.LargeOffsets:
                long small = new FileInfo(Packs.Single()[..^4] + "idx").Length;
                await ReindexAsync("2,0x40");
                Assert.True(new FileInfo(Packs.Single()[..^4] + "idx").Length > small);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(arrangement));
        }
    }

    /// <summary>Takes all packs apart into loose objects.</summary>
    public async Task UnpackAsync()
    {
        foreach (string pack in Packs.ToArray())
        {
            byte[] bytes = await File.ReadAllBytesAsync(pack);
            RemovePack(pack);
            await StockGit.FeedAsync(Git.Path, bytes, "unpack-objects", "-q");
        }
    }

    /// <summary>As <see cref="UnpackAsync"/>, but each object is loose before its pack goes.</summary>
    public async Task UnpackSafelyAsync()
    {
        string[] packs = [.. Packs];
        using TempFolder aside = new();
        await BareRepository.InitAsync(aside["u.git"], Format.GitName());
        foreach (string pack in packs)
        {
            // In a repository of its own, since git writes no object loose that it has in a pack.
            await StockGit.FeedAsync(aside["u.git"], await File.ReadAllBytesAsync(pack), "unpack-objects", "-q");
        }

        foreach (string file in Directory.EnumerateFiles(aside["u.git/objects"], "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(Git.Path, "objects", Path.GetRelativePath(aside["u.git/objects"], file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Move(file, target, overwrite: true);
        }

        foreach (string pack in packs)
        {
            RemovePack(pack);
        }
    }

    /// <summary>Deals all objects out to so many packs, and leaves some of them loose.</summary>
    public async Task SplitAsync(int count)
    {
        List<GitObject> objects = await ReadAllByGitAsync();
        await UnpackAsync();
        for (int i = 0; i < count; i++)
        {
            string ids = string.Concat(objects.Where((_, at) => at % (count + 1) == i).Select(o => $"{o.Id.ToHex(Format)}\n"));
            await StockGit.FeedAsync(Git.Path, Encoding.ASCII.GetBytes(ids), "pack-objects", "-q", "objects/pack/pack");
        }

        await Git.GitAsync("prune-packed");
        Assert.Equal(count, Packs.Count());
    }

    /// <summary>Writes a pack into the repository and has git index it; returns its path.</summary>
    public async Task<string> IndexAsync(byte[] pack, params string[] options)
    {
        string name = await StockGit.FeedAsync(Git.Path, pack, ["index-pack", "--stdin", .. options]);
        return Path.Combine(PackFolder, $"pack-{name.Split('\t')[^1]}.pack");
    }

    public static void RemovePack(string pack)
    {
        foreach (string file in Directory.EnumerateFiles(Path.GetDirectoryName(pack)!, $"{Path.GetFileNameWithoutExtension(pack)}.*"))
        {
            File.Delete(file);
        }
    }

    /// <summary>Asserts that the store gives of every object what git gives, in every way that it can be asked.</summary>
    public static void AssertAll(ObjectStore store, IReadOnlyList<GitObject> objects, bool asListed = true)
    {
        // First without any content read, so that no cached base can help.
        foreach (GitObject expected in objects)
        {
            Assert.True(store.TryReadHeader(expected.Id, out ObjectType type, out long size));
            Assert.Equal((expected.Type, expected.Content.Length), (type, size));
        }

        foreach (GitObject expected in objects)
        {
            Assert.True(store.Contains(expected.Id), $"{expected.Id} is absent");
            Assert.Equal(asListed, store.ContainsAsListed(expected.Id));
            Assert.True(store.TryReadHeader(expected.Id, out ObjectType type, out long size));
            Assert.Equal((expected.Type, expected.Content.Length), (type, size));
            Assert.True(store.TryRead(expected.Id, int.MaxValue, out type, out byte[]? content));
            Assert.Equal(expected.Type, type);
            Assert.Equal(expected.Content, content);
            using Stream? stream = store.OpenRead(expected.Id, out type, out size);
            Assert.NotNull(stream);
            Assert.Equal((expected.Type, expected.Content.Length), (type, size));
            byte[] streamed = new byte[size];
            stream.ReadExactly(streamed);
            Assert.Equal(expected.Content, streamed);
            Assert.Equal(0, stream.Read(new byte[1]));
        }

        bool[] visited = new bool[objects.Count];
        ObjectId[] ids = [.. objects.Select(static o => o.Id)];
        Assert.Equal(ids.Length, store.ReadMany(ids, int.MaxValue, (index, type, content) =>
        {
            Assert.False(visited[index]);
            visited[index] = true;
            Assert.Equal(objects[index].Type, type);
            Assert.True(content.SequenceEqual(objects[index].Content), $"{objects[index].Id}: other bytes");
        }));
        Assert.DoesNotContain(false, visited);
        Assert.Equal(ids.Length, store.ReadHeaders(ids, (index, type, size) =>
        {
            Assert.True(visited[index]);
            visited[index] = false;
            Assert.Equal((objects[index].Type, objects[index].Content.Length), (type, size));
        }));
        Assert.DoesNotContain(true, visited);
    }

    public void AssertAbsent(ObjectStore store)
    {
        for (int i = 0; i < 50; i++)
        {
            ObjectId id = AbsentId(i);
            Assert.False(store.Contains(id));
            Assert.False(store.ContainsAsListed(id));
            Assert.False(store.TryReadHeader(id, out _, out _));
            Assert.False(store.TryRead(id, int.MaxValue, out _, out byte[]? content));
            Assert.Null(content);
            Assert.Null(store.OpenRead(id, out _, out _));
        }

        ObjectId[] absent = [AbsentId(0), AbsentId(1)];
        Assert.Equal(0, store.ReadMany(absent, int.MaxValue, static (_, _, _) => Assert.Fail("an absent object was read")));
        Assert.Equal(0, store.ReadHeaders(absent, static (_, _, _) => Assert.Fail("an absent object was found")));
    }

    public IEnumerable<string> Packs => Directory.EnumerateFiles(PackFolder, "*.pack");

    public void Dispose() => folder.Dispose();

    private async Task ReindexAsync(string version)
    {
        string pack = Packs.Single();
        File.Delete(pack[..^4] + "idx");
        await Git.GitAsync("index-pack", $"--index-version={version}", pack);
    }

    /// <summary>How many entries of the one pack are of a type.</summary>
    private async Task<int> CountAsync(PackEntryType type)
    {
        string pack = Packs.Single();
        byte[] bytes = await File.ReadAllBytesAsync(pack);
        GitResult list = await StockGit.TryAsync(Git.Path, ["show-index", $"--object-format={Format.GitName()}"], await File.ReadAllBytesAsync(pack[..^4] + "idx"));
        return list.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(line =>
        {
            int offset = int.Parse(line.Split(' ')[0], CultureInfo.InvariantCulture);
            Assert.Equal(PackFault.None, PackEntryHeader.TryDecode(bytes.AsSpan(offset), out PackEntryHeader entry));
            return entry.Type == type;
        });
    }
}
