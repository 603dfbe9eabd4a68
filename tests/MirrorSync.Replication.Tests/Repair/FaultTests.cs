using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Git.Objects;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Replication.Status;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;
using Xunit.Abstractions;

namespace MirrorSync.Replication.Tests.Repair;

/// <summary>Every kind of damage to a mirror's copy: found, repaired in place, and no more fetched than was lost.</summary>
public sealed class FaultTests(ITestOutputHelper output)
{
    private const string ByScrub = "scrub";
    private const string ByPatrol = "patrol";
    private const string ByAudit = "missing ids";

    private static readonly Fault[] Faults =
    [
        new("flip: whole object in a pack", ByScrub, 1, static async d => FlipEntry(d, (await d.EntriesAsync()).First(static e => e.Base is null))),
        new("flip: delta in a pack", ByScrub, 1, static async d => FlipEntry(d, (await d.EntriesAsync()).First(static e => e.Base is not null))),
        new("flip: base of deltas", ByScrub, 1, static async d =>
        {
            IReadOnlyList<PackedEntry> entries = await d.EntriesAsync();
            FlipEntry(d, entries.First(e => entries.Any(o => o.Base == e.Id)));
        }),
        new("flip: header of an entry", ByScrub, 1, static async d => DamagedCopy.Flip(d.Pack, (await d.EntriesAsync())[3].Offset)),
        new("flip: header of a pack", ByScrub, 0, static d => Do(() => DamagedCopy.Flip(d.Pack, 11))),
        new("flip: trailer of a pack", ByScrub, 0, static d => Do(() => DamagedCopy.Flip(d.Pack, new FileInfo(d.Pack).Length - 3))),
        new("swap: two objects in a pack", ByScrub, 2, static async d =>
        {
            IReadOnlyList<PackedEntry> entries = await d.EntriesAsync();
            DamagedCopy.Swap(d.Pack, entries[2], entries[3]);
        }),
        new("cut: a pack in its middle", ByScrub, null, static d => Do(() => DamagedCopy.Halve(d.Pack))),
        new("cut: a pack in its trailer", ByScrub, 0, static d => Do(() => DamagedCopy.Cut(d.Pack, new FileInfo(d.Pack).Length - 5))),
        new("append: bytes behind a pack", ByScrub, 0, static d => Do(() => DamagedCopy.Replace(d.Pack, [.. File.ReadAllBytes(d.Pack), 1, 2, 3]))),
        new("delete: a pack", ByScrub, null, static d => Do(() => File.Delete(d.Pack))),
        new("delete: a pack and its index", ByScrub, null, static d => Do(() =>
        {
            string pack = d.Pack;
            File.Delete(pack);
            File.Delete(Path.ChangeExtension(pack, ".idx"));
        })),
        new("flip: an index", ByScrub, 0, static d => Do(() => DamagedCopy.Flip(d.Only("pack-*.idx")))),
        new("cut: an index", ByScrub, 0, static d => Do(() => DamagedCopy.Halve(d.Only("pack-*.idx")))),
        new("delete: an index", ByScrub, 0, static d => Do(() => File.Delete(d.Only("pack-*.idx")))),
        new("flip: a reverse index", ByScrub, 0, static d => Do(() => DamagedCopy.Flip(d.Only("pack-*.rev")))),
        new("cut: a reverse index", ByScrub, 0, static d => Do(() => DamagedCopy.Halve(d.Only("pack-*.rev")))),
        new("delete: a reverse index", ByScrub, 0, static d => Do(() => File.Delete(d.Only("pack-*.rev")))),
        new("flip: the multi-pack-index", ByScrub, 0, static d => Do(() => DamagedCopy.Flip(d.Only("multi-pack-index")))),
        new("cut: the multi-pack-index", ByScrub, 0, static d => Do(() => DamagedCopy.Halve(d.Only("multi-pack-index")))),
        new("delete: the multi-pack-index", ByScrub, 0, static d => Do(() => File.Delete(d.Only("multi-pack-index")))),
        new("flip: a bitmap", ByScrub, 0, static d => Do(() => DamagedCopy.Flip(d.Only("*.bitmap")))),
        new("delete: a bitmap", ByScrub, 0, static d => Do(() => File.Delete(d.Only("*.bitmap")))),
        new("flip: a loose object", ByScrub, 1, static async d => DamagedCopy.Flip(await LooseAsync(d))),
        new("cut: a loose object", ByScrub, 1, static async d => DamagedCopy.Halve(await LooseAsync(d))),
        new("delete: a loose object", ByAudit, 1, static async d => File.Delete(await LooseAsync(d))),
        new("flip: packed-refs", ByPatrol, 0, static d => Do(() => DamagedCopy.Flip(Refs(d), 60))),
        new("cut: packed-refs", ByPatrol, 0, static d => Do(() => DamagedCopy.Halve(Refs(d)))),
        new("delete: packed-refs", ByPatrol, 0, static d => Do(() => File.Delete(Refs(d)))),
        new("delete: HEAD", ByPatrol, 0, static d => Do(() => File.Delete(Path.Combine(d.Copy.Path, "HEAD")))),
        new("edit: HEAD", ByPatrol, 0, static d => d.Copy.GitAsync("symbolic-ref", "HEAD", "refs/heads/topic")),
        new("edit: a ref", ByPatrol, 0, static async d =>
            await d.Copy.GitAsync("update-ref", "refs/heads/main", await d.Copy.CommitAsync("by hand", await d.Copy.IdOfAsync("main")))),
        new("add: a ref", ByPatrol, 0, static d => d.Copy.GitAsync("update-ref", "refs/heads/deep/er", "refs/heads/main")),
        new("delete: a ref", ByPatrol, 0, static d => d.Copy.GitAsync("update-ref", "-d", "refs/heads/topic")),
        new("delete: refs/", ByPatrol, 0, static d => Do(() => Directory.Delete(Path.Combine(d.Copy.Path, "refs"), recursive: true))),
        new("delete: the whole folder", ByPatrol, null, static d => Do(() =>
        {
            // In one step: what is made in its place must not be deleted with it.
            string aside = d.Copy.Path + ".gone";
            Directory.Move(d.Copy.Path, aside);
            Directory.Delete(aside, recursive: true);
        }))
        {
            Snapshots = 1,
        },
    ];

