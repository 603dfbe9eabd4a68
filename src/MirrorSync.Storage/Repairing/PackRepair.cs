using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Repairing;

/// <summary>
/// Replaces damaged packs: their sound entries are copied as they are, together with what was fetched in place of the others,
/// into a new pack, which is read again, every object hashed, and synced before the damaged ones go. Those are moved away and
/// not deleted. After an interruption it begins anew: what was there is there until the new pack is.
/// </summary>
/// <param name="repository">The repository.</param>
/// <param name="gates">Held while names change.</param>
/// <param name="salvage">The folder on the same file system that takes what is moved away; made when it is needed.</param>
public sealed class PackRepair(Repository repository, RepositoryGates gates, string salvage)
{
    /// <summary>git itself follows no longer chains of deltas; what is copied keeps the ones that it has.</summary>
    private const int MaxDepth = 4095;

    // The pack comes after what refers to it, and the index last, as when packs are retired.
    private static readonly string[] Extensions = [".bitmap", ".rev", ".mtimes", ".pack", ".idx"];

    // Its contents were checked for attacks when they came.
    private static readonly PackIndexer Indexer = new(new PackIndexOptions { Threads = 1, DetectCollisions = false, ReverseIndex = true });

    private readonly string packs = Path.Combine(repository.Path, "objects", "pack");

    /// <summary>Makes index and reverse index of a pack anew, which is read whole for that.</summary>
    /// <exception cref="InvalidPackException">The pack is damaged too.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public async Task IndexAsync(string name, CancellationToken cancellation)
    {
        string temporary = Path.Combine(packs, $"{NewPack.Prefix}{Guid.NewGuid():N}");
        try
        {
            Indexer.IndexFile(PathOf(name, ".pack"), temporary + ".idx", repository.Format, new PackProgress(), cancellation);
            using IDisposable alone = await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false);
            foreach (string extension in (ReadOnlySpan<string>)[".rev", ".idx"])
            {
                using (Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(temporary + extension))
                {
                    Durable.SyncFile(file);
                }

                File.Move(temporary + extension, PathOf(name, extension), overwrite: true);
            }

            Durable.SyncFolder(packs);
        }
        finally
        {
            File.Delete(temporary + ".idx");
            File.Delete(temporary + ".rev");
        }
    }

    /// <summary>Replaces the damaged packs, and takes away what is left of those that are gone.</summary>
    /// <param name="damage">What is wrong. All of its objects can be had by now, be it from elsewhere in the repository.</param>
    /// <param name="fetched">The packs that came for it; they become a part of the new one.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="InvalidDataException">More is damaged than was found: nothing is replaced, as with the next two.</exception>
    /// <exception cref="InvalidPackException">What was made is not sound.</exception>
    /// <exception cref="DamagedObjectException">An object that is to be copied is damaged.</exception>
    /// <exception cref="IOException">The disk failed, or somebody changed the packs meanwhile.</exception>
    public async Task ReplaceAsync(PackDamage damage, IReadOnlyList<string> fetched, CancellationToken cancellation)
    {
        if (damage.Damaged.Count == 0)
        {
            await RetireAsync(damage.Gone, cancellation).ConfigureAwait(false);
            return;
        }

        ulong[] inodes = [.. damage.Damaged.Select(InodeOf)];
        using NewPack made = NewPack.Create(packs, repository.Format, static _ => { });
        Write(damage, fetched, made, cancellation);
        string[] replaced = [.. damage.Damaged.Concat(fetched).Select(n => PathOf(n, ".idx"))];
        IndexedPack indexed = made.Verify(replaced, [], cancellation);
        using (await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false))
        {
            if (!inodes.SequenceEqual(damage.Damaged.Select(InodeOf)))
            {
                throw new IOException($"{repository.Name}: its packs were changed while they were repaired");
            }

            // From here on it is done, whatever is cancelled.
            string name = made.Install(indexed);
            MoveAway(damage.Damaged.Concat(damage.Gone).Where(n => n != name));
            foreach (string file in fetched.Where(n => n != name).SelectMany(static n => Extensions, PathOf))
            {
                File.Delete(file);
            }

            Durable.SyncFolder(packs);
        }
    }

    /// <summary>Moves the file of an object that lies by itself away.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public void RetireLoose(in ObjectId id)
    {
        string path = ObjectCondition.LoosePath(repository, id);
        Directory.CreateDirectory(salvage);
        File.Move(path, Path.Combine(salvage, id.ToHex(repository.Format)), overwrite: true);
        Durable.SyncFolder(Path.GetDirectoryName(path)!);
    }

    private async Task RetireAsync(IReadOnlyList<string> gone, CancellationToken cancellation)
    {
        if (gone.Count > 0)
        {
            using IDisposable alone = await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false);
            MoveAway(gone);
            Durable.SyncFolder(packs);
        }
    }

    private void Write(PackDamage damage, IReadOnlyList<string> fetched, NewPack made, CancellationToken cancellation)
    {
        List<PackEntries> opened = [];
        Lazy<ObjectStore> store = new(() => ObjectStore.Open(repository.Path, repository.Format));
        try
        {
            opened.AddRange(fetched.Select(n => new PackEntries(PathOf(n, ".pack"), repository.Format)));
            HashSet<ObjectId> wanting = [];
            foreach (string name in damage.Damaged)
            {
                List<ObjectId> damaged = [];
                opened.Add(PackEntries.OpenSound(PathOf(name, ".pack"), repository.Format, damaged));
                wanting.UnionWith(damaged);
            }

            CopyPlan plan = new(opened, repository.Format, MaxDepth, wanting);
            CopiedPack.Write(opened, plan, store, made.File, repository.Format, cancellation);
        }
        finally
        {
            opened.ForEach(static p => p.Dispose());
            if (store.IsValueCreated)
            {
                store.Value.Dispose();
            }
        }
    }

    private void MoveAway(IEnumerable<string> names)
    {
        // Whoever has a multi-pack-index, or a bitmap over it, that names a pack which is gone may end at once. Without one
        // git is slower until it is made anew.
        foreach (string file in Directory.EnumerateFiles(packs, "multi-pack-index*").OrderByDescending(static f => f.Length))
        {
            File.Delete(file);
        }

        foreach (string file in names.SelectMany(static n => Extensions, PathOf).Where(File.Exists))
        {
            Directory.CreateDirectory(salvage);
            File.Move(file, Path.Combine(salvage, Path.GetFileName(file)), overwrite: true);
        }
    }

    private ulong InodeOf(string name) => NativeFile.Stat(PathOf(name, ".pack"), out FileStamp stamp) == Errno.None ? stamp.Inode : 0;

    private string PathOf(string name, string extension) => Path.Combine(packs, name + extension);
}
