using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>
/// The maintenance of one repository. Two kinds of work: <see cref="FoldAsync"/> is quick and keeps the number of packs down
/// while deltas come; <see cref="SettleAsync"/> takes its time and brings the repository into the form that clones are
/// served best from. One fold and one settling may run at once, but no two of the same kind.
/// </summary>
/// <remarks>Nothing is deleted before its replacement is verified, synced and in place.</remarks>
public sealed class RepositoryMaintenance : IDisposable
{
    private static readonly IReadOnlySet<string> Nothing = new HashSet<string>();

    private readonly Repository repository;
    private readonly PackFolding folding;
    private readonly PackSettling settling;
    private readonly PackPruning pruning;

    // Held by a fold as long as it takes, by a settling only while it looks which packs there are.
    private readonly SemaphoreSlim choosing = new(1, 1);
    private IReadOnlySet<string> reserved = Nothing;

    /// <summary>Takes up a repository.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="options">The bounds.</param>
    /// <param name="gates">Whoever changes packs is alone.</param>
    /// <param name="readers">Who reads beside.</param>
    /// <param name="time">The clock.</param>
    /// <param name="before">Called before each step: a seam for tests.</param>
    public RepositoryMaintenance(
        Repository repository,
        MaintenanceOptions options,
        RepositoryGates gates,
        ReaderRegistry readers,
        TimeProvider time,
        Action<MaintenanceStep>? before = null)
    {
        this.repository = repository;
        Action<MaintenanceStep> step = before ?? (static _ => { });
        folding = new PackFolding(repository, options, gates, step);
        settling = new PackSettling(repository, options, gates, step);
        pruning = new PackPruning(repository, options, gates, readers, time, step);
    }

    /// <summary>Removes what an interrupted maintenance left. Before any other work.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public void Recover() => PackRetirement.DeleteLeftovers(repository);

    /// <summary>How many packs there are.</summary>
    /// <exception cref="IOException">The folder or an index cannot be read.</exception>
    /// <exception cref="InvalidDataException">An index is damaged.</exception>
    public int CountPacks() => PackInventory.Read(repository).Packs.Count;

    /// <summary>Looks what is to do.</summary>
    /// <exception cref="IOException">The folder or an index cannot be read.</exception>
    /// <exception cref="InvalidDataException">An index or the notes are damaged.</exception>
    public MaintenanceNeed Look()
    {
        PackInventory inventory = PackInventory.Read(repository);
        MaintenanceNotes notes = MaintenanceNotes.Read(repository);
        int fold = folding.Choose(inventory, notes, Nothing).Count;
        int settle = settling.Choose(inventory, notes).Count;
        return MaintenanceNeed.Look(repository, inventory, notes, fold, settle, pruning.IsDue);
    }

    /// <summary>Makes small packs one until there are few.</summary>
    /// <exception cref="InvalidDataException">A pack is damaged; all stay as they are.</exception>
    /// <exception cref="IOException">The disk failed, or the repository stayed in use.</exception>
    public async Task<MaintenanceGain> FoldAsync(CancellationToken cancellation)
    {
        await choosing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            PackInventory inventory = PackInventory.Read(repository);
            IReadOnlyList<PackFile> packs = folding.Choose(inventory, MaintenanceNotes.Read(repository), Volatile.Read(ref reserved));
            return packs.Count == 0
                ? MaintenanceGain.None : await folding.FoldAsync(inventory, packs, cancellation).ConfigureAwait(false);
        }
        finally
        {
            choosing.Release();
        }
    }

    /// <summary>Consolidates all packs by size, and brings multi-pack-index, bitmap, reverse indexes and commit-graph up to date.</summary>
    /// <param name="pace">Asked often whether to go on.</param>
    /// <param name="cancellation">Gives up; what is done stays done.</param>
    /// <exception cref="InvalidDataException">A pack is damaged; all stay as they are.</exception>
    /// <exception cref="IOException">git or the disk failed.</exception>
    public async Task<MaintenanceGain> SettleAsync(MaintenancePace pace, CancellationToken cancellation)
    {
        PackInventory inventory = await ReserveAsync(cancellation).ConfigureAwait(false);
        try
        {
            MaintenanceNotes notes = MaintenanceNotes.Read(repository);
            return await settling.SettleAsync(inventory, settling.Choose(inventory, notes), notes, Reserve, pace, cancellation).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref reserved, Nothing);
        }
    }

    /// <summary>
    /// A Baseline was applied, so that the object set is another: all that is here now and not in the closure of its refs is
    /// to go. By whoever holds the repository's gate, before a later record is applied.
    /// </summary>
    /// <param name="repository">The repository.</param>
    /// <param name="sequence">The Baseline's sequence.</param>
    /// <param name="tips">What its refs hold.</param>
    /// <exception cref="IOException">The note could not be kept.</exception>
    public static void NoteBaseline(Repository repository, ulong sequence, IEnumerable<ObjectId> tips) =>
        PackPruning.Note(repository, sequence, tips);

    /// <summary>
    /// Sets aside what a Baseline has taken out of the object set, and deletes what was set aside longer than the grace period
    /// ago and is nobody's any more.
    /// </summary>
    /// <param name="siblings">All repositories below the same root: some may borrow from this one.</param>
    /// <param name="pace">Asked often whether to go on.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The bytes that became free.</returns>
    /// <exception cref="InvalidDataException">A pack is damaged: nothing is set aside.</exception>
    /// <exception cref="IOException">git or the disk failed, or a borrower could not be asked: nothing is set aside or deleted.</exception>
    public async Task<long> PruneAsync(IReadOnlyList<Repository> siblings, MaintenancePace pace, CancellationToken cancellation)
    {
        PackInventory inventory = await ReserveAsync(cancellation).ConfigureAwait(false);
        try
        {
            MaintenanceNotes notes = MaintenanceNotes.Read(repository);
            if (notes.Prune is not null)
            {
                await pruning.SortAsync(inventory, notes, siblings, settling, Reserve, pace, cancellation).ConfigureAwait(false);
                return 0;
            }

            return await pruning.DeleteDroppedAsync(inventory, notes, siblings, pace, cancellation).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref reserved, Nothing);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => choosing.Dispose();

    private void Reserve(string name) => Volatile.Write(ref reserved, reserved.Append(name).ToHashSet());

    /// <summary>Looks which packs there are, and keeps folds away from them.</summary>
    private async Task<PackInventory> ReserveAsync(CancellationToken cancellation)
    {
        await choosing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            PackInventory inventory = PackInventory.Read(repository);
            Volatile.Write(ref reserved, inventory.Packs.Select(static p => p.Name).ToHashSet());
            return inventory;
        }
        finally
        {
            choosing.Release();
        }
    }
}
