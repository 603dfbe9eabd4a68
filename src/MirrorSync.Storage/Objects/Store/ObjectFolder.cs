using System.Text;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// One <c>objects/</c> folder: its packs as last listed, newest first, and its loose objects. It stays with its folder
/// when that is renamed. Any thread: the listing is a snapshot that is swapped.
/// </summary>
/// <remarks>
/// Where there is a multi-pack-index, it is asked first which pack has an object. Every pack has an index of its own beside it.
/// </remarks>
internal sealed class ObjectFolder : IDisposable
{
    private readonly SafeFileHandle folder;
    private readonly ObjectFormat format;
    private readonly OpenFiles files;
    private readonly StoreMemory memory;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private volatile Listing listing = new([], null, [], FileStamp.None, Settled: false);

    /// <param name="folder">The folder; owned.</param>
    /// <param name="path">Its path, for messages.</param>
    /// <param name="format">Of its ids.</param>
    /// <param name="files">Holds its packs open.</param>
    /// <param name="memory">Holds what is read of them.</param>
    /// <param name="time">Tells when a stamp can be trusted.</param>
    public ObjectFolder(SafeFileHandle folder, string path, ObjectFormat format, OpenFiles files, StoreMemory memory, TimeProvider time)
    {
        this.folder = folder;
        this.format = format;
        this.files = files;
        this.memory = memory;
        this.time = time;
        Path = path;
        Stamp = NativeFile.Stat(folder);
        Loose = new LooseObjects(folder, path, format);
    }

    /// <summary>For messages.</summary>
    public string Path { get; }

    /// <summary>The folder itself.</summary>
    public SafeFileHandle Handle => folder;

    /// <summary>Which folder it is: device and inode never change.</summary>
    public FileStamp Stamp { get; }

    /// <summary>Its loose objects.</summary>
    public LooseObjects Loose { get; }

    /// <summary>
    /// Whether nothing can have come into or gone from the pack folder since it was listed: its stamp is the same and
    /// was old enough then.
    /// </summary>
    public bool IsCurrent()
    {
        Listing known = listing;
        return known.Settled && StampOfPacks() == known.Stamp;
    }

    /// <summary>Puts a question to the packs as last listed: first to the one that answered last.</summary>
    public bool Ask(ref ObjectLookup lookup)
    {
        Listing known = listing;
        if (known.Together is { } together && together.TryFind(lookup.Id, out Pack? named))
        {
            if (lookup.Ask(named, out bool absent))
            {
                return true;
            }

            if (absent)
            {
                together.Disbelieve(lookup.Id, named);
            }
        }

        Pack? last = known.LastHit;
        if (last is not null && lookup.Ask(last))
        {
            return true;
        }

        foreach (Pack pack in known.Packs)
        {
            if (pack != last && lookup.Ask(pack))
            {
                known.LastHit = pack;
                return true;
            }
        }

        return false;
    }

    /// <summary>The packs as last listed.</summary>
    public IReadOnlyList<Pack> Packs => listing.Packs;

    /// <summary>What of the pack folder cannot be used, as last listed.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public IEnumerable<StoreFault> Faults()
    {
        Listing known = listing;
        return known.Together?.Check() is { } fault ? known.Faults.Append(fault) : known.Faults;
    }

    /// <summary>The listed pack of a number; null when it is listed no more.</summary>
    public Pack? PackOf(long number)
    {
        foreach (Pack pack in listing.Packs)
        {
            if (pack.Number == number)
            {
                return pack;
            }
        }

        return null;
    }

    /// <summary>Lists the packs anew; true when there are others than before. Packs that are gone are closed.</summary>
    /// <exception cref="IOException">The pack folder cannot be read.</exception>
    public bool List()
    {
        lock (gate)
        {
            DateTimeOffset now = time.GetUtcNow();
            FileStamp stamp = StampOfPacks();
            List<FolderEntry> entries = [];
            if (stamp != FileStamp.None)
            {
                Errno error = NativeFile.OpenFolder(folder, "pack"u8, out SafeFileHandle opened);
                using (opened)
                {
                    error = error == Errno.None ? NativeFile.List(opened, entries) : error;
                }

                if (error is not (Errno.None or Errno.NotFound))
                {
                    throw NativeFile.Failure("list", Path, "pack"u8, error);
                }
            }

            Pack[] before = listing.Packs;
            HashSet<string> names = [.. entries.Select(static e => Encoding.Latin1.GetString(e.Name))];
            List<StoreFault> faults = [];
            Pack[] packs = FindPacks(names, before, faults);
            listing = new Listing(packs, FindTogether(names, packs), faults, stamp, stamp.IsSettledAt(now));
            HashSet<Pack> dropped = [.. before];
            dropped.ExceptWith(packs);
            foreach (Pack pack in dropped)
            {
                pack.Retire();
            }

            return dropped.Count > 0 || packs.Length != before.Length;
        }
    }