    private readonly List<string> table = [];

    [Fact]
    public async Task Repair_OfEveryFault_BringsBackWhatWasLostAndNoMore()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository first = await RepositoryAsync(primary, Name(0));
        for (int i = 1; i < Faults.Length; i++)
        {
            CopyFolder(first.Path, primary[Name(i)].Path);
        }

        for (int i = 0; i < Faults.Length; i++)
        {
            await primary.CapturedAsync(primary[Name(i)]);
        }

        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await using NodeScrub scrub = Scrub(mirror);
        for (int i = 0; i < Faults.Length; i++)
        {
            await mirror.ConvergedAsync(primary[Name(i)], Name(i));
        }

        List<string> wrong = [];
        for (int i = 0; i < Faults.Length; i++)
        {
            try
            {
                await RunAsync(Faults[i], primary, mirror, scrub, Name(i));
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                wrong.Add($"{Faults[i].What}: {failure.Message}");
                table.Add($"{Faults[i].What,-32} | FAILED");
            }
        }

        output.WriteLine($"{"fault",-32} | {"found by",-11} | {"repaired from",-13} | objects | bytes | ms");
        table.ForEach(output.WriteLine);
        wrong.ForEach(output.WriteLine);
        Assert.Empty(wrong);
    }

    internal static NodeScrub Scrub(MirrorRig mirror) => new(
        new NodeScrubOptions
        {
            StateFile = mirror.StateFile("scrub.json"),
            ScratchFolder = Path.GetTempPath(),
            LogFolder = mirror.LogFolder,
            Load = static () => 0,
            Settling = TimeSpan.Zero,
        },
        mirror.Table,
        mirror.Gates,
        null,
        mirror.Spool,
        static () => false,
        TimeProvider.System,
        NullLogger<NodeScrub>.Instance)
    {
        Repair = mirror.Node.RepairAsync,
    };

    /// <summary>Twelve commits of a file that changes a little, so that packs have deltas; a branch and a tag.</summary>
    internal static async Task<BareRepository> RepositoryAsync(PrimaryRig primary, string name)
    {
        BareRepository made = await primary.RepositoryAsync(name);
        string tip = await made.IdOfAsync("main");
        for (int i = 0; i < 12; i++)
        {
            tip = await made.CommitAsync(Text(i), tip);
        }

        await made.GitAsync("update-ref", "refs/heads/main", tip);
        await primary.CapturedAsync(made);
        return made;
    }

    private async Task RunAsync(Fault fault, PrimaryRig primary, MirrorRig mirror, NodeScrub scrub, string name)
    {
        DamagedCopy copy = new(mirror[name]);
        await copy.DeriveAsync();
        string before = await mirror[name].RefsTextAsync();
        RepositoryName named = RepositoryName.Parse(name);
        Assert.Empty((await scrub.CheckAsync(named, CancellationToken.None))!.Single().Faults);
        List<ObjectId> all = [.. Ids(await mirror[name].GitAsync("rev-list", "--objects", "--no-object-names", "--all"))];
        int snapshots = primary.Snapshots;

        await fault.Damage(copy);
        long began = TimeProvider.System.GetTimestamp();
        switch (fault.FoundBy)
        {
            case ByScrub:
                await scrub.CheckAsync(named, CancellationToken.None);
                break;
            case ByAudit:
                await mirror.Node.RepairAsync(
                    named, new RepairOrder { Objects = [.. all.Where(id => !Has(mirror[name], id))] }, CancellationToken.None);
                break;
            default:
                break;
        }

        await Patience.UntilAsync(
            async _ =>
            {
                RepositoryStatus status = Status(mirror, name);
                return status.Repair?.Doing is not null || status.State != "converged" ? $"{status.State} {status.Reason} {status.Repair?.Doing}"
                    : !Directory.Exists(mirror[name].Path) ? "it is gone"
                    : await TryRefsAsync(mirror[name]) != before ? "its refs are others"
                    : await mirror[name].FsckAsync();
            },
            fault.What);
        double took = TimeProvider.System.GetElapsedTime(began).TotalMilliseconds;

        RepairStatus? repair = Status(mirror, name).Repair;
        Assert.Equal(fault.Snapshots, primary.Snapshots - snapshots);
        Assert.True(
            fault.Fetched is not { } wanted || (repair?.Fetched ?? 0) == wanted, $"{repair?.Fetched} objects were fetched instead of {fault.Fetched}");
        Assert.Null((await mirror[name].FsckAsync()));
        Assert.All(all, id => Assert.True(Has(mirror[name], id), id.ToHex(ObjectFormat.Sha1)));
        Assert.Empty((await scrub.CheckAsync(named, CancellationToken.None))!.Single().Faults);
        Assert.Equal(await primary[name].RefsTextAsync(), await mirror[name].RefsTextAsync());
        string from = fault.Snapshots > 0 ? "snapshot" : repair?.Fetched > 0 ? "primary" : fault.FoundBy == ByPatrol ? "own refs" : "own packs";
        table.Add($"{fault.What,-32} | {fault.FoundBy,-11} | {from,-13} | {repair?.Fetched ?? 0,7} | {repair?.FetchedBytes ?? 0,5} | {took,4:0}");
    }

    internal static RepositoryStatus Status(MirrorRig mirror, string name) => mirror.Node.GetStatus().Repositories.Single(r => r.Name == name);

    internal static IEnumerable<ObjectId> Ids(string lines) =>
        lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static l => ObjectId.TryParseHex(l, ObjectFormat.Sha1, out ObjectId id) ? id : default);

    private static async Task<string?> TryRefsAsync(BareRepository repository)
    {
        try
        {
            return await repository.RefsTextAsync();
        }
        catch (Exception between) when (between is IOException or GitFailedException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static bool Has(BareRepository repository, ObjectId id)
    {
        using Storage.Objects.Store.ObjectStore store = Storage.Objects.Store.ObjectStore.Open(repository.Path, ObjectFormat.Sha1);
        return store.TryRead(id, 1 << 20, out _, out _);
    }

    private static string Name(int i) => $"r{i:00}.git";

    private static string Text(int round) => string.Concat(
        Enumerable.Range(0, 60).Select(line => $"line {line} is the same in all of them{(line == round ? $" but in {round}" : string.Empty)}\n"));

    private static Task Do(Action damage)
    {
        damage();
        return Task.CompletedTask;
    }

    private static string Refs(DamagedCopy copy) => Path.Combine(copy.Copy.Path, "packed-refs");

    private static void FlipEntry(DamagedCopy copy, PackedEntry entry) => DamagedCopy.Flip(copy.Pack, entry.Middle);

    /// <summary>All objects lie by themselves; the file of the topic branch's tree.</summary>
    private static async Task<string> LooseAsync(DamagedCopy copy)
    {
        string id = await copy.Copy.IdOfAsync("topic^{tree}");
        byte[] pack = await File.ReadAllBytesAsync(copy.Pack);
        copy.Copy.RemovePacks();
        await StockGit.FeedAsync(copy.Copy.Path, pack, "unpack-objects", "-q");
        return Path.Combine(copy.Copy.Path, "objects", id[..2], id[2..]);
    }

    private static void CopyFolder(string from, string to)
    {
        foreach (string folder in Directory.EnumerateDirectories(from, "*", SearchOption.AllDirectories).Prepend(from))
        {
            Directory.CreateDirectory(folder.Replace(from, to, StringComparison.Ordinal));
        }

        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            File.Copy(file, file.Replace(from, to, StringComparison.Ordinal));
        }
    }

    private sealed record Fault(string What, string FoundBy, int? Fetched, Func<DamagedCopy, Task> Damage)
    {
        public int Snapshots { get; init; }
    }
}
