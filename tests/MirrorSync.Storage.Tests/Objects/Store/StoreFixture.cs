using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>An object as git prints it.</summary>
internal sealed record GitObject(ObjectId Id, ObjectType Type, byte[] Content);

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

    /// <summary>Asserts that the store gives of every object what git gives, in every way that it can be asked.</summary>
    public static void AssertAll(ObjectStore store, IEnumerable<GitObject> objects)
    {
        foreach (GitObject expected in objects)
        {
            Assert.True(store.Contains(expected.Id), $"{expected.Id} is absent");
            Assert.True(store.ContainsAsListed(expected.Id));
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
    }

    public IEnumerable<string> Packs => Directory.EnumerateFiles(PackFolder, "*.pack");

    public void Dispose() => folder.Dispose();
}
