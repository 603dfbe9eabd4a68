using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>What a fold or another piece of maintenance did.</summary>
/// <param name="Packs">How many packs it made into others.</param>
/// <param name="Bytes">By how many bytes the packs are smaller; below zero when a pack was added.</param>
public readonly record struct MaintenanceGain(int Packs, long Bytes)
{
    /// <summary>Nothing was to do.</summary>
    public static MaintenanceGain None => default;
}

/// <summary>
/// Makes one pack of several small ones, by copying their entries: some milliseconds in which only the exchange itself, the
/// last one of them, keeps apply waiting.
/// </summary>
/// <param name="repository">The repository.</param>
/// <param name="options">The bounds.</param>
/// <param name="gates">Whoever changes packs is alone.</param>
/// <param name="before">Called before each step: a seam for tests.</param>
internal sealed class PackFolding(
    Repository repository, MaintenanceOptions options, RepositoryGates gates, Action<MaintenanceStep> before)
{
    // A pack that is being received may take long; the fold is then tried again after it.
    private static readonly TimeSpan GatePatience = TimeSpan.FromSeconds(30);

    /// <summary>The packs that would be made one now; empty when there are few enough.</summary>
    /// <param name="inventory">What is there.</param>
    /// <param name="notes">What must be left alone.</param>
    /// <param name="reserved">The names of packs that a longer work counts on.</param>
    public IReadOnlyList<PackFile> Choose(PackInventory inventory, MaintenanceNotes notes, IReadOnlySet<string> reserved)
    {
        List<PackFile> fresh = [];
        long objects = 0;
        foreach (PackFile pack in inventory.Packs)
        {
            objects += pack.Objects;
            if (objects > options.MaxCopied)
            {
                break;
            }

            bool free = !pack.IsKept && !inventory.Indexed.Contains(pack.Name) && !reserved.Contains(pack.Name)
                && !notes.IsListed(pack) && !notes.IsDropped(pack);
            if (free)
            {
                fresh.Add(pack);
            }
            else
            {
                objects -= pack.Objects;
            }
        }

        return GeometricPlan.Choose(fresh, options.MaxFresh);
    }

    /// <summary>Folds the packs.</summary>
    /// <returns>Nothing when the repository was exchanged or its packs changed meanwhile.</returns>
    /// <exception cref="InvalidDataException">A pack is damaged; all stay as they are.</exception>
    /// <exception cref="IOException">The disk failed, or the repository stayed in use.</exception>
    public async Task<MaintenanceGain> FoldAsync(PackInventory inventory, IReadOnlyList<PackFile> packs, CancellationToken cancellation)
    {
        using NewPack made = NewPack.Create(inventory.Folder, repository.Format, before);
        Write(inventory, packs, made, cancellation);
        string[] replaced = [.. packs.Select(p => inventory.PathOf(p.Name, "idx"))];
        IndexedPack indexed = made.Verify(replaced, [], cancellation);
        using IDisposable? alone = await gates.TryEnterAsync(repository.Name, GatePatience, cancellation).ConfigureAwait(false);
        if (alone is null)
        {
            throw new IOException($"{repository.Name}: its packs could not be exchanged within {GatePatience.TotalSeconds} s, for it is in use");
        }

        PackInventory now = PackInventory.Read(repository);
        if (now.FolderInode != inventory.FolderInode || !packs.All(p => now.Packs.Any(p.IsSame)))
        {
            return MaintenanceGain.None;
        }

        // From here on it is done, whatever is cancelled.
        string name = made.Install(indexed);
        long added = new FileInfo(now.PathOf(name, "pack")).Length;
        long deleted = PackRetirement.Delete(now, packs.Where(p => p.Name != name), before);
        return new MaintenanceGain(packs.Count, deleted - added);
    }

    private void Write(PackInventory inventory, IReadOnlyList<PackFile> packs, NewPack made, CancellationToken cancellation)
    {
        List<PackEntries> opened = [];
        Lazy<ObjectStore> store = new(() => ObjectStore.Open(repository.Path, repository.Format));
        try
        {
            foreach (PackFile pack in packs.OrderByDescending(static p => p.Modified))
            {
                opened.Add(new PackEntries(inventory.PathOf(pack.Name, "pack"), repository.Format));
            }

            CopyPlan plan = new(opened, repository.Format, options.MaxCopiedDepth);
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
}