    /// <summary>Takes on a pack that has just been put into the folder, without listing it.</summary>
    /// <exception cref="IOException">The pack or its index is not there.</exception>
    public void Add(string name)
    {
        lock (gate)
        {
            Listing known = listing;
            Pack pack = TryStat(name, Array.Find(known.Packs, p => p.Name == name))
                ?? throw new FileNotFoundException($"no pack and index {name} in {Path}/pack");
            if (!known.Packs.Contains(pack))
            {
                foreach (Pack old in known.Packs.Where(p => p.Name == name))
                {
                    old.Retire();
                }

                Pack[] packs = [pack, .. known.Packs.Where(p => p.Name != name)];
                listing = new Listing(packs, known.Together?.With(packs), known.Faults, known.Stamp, known.Settled);
            }
        }
    }

    /// <summary>The pack folder as it is now; nothing when there is none.</summary>
    public FileStamp StampOfPacks()
    {
        Errno error = NativeFile.Stat(folder, "pack"u8, followLink: true, out FileStamp stamp);
        return error is Errno.None or Errno.NotFound ? stamp : throw NativeFile.Failure("stat", Path, "pack"u8, error);
    }

    /// <summary>Closes all files, once nobody reads them any more.</summary>
    public void Dispose()
    {
        foreach (Pack pack in listing.Packs)
        {
            pack.Retire();
        }

        listing.Together?.Retire();
        folder.Dispose();
    }

    private Pack[] FindPacks(HashSet<string> names, Pack[] before, List<StoreFault> faults)
    {
        Dictionary<string, Pack> known = before.ToDictionary(static p => p.Name, StringComparer.Ordinal);
        List<Pack> packs = [];
        foreach (string file in names)
        {
            if (file.EndsWith(".idx", StringComparison.Ordinal))
            {
                string name = file[..^".idx".Length];
                if (!names.Contains(name + ".pack"))
                {
                    faults.Add(new StoreFault(StoreFaultKind.IndexWithoutPack, $"{Path}/pack/{file}", "its pack is not there"));
                }
                else if (TryStat(name, known.GetValueOrDefault(name)) is { } pack)
                {
                    packs.Add(pack);
                }
            }
            else if (file.EndsWith(".pack", StringComparison.Ordinal) && !names.Contains(file[..^".pack".Length] + ".idx"))
            {
                faults.Add(new StoreFault(StoreFaultKind.PackWithoutIndex, $"{Path}/pack/{file}", "its index is not there"));
            }
        }

        packs.Sort(static (a, b) => b.File.Stamp.Modified.CompareTo(a.File.Stamp.Modified));
        return [.. packs];
    }

    /// <summary>The multi-pack-index, if there is one.</summary>
    private MultiPackLookup? FindTogether(HashSet<string> names, Pack[] packs)
    {
        const string name = "multi-pack-index";
        MultiPackLookup? before = listing.Together;
        byte[] path = Encoding.Latin1.GetBytes($"pack/{name}");
        MultiPackLookup? found = null;
        if (names.Contains(name) && TryStat(path, out FileStamp stamp))
        {
            // Here times count: it is replaced by one of the same size when packs with as many objects change.
            found = before is not null && before.File.Stamp == stamp
                ? before.With(packs)
                : new MultiPackLookup(Open(path, stamp), packs, format, memory);
        }

        if (before is not null && found?.File != before.File)
        {
            before.Retire();
        }

        return found;
    }

    /// <summary>The pack of a name: the known one when its files are the same, null when one of them is gone.</summary>
    private Pack? TryStat(string name, Pack? known)
    {
        byte[] index = Encoding.Latin1.GetBytes($"pack/{name}.idx");
        byte[] pack = Encoding.Latin1.GetBytes($"pack/{name}.pack");
        if (!TryStat(index, out FileStamp indexStamp) || !TryStat(pack, out FileStamp packStamp))
        {
            return null;
        }

        return known is not null && IsSame(known.Index.Stamp, indexStamp) && IsSame(known.File.Stamp, packStamp)
            ? known
            : new Pack(name, Open(index, indexStamp), Open(pack, packStamp), format, memory);
    }

    // False only when it is gone: a disk that does not answer must not look like packs that are missing.
    private bool TryStat(byte[] name, out FileStamp stamp)
    {
        Errno result = NativeFile.Stat(folder, name, followLink: true, out stamp);
        return result switch
        {
            Errno.None => true,
            Errno.NotFound => false,
            _ => throw NativeFile.Failure("statx", System.IO.Path.Combine(Path, Encoding.Latin1.GetString(name)), result),
        };
    }

    private StoreFile Open(byte[] name, FileStamp stamp) =>
        new(files, folder, name, System.IO.Path.Combine(Path, Encoding.Latin1.GetString(name)), stamp);

    // Times do not count: git touches a pack that it finds an object in (freshening).
    private static bool IsSame(FileStamp a, FileStamp b) => a.Inode == b.Inode && a.Device == b.Device && a.Length == b.Length;

    /// <summary>The packs at one moment, newest first.</summary>
    private sealed record Listing(Pack[] Packs, MultiPackLookup? Together, IReadOnlyList<StoreFault> Faults, FileStamp Stamp, bool Settled)
    {
        private volatile Pack? lastHit;

        /// <summary>
        /// The next object is mostly in the same pack. It is kept here, so that a pack that is gone is not asked again
        /// once the folder was listed without it.
        /// </summary>
        public Pack? LastHit
        {
            get => lastHit;
            set => lastHit = value;
        }
    }
}
