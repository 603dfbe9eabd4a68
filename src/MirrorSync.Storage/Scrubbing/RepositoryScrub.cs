using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>
/// Reads every byte that a repository keeps and says what is wrong, file by file and object by object. Changes nothing.
/// Packs come and go meanwhile: what is gone when a fault of it would be told is none. One scrub at a time.
/// </summary>
/// <param name="repository">The repository.</param>
/// <param name="options">How.</param>
/// <param name="time">The clock.</param>
public sealed class RepositoryScrub(Repository repository, ScrubOptions options, TimeProvider time)
{
    private const string IndexesName = "indexes";
    private const string LooseName = "loose";
    private const string RefsName = "refs";
    private const string BitmapBeside = ".bitmap";

    private static readonly string[] PackExtensions = [".pack", ".idx", ".rev", BitmapBeside, ".mtimes"];
    private static readonly string[] BesideExtensions = [".rev", BitmapBeside];

    private readonly string objects = Path.Combine(repository.Path, "objects");
    private readonly string packs = Path.Combine(repository.Path, "objects", "pack");

    /// <summary>Lists the units that there are now.</summary>
    /// <exception cref="IOException">The repository cannot be read.</exception>
    public IReadOnlyList<ScrubUnit> List()
    {
        List<ScrubUnit> units = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(packs, "pack-*"))
        {
            if (Path.GetExtension(file) is ".pack" or ".idx" && names.Add(Path.GetFileNameWithoutExtension(file)))
            {
                units.Add(Describe(ScrubUnitKind.Pack, Path.GetFileNameWithoutExtension(file), PackFiles(Path.ChangeExtension(file, null))));
            }
        }

        units.Sort(static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        units.Add(Describe(ScrubUnitKind.Indexes, IndexesName, IndexFiles()));
        units.Add(Describe(ScrubUnitKind.Loose, LooseName, LooseFiles()));
        units.Add(Describe(ScrubUnitKind.Refs, RefsName, [Path.Combine(repository.Path, "packed-refs"), Path.Combine(repository.Path, "HEAD")]));
        return units;
    }

    /// <summary>Scrubs one unit on a thread of the lowest priority.</summary>
    /// <inheritdoc cref="Scrub"/>
    public Task<ScrubResult> ScrubAsync(
        ScrubUnit unit, IReadOnlyDictionary<string, ScrubRecord> before, ReadBudget? budget, ScrubProgress progress, CancellationToken cancellation) =>
        BackgroundPriority.RunAsync(() => Scrub(unit, before, budget, progress, cancellation));

    /// <summary>Scrubs one unit.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="before">What is remembered of the repository's units, by name; may be empty.</param>
    /// <param name="budget">Keeps reading below a rate; null for as fast as it goes.</param>
    /// <param name="progress">Told of what was read.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IOException">The disk failed in a way that is no fault of a file.</exception>
    public ScrubResult Scrub(
        ScrubUnit unit, IReadOnlyDictionary<string, ScrubRecord> before, ReadBudget? budget, ScrubProgress progress, CancellationToken cancellation)
    {
        ScrubContext context = new(repository.Format, options, budget, progress, time, cancellation);
        DateTimeOffset began = time.GetUtcNow();
        List<ScrubFault> faults = [];
        ScrubRecord? known = before.TryGetValue(unit.Name, out ScrubRecord? record) && record.IsOf(unit) ? record : null;
        bool there = true;
        switch (unit.Kind)
        {
            case ScrubUnitKind.Pack:
                there = ScrubPack(unit, known, context, faults);
                break;
            case ScrubUnitKind.Indexes:
                ScrubIndexes(record, before, context, faults);
                break;
            case ScrubUnitKind.Loose:
                new LooseCheck(objects, context).Check(faults);
                break;
            default:
                RefsCheck.Check(repository, context, faults);
                break;
        }

        return new ScrubResult(unit, faults, there ? new ScrubRecord(unit.Inode, began, unit.Bytes, Beside(unit), faults.Count) : null);
    }

    /// <summary>Scrubs everything.</summary>
    /// <inheritdoc cref="Scrub"/>
    public IReadOnlyList<ScrubFault> ScrubAll(ReadBudget? budget, ScrubProgress progress, CancellationToken cancellation)
    {
        IReadOnlyList<ScrubUnit> units = List();
        progress.Expect(units.Sum(static u => u.Bytes));
        return [.. units.SelectMany(u => Scrub(u, new Dictionary<string, ScrubRecord>(), budget, progress, cancellation).Faults)];
    }

    private bool ScrubPack(ScrubUnit unit, ScrubRecord? known, ScrubContext context, List<ScrubFault> faults)
    {
        string path = Path.Combine(packs, unit.Name);
        if (!new PackScrub(context).Scrub(path, faults))
        {
            return CheckOrphan(path + ".idx", context, faults);
        }

        foreach (string extension in BesideExtensions.Where(e => known?.Beside.Contains(e) == true && !File.Exists(path + e)))
        {
            // git drops the bitmap of a pack when it has made one over all packs.
            bool replaced = extension == BitmapBeside && Directory.EnumerateFiles(packs, MultiPackIndexCheck.FileName + "-*.bitmap").Any();
            if (!replaced && Describe(ScrubUnitKind.Pack, unit.Name, [path + ".pack"]).Inode == unit.Inode)
            {
                ScrubFaultKind kind = extension == BitmapBeside ? ScrubFaultKind.Bitmap : ScrubFaultKind.ReverseIndex;
                faults.Add(new ScrubFault(kind, path + extension, 0, "it is not there any more", []));
            }
        }

        return true;
    }

