using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// The object folders of one repository, its own first, then its alternates', as last listed, and the search in them
/// beside any git that packs, prunes or changes the alternates.
/// </summary>
internal sealed class ObjectFolders : IDisposable
{
    // Each round means that somebody repacked within the microseconds of the one before.
    private const int MaxRounds = 100;

    private readonly ObjectFormat format;
    private readonly OpenFiles files;
    private readonly TimeProvider time;
    private readonly StoreMemory memory;
    private readonly Lock gate = new();
    private volatile Alternates places;
    private volatile bool disposed;

    /// <summary>Opens the folders and reads the alternates; packs are listed by <see cref="List"/>.</summary>
    /// <exception cref="IOException">There is no object folder, or it cannot be read.</exception>
    public ObjectFolders(string objects, ObjectFormat format, TimeProvider time, OpenFiles files, StoreMemory memory)
    {
        this.format = format;
        this.files = files;
        this.time = time;
        this.memory = memory;
        ObjectFolder own = OpenFolder(NativeFile.OpenFolder(objects), objects);
        places = Alternates.Read(own, [], OpenFolder, time);
    }

    /// <summary>The repository's own folder, then those that it borrows from.</summary>
    public IReadOnlyList<ObjectFolder> All => places.Folders;

    /// <summary>The repository's own folder.</summary>
    public ObjectFolder Own => places.Folders[0];

    /// <summary>Takes up a pack of the repository's own folder without a listing.</summary>
    public void Add(string name)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        Own.Add(name);
    }

    /// <summary>What is passed over, as last listed.</summary>
    public IReadOnlyList<StoreFault> Faults
    {
        get
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            Alternates now = places;
            return [.. now.Faults, .. now.Folders.SelectMany(static f => f.Faults())];
        }
    }

    /// <summary>Which packs have the objects, as listed, and where, in the order of the packs; what is in none is left over.</summary>
    public Dictionary<Pack, PackedPlaces> Locate(ReadOnlySpan<ObjectId> ids, List<int> left)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        Dictionary<Pack, PackedPlaces> located = [];
        IReadOnlyList<ObjectFolder> folders = places.Folders;
        Pack? last = null;
        PackedPlaces? found = null;
        for (int i = 0; i < ids.Length; i++)
        {
            ObjectLookup lookup = new(ids[i], format, ObjectQuestion.Place, 0, memory.Bases, null);
            bool packed = false;
            for (int f = 0; f < folders.Count && !packed; f++)
            {
                packed = folders[f].Ask(ref lookup);
            }

            if (!packed)
            {
                left.Add(i);
                continue;
            }

            if (lookup.Pack != last)
            {
                last = lookup.Pack!;
                if (!located.TryGetValue(last, out found))
                {
                    located.Add(last, found = new PackedPlaces());
                }
            }

            found!.Add(lookup.Offset, i);
        }

        foreach (PackedPlaces each in located.Values)
        {
            each.Sort();
        }

        return located;
    }

    /// <summary>Searches until the answer counts: absent is only what was in no pack that was there during the search.</summary>
    public bool Find(ref ObjectLookup lookup)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        bool listed = false;
        for (int round = 0; round < MaxRounds; round++)
        {
            if (FindAsListed(ref lookup))
            {
                return true;
            }

            // Absent counts only if no pack can have come, gone or been overlooked since before the search.
            if (!lookup.PackGone && IsCurrent())
            {
                return Miss(ref lookup);
            }

            bool changed = List();
            if (!changed && listed && !lookup.PackGone)
            {
                return Miss(ref lookup);
            }

            listed = true;
            lookup.PackGone = false;
        }

        throw Restless();
    }

    /// <summary>Reads all ids that begin with a byte, from packs and folders of which none changed meanwhile.</summary>
    public void Fill(IdBucket bucket, byte leading)
    {
        bool listed = false;
        for (int round = 0; round < MaxRounds; round++)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            bool whole = bucket.TryFill(places.Folders, leading);
            // As with what is absent: an object may have moved from where it was looked for too late to where it was too early.
            if (whole && IsCurrent())
            {
                return;
            }

            bool changed = List();
            if (!changed && listed && whole)
            {
                return;
            }

            listed = true;
        }

        throw Restless();
    }

    /// <summary>Finds an object's entry in one given pack; 0 when it is not there, or the pack is listed no more.</summary>
    /// <exception cref="DamagedObjectException">The pack's index is damaged.</exception>
    public long OffsetIn(long pack, in ObjectId id)
    {
        foreach (ObjectFolder folder in places.Folders)
        {
            if (folder.PackOf(pack) is { } found)
            {
                return found.FindOffset(id, out long offset) == StoreAnswer.Found ? offset : 0;
            }
        }

        return 0;
    }

    /// <summary>See <see cref="ObjectStore.CountPacked"/>.</summary>
    public long CountPacked()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        for (int round = 0; round < MaxRounds; round++)
        {
            long sum = 0;
            bool gone = false;
            foreach (Pack pack in places.Folders.SelectMany(static f => f.Packs))
            {
                gone |= !pack.TryCount(out uint count);
                sum += count;
            }

            if (!gone)
            {
                return sum;
            }

            List();
        }

        throw Restless();
    }

    /// <summary>Closes all files; what is being read goes on to its end.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            foreach (ObjectFolder folder in places.Folders)
            {
                folder.Dispose();
            }
        }
    }

    private IOException Restless() => new($"{places.Folders[0].Path}: the packs change faster than they can be read");

    /// <summary>Searches packs before loose objects, as git does: objects move from loose to packed.</summary>
    public bool FindAsListed(ref ObjectLookup lookup)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        IReadOnlyList<ObjectFolder> folders = places.Folders;
        for (int i = 0; i < folders.Count; i++)
        {
            if (folders[i].Ask(ref lookup))
            {
                return true;
            }
        }

        for (int i = 0; i < folders.Count; i++)
        {
            if (lookup.Ask(folders[i].Loose))
            {
                return true;
            }
        }

        return false;
    }

    private bool Miss(ref ObjectLookup lookup)
    {
        if (lookup.Id == EmptyTree.Id(format))
        {
            lookup.Answer(ObjectType.Tree, []);
            return true;
        }

        return lookup.Damage is null ? false : throw lookup.Damage;
    }

    private bool IsCurrent()
    {
        Alternates now = places;
        for (int i = 0; i < now.Folders.Count; i++)
        {
            if (!now.Folders[i].IsCurrent())
            {
                return false;
            }
        }

        return now.IsCurrent();
    }

    /// <summary>Reads alternates and lists packs; true when something is other than it was.</summary>
    public bool List()
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            bool changed = false;
            Alternates now = places;
            if (!now.IsCurrent())
            {
                // A folder that is no longer named is left to those who may be reading in it, and to its finalizer.
                now = Alternates.Read(now.Folders[0], now.Folders, OpenFolder, time);
                changed = !now.Folders.SequenceEqual(places.Folders);
                places = now;
            }

            foreach (ObjectFolder folder in now.Folders)
            {
                changed |= folder.List();
            }

            return changed;
        }
    }

    private ObjectFolder OpenFolder(SafeFileHandle folder, string path) => new(folder, path, format, files, memory, time);
}
