using System.Globalization;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;
using MirrorSync.Storage.Scrubbing;
using MirrorSync.Storage.Tests.Objects.Store;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Scrubbing;

/// <summary>An entry of a pack, as <c>git verify-pack -v</c> lists it.</summary>
internal sealed record ListedEntry(ObjectId Id, long Offset, long Length, ObjectId? Base)
{
    public long End => Offset + Length;
}

/// <summary>A repository with one pack and all that git derives from it, and a scrub of it.</summary>
internal sealed class ScrubFixture : IDisposable
{
    private ScrubFixture(StoreFixture store) => Store = store;

    public StoreFixture Store { get; }

    public Repository Repository => new(RepositoryName.Parse("r.git"), Store.Git.Path, Store.Format);

    public string PackFolder => Store.PackFolder;

    public string Pack => Store.Packs.Single();

    public string MultiPackIndex => Path.Combine(PackFolder, "multi-pack-index");

    public static async Task<ScrubFixture> CreateAsync(ObjectFormat format = ObjectFormat.Sha1, HistoryShape? shape = null, bool refDeltas = false)
    {
        StoreFixture store = await StoreFixture.CreateAsync(format, shape);
        await store.Git.GitAsync("config", "pack.writeReverseIndex", "true");
        await store.Git.GitAsync("config", "repack.useDeltaBaseOffset", refDeltas ? "false" : "true");
        await store.Git.GitAsync("repack", "-q", "-a", "-d", "-f", "--depth=60", "--no-write-bitmap-index");
        ScrubFixture fixture = new(store);
        Assert.True(File.Exists(Path.ChangeExtension(fixture.Pack, ".rev")));
        return fixture;
    }

    /// <summary>A second pack, loose objects, a multi-pack-index with bitmap, a commit-graph, packed refs.</summary>
    public async Task DeriveAsync()
    {
        string commit = await Store.Git.CommitAsync("second pack", await Store.Git.IdOfAsync("main"));
        await Store.Git.GitAsync("update-ref", "refs/heads/main", commit);
        await Store.Git.GitAsync("repack", "-q", "-d", "--no-write-bitmap-index");
        await Store.Git.GitAsync("multi-pack-index", "write", "--bitmap", "--no-progress");
        await Store.Git.GitAsync("commit-graph", "write", "--reachable", "--no-progress");
        await Store.Git.GitAsync("pack-refs", "--all");
        string loose = await Store.Git.CommitAsync("loose", commit);
        await Store.Git.GitAsync("update-ref", "refs/heads/loose", loose);
        Assert.Single(Directory.GetFiles(PackFolder, "multi-pack-index-*.bitmap"));
        Assert.Equal(2, Store.Packs.Count());
    }

    public IReadOnlyList<ScrubFault> Scrub(TimeProvider? time = null, TimeSpan? settling = null) =>
        Engine(time, settling).ScrubAll(null, new ScrubProgress(), CancellationToken.None);

    public RepositoryScrub Engine(TimeProvider? time = null, TimeSpan? settling = null) =>
        new(Repository, new ScrubOptions { Threads = 1, Settling = settling ?? TimeSpan.Zero }, time ?? TimeProvider.System);

    /// <summary>Scrubs all and remembers it.</summary>
    public Dictionary<string, ScrubRecord> Remember()
    {
        Dictionary<string, ScrubRecord> records = [];
        RepositoryScrub engine = Engine();
        foreach (ScrubUnit unit in engine.List())
        {
            ScrubResult result = engine.Scrub(unit, records, null, new ScrubProgress(), CancellationToken.None);
            Assert.Empty(result.Faults);
            records.Add(unit.Name, result.Record!);
        }

        return records;
    }

    public IReadOnlyList<ScrubFault> ScrubAgain(IReadOnlyDictionary<string, ScrubRecord> before)
    {
        RepositoryScrub engine = Engine();
        return [.. engine.List().SelectMany(u => engine.Scrub(u, before, null, new ScrubProgress(), CancellationToken.None).Faults)];
    }

    /// <summary>The entries of a sound pack, in its order.</summary>
    public async Task<IReadOnlyList<ListedEntry>> ListAsync(string pack)
    {
        List<ListedEntry> entries = [];
        foreach (string line in (await Store.Git.GitAsync("verify-pack", "-v", pack)).Split('\n'))
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length >= 5 && fields[0].Length == Store.Format.HexLength())
            {
                entries.Add(new ListedEntry(
                    Store.Id(fields[0]),
                    long.Parse(fields[4], CultureInfo.InvariantCulture),
                    long.Parse(fields[3], CultureInfo.InvariantCulture),
                    fields.Length == 7 ? Store.Id(fields[6]) : null));
            }
        }

        return [.. entries.OrderBy(static e => e.Offset)];
    }

    /// <summary>An object and all whose chain of deltas needs it.</summary>
    public static HashSet<ObjectId> Needing(IReadOnlyList<ListedEntry> entries, params IEnumerable<ObjectId> lost)
    {
        HashSet<ObjectId> needing = [.. lost];
        for (int before = 0; before < needing.Count;)
        {
            before = needing.Count;
            needing.UnionWith(entries.Where(e => e.Base is { } source && needing.Contains(source)).Select(static e => e.Id).ToArray());
        }

        return needing;
    }

    /// <summary>Another file under the name, as after a restored backup; readable only, as git's are.</summary>
    public static void Replace(string path, byte[] bytes)
    {
        File.Delete(path);
        File.WriteAllBytes(path, bytes);
    }

    public static void Flip(string path, long at, int bit = 3)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bytes[at] ^= (byte)(1 << bit);
        Replace(path, bytes);
    }

    public static void Cut(string path, long length) => Replace(path, File.ReadAllBytes(path)[..(int)length]);

    public void Dispose() => Store.Dispose();
}
