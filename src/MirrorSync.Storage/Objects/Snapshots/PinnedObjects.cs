using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects.Snapshots;

/// <summary>
/// All objects of a repository at one moment, as packs that are held open: those on its disk as they are, and one more
/// with what is loose, and with what it borrows and its bases need not have. Pushes, repacks and <c>git gc</c> meanwhile
/// take nothing from it.
/// </summary>
/// <remarks>
/// Unreachable objects are among them, for nothing is walked. What a base's refs reach is not: of the object folders that
/// it borrows from, only those that no base has are sent.
/// </remarks>
public sealed class PinnedObjects : IDisposable
{
    // Each round means that somebody repacked within the moment of the one before.
    private const int MaxRounds = 20;

    private readonly List<PinnedPack> packs = [];
    private readonly HashSet<string> paths = [];

    private PinnedObjects()
    {
    }

    /// <summary>The packs, the largest first: the small ones of later pushes lean on it.</summary>
    public IReadOnlyList<PinnedPack> Packs => packs;

    /// <summary>Pins what is there now.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="tips">What its refs name.</param>
    /// <param name="bases">The repositories that it borrows from on mirrors too.</param>
    /// <param name="baseTips">What the receiver has of them with all that these reach.</param>
    /// <param name="reachableOnly">
    /// Walks, and packs what the refs reach: for a receiver that will not take something of the packs as they are, which may
    /// be what nobody reaches.
    /// </param>
    /// <param name="scratch">A folder for the pack of what is loose; the file has no name there.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IOException">A file cannot be opened, or git failed.</exception>
    public static async Task<PinnedObjects> OpenAsync(
        Repository repository,
        IReadOnlyCollection<ObjectId> tips,
        IReadOnlyList<Repository> bases,
        IReadOnlyCollection<ObjectId> baseTips,
        bool reachableOnly,
        string scratch,
        CancellationToken cancellation)
    {
        PinnedObjects pinned = new();
        try
        {
            using ObjectStore store = ObjectStore.Open(repository.Path, repository.Format);
            HashSet<(ulong, ulong)> borrowed = FoldersOf(bases);
            List<ObjectFolder> sent = reachableOnly ? [] : [.. store.Folders.Where(f => !borrowed.Contains((f.Stamp.Device, f.Stamp.Inode)))];

            // In this order, for an object goes from loose to packed: one that was too late for the first look is in the second.
            HashSet<ObjectId> loose = ListLoose(sent);
            pinned.PinAll(store, sent, repository.Format);
            loose.RemoveWhere(id => store.IsIn(sent, id, packedOnly: true));
            if (reachableOnly || bases.Count > 0)
            {
                ObjectId[] there = [.. baseTips.Where(id => store.Contains(id))];
                List<ObjectId> needed = await ObjectQueries.ListReachableAsync(repository, tips, there, cancellation).ConfigureAwait(false);
                loose.UnionWith(needed.Where(id => !store.IsIn(sent, id, packedOnly: false)));
            }

            if (loose.Count > 0 && await LoosePack.WriteAsync(repository, store, loose, scratch, cancellation).ConfigureAwait(false) is { } file)
            {
                pinned.Add(file, repository.Format);
            }

            pinned.packs.Sort(static (a, b) => b.Length.CompareTo(a.Length));
            return pinned;
        }
        catch (Exception failure)
        {
            pinned.Dispose();
            if (failure is DamagedObjectException)
            {
                throw new IOException($"{repository.Name}: {failure.Message}", failure);
            }

            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PinnedPack pack in packs)
        {
            pack.File.Dispose();
        }
    }

    // All that a base's own copy comes with: its folder, and those that it borrows from.
    private static HashSet<(ulong, ulong)> FoldersOf(IReadOnlyList<Repository> bases)
    {
        HashSet<(ulong, ulong)> folders = [];
        foreach (Repository one in bases)
        {
            using ObjectStore store = ObjectStore.Open(one.Path, one.Format);
            folders.UnionWith(store.Folders.Select(static f => (f.Stamp.Device, f.Stamp.Inode)));
        }

        return folders;
    }

    private static HashSet<ObjectId> ListLoose(List<ObjectFolder> folders)
    {
        List<ObjectId> ids = [];
        foreach (ObjectFolder folder in folders)
        {
            for (int leading = 0; leading <= byte.MaxValue; leading++)
            {
                folder.Loose.List((byte)leading, ids);
            }
        }

        return [.. ids];
    }

    private void PinAll(ObjectStore store, List<ObjectFolder> folders, ObjectFormat format)
    {
        for (int round = 0; round < MaxRounds; round++)
        {
            store.Refresh();
            bool whole = true;
            foreach (ObjectFolder folder in folders)
            {
                foreach (Pack pack in folder.Packs)
                {
                    whole &= TryPin(Path.Combine(folder.Path, "pack", pack.Name + ".pack"), format);
                }
            }

            if (whole)
            {
                return;
            }
        }

        throw new IOException($"{store.Folders[0].Path}: the packs change faster than they can be opened");
    }

    /// <summary>False when it is gone: then another has what it had.</summary>
    private bool TryPin(string path, ObjectFormat format)
    {
        if (paths.Contains(path))
        {
            return true;
        }

        try
        {
            Add(File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete), format);
            return paths.Add(path);
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (UnauthorizedAccessException failure)
        {
            throw new IOException(failure.Message, failure);
        }
    }

    private void Add(SafeFileHandle file, ObjectFormat format)
    {
        PinnedPack pack = new(file, RandomAccess.GetLength(file), ChecksumOf(file, format));
        if (packs.Exists(p => p.Checksum == pack.Checksum && p.Length == pack.Length))
        {
            file.Dispose();
            return;
        }

        packs.Add(pack);
    }

    private static ObjectId ChecksumOf(SafeFileHandle file, ObjectFormat format)
    {
        Span<byte> checksum = stackalloc byte[format.RawLength()];
        long entriesEnd = RandomAccess.GetLength(file) - checksum.Length;
        if (entriesEnd < PackHeader.Length || RandomAccess.Read(file, checksum, entriesEnd) < checksum.Length)
        {
            file.Dispose();
            throw new IOException("a pack is too short to be one");
        }

        return ObjectId.FromRaw(checksum);
    }
}
