using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>
/// Removes from a mirror what the object set no longer holds, after a Baseline replaced it, in two steps far apart:
/// <list type="number">
/// <item>The packs of that moment are sorted into one of the closure of the Baseline's refs, one of what borrowers need beyond
/// that, and one of all else, which is set aside. What later deltas bring lies in other packs and is not looked at, so that
/// exactly the object set stays.</item>
/// <item>The pack that was set aside is deleted after the grace period and the last reader that began before it was. What
/// somebody reaches by then after all, a borrower with a new ref say, is rescued first.</item>
/// </list>
/// </summary>
/// <param name="repository">The repository.</param>
/// <param name="options">Holds the grace period.</param>
/// <param name="gates">Whoever changes packs or notes is alone.</param>
/// <param name="readers">Who reads beside.</param>
/// <param name="time">The clock.</param>
/// <param name="before">Called before each step: a seam for tests.</param>
internal sealed class PackPruning(
    Repository repository,
    MaintenanceOptions options,
    RepositoryGates gates,
    ReaderRegistry readers,
    TimeProvider time,
    Action<MaintenanceStep> before)
{
    private ObjectFormat Format => repository.Format;

    /// <summary>A Baseline replaces the object set: notes which packs are to be sorted. The repository's gate is the caller's.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="sequence">The Baseline's sequence.</param>
    /// <param name="tips">What its refs hold.</param>
    public static void Note(Repository repository, ulong sequence, IEnumerable<ObjectId> tips)
    {
        MaintenanceNotes notes = MaintenanceNotes.Read(repository);
        PackInventory inventory = PackInventory.Read(repository);
        NotedPack[] packs = [.. inventory.Packs.Where(p => !p.IsKept && !notes.IsDropped(p)).Select(NotedPack.Of)];
        PruneNote prune = new(sequence, [.. tips.Select(t => t.ToHex(repository.Format))], packs);
        (notes with { Prune = prune }).Write(repository);
    }

    /// <summary>The first step.</summary>
    /// <param name="inventory">What is there; no fold touches it.</param>
    /// <param name="notes">What was noted.</param>
    /// <param name="siblings">All repositories below the same root.</param>
    /// <param name="settling">Writes the multi-pack-index.</param>
    /// <param name="reserve">Keeps folds away from the packs of these names too.</param>
    /// <param name="pace">Asked often whether to go on.</param>
    /// <param name="cancellation">Gives up; it is done again from the start then.</param>
    /// <exception cref="IOException">git or the disk failed, or a borrower could not be asked: nothing is set aside.</exception>
    /// <exception cref="InvalidDataException">A pack is damaged: nothing is set aside.</exception>
    public async Task SortAsync(
        PackInventory inventory,
        MaintenanceNotes notes,
        IReadOnlyList<Repository> siblings,
        PackSettling settling,
        Action<string> reserve,
        MaintenancePace pace,
        CancellationToken cancellation)
    {
        PruneNote prune = notes.Prune!;
        PackFile[] listed = [.. inventory.Packs.Where(notes.IsListed)];
        string[] rest = [.. inventory.Packs.Where(p => !notes.IsListed(p) && !notes.IsDropped(p)).Select(p => inventory.PathOf(p.Name, "idx"))];
        string[] sorted = [.. listed.Select(p => inventory.PathOf(p.Name, "idx"))];
        List<NewPack> made = [];
        try
        {
            List<IndexedPack> indexed = [];
            byte[] tips = System.Text.Encoding.ASCII.GetBytes(string.Concat(prune.Tips.Select(static t => t + "\n")));
            if (listed.Length > 0 && prune.Tips.Length > 0)
            {
                await AddAsync(made, indexed, ["--revs"], tips, pace, cancellation).ConfigureAwait(false);
            }

            HashSet<ObjectId> others = Beyond(sorted, [.. made.Select(static m => m.IndexPath), .. rest], cancellation);
            List<ObjectId> borrowed = await ReachableObjects.TakeAsync(others, Borrowing.BorrowersOf(repository, siblings), cancellation).ConfigureAwait(false);
            if (borrowed.Count > 0)
            {
                await AddAsync(made, indexed, [], ReachableObjects.Lines(borrowed, Format), pace, cancellation).ConfigureAwait(false);
            }

            int kept = made.Count;
            if (others.Count > 0)
            {
                await AddAsync(made, indexed, [], ReachableObjects.Lines(others, Format), pace, cancellation).ConfigureAwait(false);
            }

            before(MaintenanceStep.Compare);
            IndexUnion.CheckHolds(sorted, [.. made.Select(static m => m.IndexPath), .. rest], Format, cancellation);
            await ExchangeAsync(inventory, prune, listed, made, indexed, kept, settling, reserve, cancellation).ConfigureAwait(false);
        }
        finally
        {
            made.ForEach(static m => m.Dispose());
        }
    }

    /// <summary>The second step, for all packs whose time has come.</summary>
    /// <param name="inventory">What is there; no fold touches it.</param>
    /// <param name="notes">What was noted.</param>
    /// <param name="siblings">All repositories below the same root.</param>
    /// <param name="pace">Asked often whether to go on.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The bytes that became free.</returns>
    /// <exception cref="IOException">git or the disk failed, or a borrower could not be asked: nothing is deleted.</exception>
    public async Task<long> DeleteDroppedAsync(
        PackInventory inventory,
        MaintenanceNotes notes,
        IReadOnlyList<Repository> siblings,
        MaintenancePace pace,
        CancellationToken cancellation)
    {
        string[] holders = [.. inventory.Packs.Where(p => !notes.IsDropped(p)).Select(p => inventory.PathOf(p.Name, "idx"))];
        long bytes = 0;
        foreach (DroppedPack dropped in notes.Dropped.Where(IsDue))
        {
            PackFile[] packs = [.. inventory.Packs.Where(dropped.Pack.Is)];
            HashSet<ObjectId> lost = Beyond([.. packs.Select(p => inventory.PathOf(p.Name, "idx"))], holders, cancellation);
            List<ObjectId> reached = await ReachableObjects.TakeAsync(
                lost, [repository, .. Borrowing.BorrowersOf(repository, siblings)], cancellation).ConfigureAwait(false);
            List<NewPack> made = [];
            try
            {
                List<IndexedPack> indexed = [];
                if (reached.Count > 0)
                {
                    await AddAsync(made, indexed, [], ReachableObjects.Lines(reached, Format), pace, cancellation).ConfigureAwait(false);
                }

                using IDisposable alone = await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false);
                PackInventory present = PackInventory.Read(repository);
                if (present.FolderInode != inventory.FolderInode)
                {
                    return bytes;
                }

                for (int i = 0; i < made.Count; i++)
                {
                    made[i].Install(indexed[i]);
                }

                bytes += PackRetirement.Delete(present, packs.Where(p => present.Packs.Any(p.IsSame)), before);
                MaintenanceNotes latest = MaintenanceNotes.Read(repository);
                (latest with { Dropped = [.. latest.Dropped.Where(d => d != dropped)] }).Write(repository);
            }
            finally
            {
                made.ForEach(static m => m.Dispose());
            }
        }

        return bytes;
    }

    /// <summary>Whether a pack that was set aside may go.</summary>
    public bool IsDue(DroppedPack dropped) =>
        time.GetUtcNow() - dropped.Since >= options.PruneGrace && !readers.HasReaderFrom(repository, dropped.Since);

    private async Task ExchangeAsync(
        PackInventory inventory,
        PruneNote prune,
        PackFile[] listed,
        List<NewPack> made,
        List<IndexedPack> indexed,
        int kept,
        PackSettling settling,
        Action<string> reserve,
        CancellationToken cancellation)
    {
        string[] names = [.. made.Select((m, i) => m.NameOf(indexed[i]))];
        using (await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false))
        {
            if (!IsStillWanted(inventory, prune))
            {
                return;
            }

            // What is set aside is noted first: a pack that nobody knows of would stay for ever.
            MaintenanceNotes latest = MaintenanceNotes.Read(repository);
            DroppedPack[] dropped = [.. made.Skip(kept).Select((m, i) => new DroppedPack(m.Noted(names[kept + i]), time.GetUtcNow()))];
            (latest with { Dropped = [.. latest.Dropped.Where(d => !names.Contains(d.Pack.Name)), .. dropped] }).Write(repository);
            for (int i = 0; i < made.Count; i++)
            {
                reserve(names[i]);
                made[i].Install(indexed[i]);
            }
        }

        MaintenanceNotes now = MaintenanceNotes.Read(repository);
        PackInventory there = PackInventory.Read(repository);
        HashSet<string> stays = [.. inventory.Packs.Where(p => !listed.Contains(p)).Select(static p => p.Name), .. names];
        await settling.WriteMultiPackIndexAsync([.. there.Packs.Where(p => stays.Contains(p.Name) && !now.IsDropped(p))], cancellation)
            .ConfigureAwait(false);
        using IDisposable alone = await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false);
        if (IsStillWanted(inventory, prune))
        {
            there = PackInventory.Read(repository);
            PackRetirement.Delete(there, listed.Where(p => there.Packs.Any(p.IsSame)), before);
            (MaintenanceNotes.Read(repository) with { Prune = null }).Write(repository);
        }
    }

    // Another Baseline, or a snapshot in the repository's place, makes this sorting void.
    private bool IsStillWanted(PackInventory inventory, PruneNote prune) =>
        PackInventory.Read(repository).FolderInode == inventory.FolderInode
        && MaintenanceNotes.Read(repository).Prune?.Sequence == prune.Sequence;

    private async Task AddAsync(
        List<NewPack> made,
        List<IndexedPack> indexed,
        string[] how,
        byte[] input,
        MaintenancePace pace,
        CancellationToken cancellation)
    {
        NewPack pack = NewPack.Create(Path.Combine(repository.Path, "objects", "pack"), Format, before);
        made.Add(pack);
        await MaintenanceGit.PackAsync(repository, how, input, pack.File, pace, cancellation).ConfigureAwait(false);
        indexed.Add(pack.Verify([], [], cancellation));
    }

    private HashSet<ObjectId> Beyond(IReadOnlyList<string> wanted, IReadOnlyList<string> holders, CancellationToken cancellation) =>
        [.. IndexUnion.Without(wanted, holders, Format, cancellation).Select(static w => w.Id)];
}