    /// <summary>An index without its pack; false when that is nothing.</summary>
    private bool CheckOrphan(string path, ScrubContext context, List<ScrubFault> faults)
    {
        using ScrubbedFile? index = ScrubbedFile.TryOpen(path, context);
        string pack = Path.ChangeExtension(path, ".pack");
        if (index is null)
        {
            return false;
        }

        context.Settle();
        if (index.IsGone() || File.Exists(pack))
        {
            return false;
        }

        PackIndexTable? table = PackIndexTable.Read(index, context.Format, out _);
        if (table is null)
        {
            faults.Add(new ScrubFault(ScrubFaultKind.PackMissing, pack, 0, "it is not there, and its index is damaged", []) { ObjectsKnown = false });
            return true;
        }

        List<ObjectId> had = new(table.Count);
        for (int place = 0; place < table.Count; place++)
        {
            had.Add(table.Id(place));
        }

        return AddMissing(pack, had, context, faults);
    }

    // An index whose objects are all elsewhere is what an interrupted deletion of its pack left.
    private bool AddMissing(string pack, IReadOnlyList<ObjectId> had, ScrubContext context, List<ScrubFault> faults)
    {
        using ObjectStore store = ObjectStore.Open(repository.Path, repository.Format, time);
        List<ObjectId> lost = [];
        foreach (ObjectId id in had)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            if (!store.Contains(id))
            {
                lost.Add(id);
            }
        }

        if (lost.Count > 0)
        {
            faults.Add(new ScrubFault(ScrubFaultKind.PackMissing, pack, 0, "it is not there, and nothing else has these objects", lost));
        }

        return lost.Count > 0;
    }

    private void ScrubIndexes(ScrubRecord? known, IReadOnlyDictionary<string, ScrubRecord> before, ScrubContext context, List<ScrubFault> faults)
    {
        string together = Path.Combine(packs, MultiPackIndexCheck.FileName);
        foreach ((string name, IReadOnlyList<ObjectId> had) in new MultiPackIndexCheck(packs, context).Check(faults))
        {
            AddMissing(Path.Combine(packs, name + ".pack"), had, context, faults);
        }

        if (known is { Beside.Count: > 0 })
        {
            bool isThere = NativeFile.Stat(together, out FileStamp stamp) == Errno.None;
            if (!isThere && known.Beside.Where(static b => b != BitmapBeside).All(name => IsUnchanged(name, before)))
            {
                faults.Add(new ScrubFault(ScrubFaultKind.MultiPackIndex, together, 0, "it is not there any more", []));
            }
            else if (isThere && stamp.Inode == known.Inode && known.Beside.Contains(BitmapBeside) && !HasBitmap())
            {
                faults.Add(new ScrubFault(ScrubFaultKind.Bitmap, together + "-*.bitmap", 0, "it is not there any more", []));
            }
        }

        foreach (string graph in GraphFiles())
        {
            SealedFileCheck.Check(graph, ScrubFaultKind.CommitGraph, null, context, faults);
        }
    }

    private bool IsUnchanged(string pack, IReadOnlyDictionary<string, ScrubRecord> before) =>
        before.TryGetValue(pack, out ScrubRecord? record)
        && NativeFile.Stat(Path.Combine(packs, pack + ".pack"), out FileStamp stamp) == Errno.None && stamp.Inode == record.Inode;

    private string[] Beside(ScrubUnit unit)
    {
        switch (unit.Kind)
        {
            case ScrubUnitKind.Pack:
                return [.. BesideExtensions.Where(e => File.Exists(Path.Combine(packs, unit.Name) + e))];
            case ScrubUnitKind.Indexes when unit.Inode != 0:
                string[] covered = [.. MultiPackIndexCheck.ReadNames(Path.Combine(packs, MultiPackIndexCheck.FileName), repository.Format)];
                return HasBitmap() ? [BitmapBeside, .. covered] : covered;
            default:
                return [];
        }
    }

    private bool HasBitmap() => Directory.EnumerateFiles(packs, MultiPackIndexCheck.FileName + "-*.bitmap").Any();

    private static IEnumerable<string> PackFiles(string path) => PackExtensions.Select(e => path + e);

    private IEnumerable<string> IndexFiles() =>
        Directory.EnumerateFiles(packs, MultiPackIndexCheck.FileName + "*").Order(StringComparer.Ordinal).Concat(GraphFiles());

    private IEnumerable<string> GraphFiles()
    {
        string chain = Path.Combine(objects, "info", "commit-graphs");
        return [Path.Combine(objects, "info", "commit-graph"), .. Directory.Exists(chain) ? Directory.EnumerateFiles(chain, "graph-*.graph") : []];
    }

    private IEnumerable<string> LooseFiles() => Directory.EnumerateDirectories(objects, "??").SelectMany(static d => Directory.EnumerateFiles(d));

    // The first file gives the inode, all of them the bytes. What vanishes meanwhile counts nothing.
    private static ScrubUnit Describe(ScrubUnitKind kind, string name, IEnumerable<string> files)
    {
        ulong inode = 0;
        long bytes = 0;
        long youngest = 0;
        bool first = true;
        foreach (string file in files)
        {
            if (NativeFile.Stat(file, out FileStamp stamp) == Errno.None)
            {
                inode = first ? stamp.Inode : inode;
                bytes += stamp.Length;
                youngest = Math.Max(youngest, stamp.Modified);
            }

            first = false;
        }

        return new ScrubUnit(
            kind, name, kind is ScrubUnitKind.Pack or ScrubUnitKind.Indexes ? inode : 0, bytes, DateTimeOffset.UnixEpoch.AddTicks(youngest / 100));
    }
}
