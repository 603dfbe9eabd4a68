using MirrorSync.Git.Objects;
using MirrorSync.Replication.Mirror;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repairing;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Repair;

/// <summary>
/// Brings back what is wrong with one repository, and no more than that. By the repository's worker: nothing else is applied
/// meanwhile. It looks for itself, so that it may be asked twice, and begins anew after an interruption.
/// </summary>
/// <remarks>
/// 1. HEAD and refs are set back to what the log says.
/// 2. Packs that are said to be damaged are read, entry by entry; indexes are made anew.
/// 3. Objects of which no sound copy is here come from other nodes, into a new pack.
/// 4. Damaged packs are replaced by a copy of their sound entries and of what came, verified whole, and moved away.
/// What that does not help against is a snapshot's, which takes the place of the whole.
/// </remarks>
/// <param name="sources">The nodes that objects come from.</param>
/// <param name="gates">Held while packs change.</param>
/// <param name="salvage">Takes what is taken out.</param>
/// <param name="packs">Threads and memory for packs that come.</param>
/// <param name="time">The clock.</param>
internal sealed class RepositoryRepair(
    ObjectSources sources, RepositoryGates gates, Salvage salvage, PackIndexOptions packs, TimeProvider time)
{
    /// <summary>What is missing beyond these comes with a snapshot, which is packed tighter and can go on after a cut.</summary>
    private const int MaxFetched = 100_000;

    /// <summary>Each walk finds what the one before could not see behind what was missing.</summary>
    private const int MaxWalks = 16;

    private readonly RefsRepair refs = new(salvage, time);

    /// <summary>Repairs.</summary>
    /// <param name="state">The repository, with the refs that the log says.</param>
    /// <param name="order">What was found.</param>
    /// <param name="progress">Told what is being done.</param>
    /// <param name="found">Called once something is found that a request may meet.</param>
    /// <param name="cancellation">Gives up; what is done stays done.</param>
    /// <returns>What was done, and whether a snapshot has to follow.</returns>
    /// <exception cref="TransferException">Objects could not be had now.</exception>
    /// <exception cref="IOException">The disk failed, or somebody changed the repository meanwhile: another try may help.</exception>
    public async Task<RepairOutcome> RunAsync(
        RepositoryState state, RepairOrder order, RepairProgress progress, Action<string> found, CancellationToken cancellation)
    {
        Repository repository = state.Repository;
        Account account = new(found);
        if (Missing(repository) is { } gone)
        {
            account.Find(1, gone);
            return account.Outcome($"{gone} is gone");
        }

        if (order.Refs || order.Thorough)
        {
            await RepairRefsAsync(state, account, progress, cancellation).ConfigureAwait(false);
        }

        if (await RepairPacksAsync(repository, order, account, progress, cancellation).ConfigureAwait(false) is { } reason)
        {
            return account.Outcome(reason);
        }

        if (order.Thorough && await RepairClosureAsync(state, account, progress, cancellation).ConfigureAwait(false) is { } beyond)
        {
            return account.Outcome(beyond);
        }

        return account.Outcome(null);
    }

    /// <summary>Looks, and changes nothing.</summary>
    /// <returns>What is wrong, in words; empty when nothing is.</returns>
    /// <exception cref="IOException">The repository cannot be read.</exception>
    public async Task<IReadOnlyList<string>> FindAsync(RepositoryState state, CancellationToken cancellation)
    {
        Repository repository = state.Repository;
        if (Missing(repository) is { } gone)
        {
            return [$"{gone} is gone"];
        }

        PackDamage damage = PackDamage.Find(repository, PackDamage.NamesIn(repository), new HashSet<ObjectId>(), cancellation);
        List<string> wrong =
        [
            .. refs.Find(repository, state.Refs).Select(static r => $"{r.Name} is {r.Found ?? "gone or unreadable"} instead of {r.Expected ?? "nothing"}"),
            .. damage.Damaged.Select(static n => $"{n} is damaged"),
            .. damage.Gone.Select(static n => $"{n} is gone"),
            .. damage.Unindexed.Select(static n => $"the index of {n} is damaged or gone"),
            .. damage.Unknown is null ? (string[])[] : [damage.Unknown],
        ];
        if (damage.Objects.Count == 0)
        {
            List<ObjectId> missing = await MissingAsync(state, cancellation).ConfigureAwait(false);
            wrong.AddRange(missing.Select(m => $"object {m.ToHex(repository.Format)} is missing"));
        }

        return wrong;
    }

    /// <summary>The first of what makes a folder a repository that is not there; null when all of it is.</summary>
    private static string? Missing(Repository repository) =>
        !Directory.Exists(repository.Path) ? "its folder"
        : !Directory.Exists(Path.Combine(repository.Path, "objects", "pack")) ? "its objects/pack"
        : !File.Exists(Path.Combine(repository.Path, "config")) ? "its config"
        : null;

    private async Task RepairRefsAsync(RepositoryState state, Account account, RepairProgress progress, CancellationToken cancellation)
    {
        IReadOnlyList<SalvagedRef> wrong = refs.Find(state.Repository, state.Refs);
        if (wrong.Count == 0)
        {
            return;
        }

        progress.Is($"setting back {wrong.Count} refs");
        account.Find(wrong.Count, $"{wrong[0].Name} is not what the log says");
        await refs.SetBackAsync(state.Repository, state.Refs, wrong, cancellation).ConfigureAwait(false);
        account.Did(wrong.Count, $"set back {wrong.Count} refs ({wrong[0].Name}{(wrong.Count > 1 ? ", ..." : string.Empty)})");
    }

    /// <summary>Null when all packs and objects that were named are sound; otherwise why only a snapshot helps.</summary>
    private async Task<string?> RepairPacksAsync(
        Repository repository, RepairOrder order, Account account, RepairProgress progress, CancellationToken cancellation)
    {
        progress.Is("looking at its packs");
        IReadOnlyCollection<string> names = order.Thorough ? PackDamage.NamesIn(repository) : order.Packs;
        HashSet<ObjectId> named = [.. order.Objects];
        PackDamage damage = PackDamage.Find(repository, names, named, cancellation);
        account.Find(damage.Damaged.Count + damage.Gone.Count, "packs are damaged");
        account.Find(damage.Unindexed.Count, null);
        if (damage.Unknown is { } unknown)
        {
            return unknown;
        }

        SalvageEntry taken = salvage.Open(repository.Name, order.Reason ?? "damaged files were replaced", []);
        try
        {
            PackRepair repair = new(repository, gates, salvage.PathOf(taken));
            foreach (string name in damage.Unindexed)
            {
                progress.Is($"making the index of {name} anew");
                try
                {
                    await repair.IndexAsync(name, cancellation).ConfigureAwait(false);
                }
                catch (InvalidPackException refused)
                {
                    return $"{name} and its index are damaged: {refused.Message}";
                }

                account.Did(1, $"made the index of {name} anew");
            }

            // Whose own bytes are sound is sound again with the pack.
            HashSet<ObjectId> doubtful = [.. named.Except(damage.Sound), .. damage.Objects];
            (IReadOnlyList<string> fetched, string? reason) =
                await FetchAsync(repository, doubtful, account, progress, cancellation).ConfigureAwait(false);
            if (reason is not null)
            {
                return reason;
            }

            if (damage.Damaged.Count + damage.Gone.Count > 0)
            {
                progress.Is($"replacing {damage.Damaged.Count + damage.Gone.Count} packs");
                await repair.ReplaceAsync(damage, fetched, cancellation).ConfigureAwait(false);
                account.Did(
                    damage.Damaged.Count + damage.Gone.Count, $"replaced {string.Join(", ", damage.Damaged.Concat(damage.Gone))}");
            }

            foreach (ObjectId id in named.Where(id => ObjectCondition.IsLooseDamaged(repository, id)))
            {
                repair.RetireLoose(id);
                account.Did(0, $"took away the damaged file of {id.ToHex(repository.Format)}");
            }

            return ObjectCondition.FindUnreadable(repository, named.Concat(damage.Objects), cancellation) is { Count: > 0 } left
                ? $"{left.Count} objects cannot be read still, {left[0].ToHex(repository.Format)} among them" : null;
        }
        catch (Exception failure) when (failure is InvalidPackException or InvalidDataException or DamagedObjectException)
        {
            return $"more is damaged than can be told: {failure.Message}";
        }
        finally
        {
            salvage.Close(taken);
        }
    }

    /// <summary>Whether all that the refs reach is there; fetches what is not. By then nothing that is there is damaged.</summary>
    private async Task<string?> RepairClosureAsync(
        RepositoryState state, Account account, RepairProgress progress, CancellationToken cancellation)
    {
        for (int walk = 0; walk < MaxWalks; walk++)
        {
            progress.Is("looking whether all that its refs reach is there");
            List<ObjectId> missing = await MissingAsync(state, cancellation).ConfigureAwait(false);
            if (missing.Count == 0)
            {
                return null;
            }

            (_, string? reason) = await FetchAsync(state.Repository, missing, account, progress, cancellation).ConfigureAwait(false);
            if (reason is not null)
            {
                return reason;
            }
        }

        return "more of its history is missing than can be told";
    }

    private static async Task<List<ObjectId>> MissingAsync(RepositoryState state, CancellationToken cancellation)
    {
        // A tip that is missing is passed over by the walk.
        List<ObjectId> tips = ObjectCondition.FindUnreadable(state.Repository, RefDifference.IdsOf(state.Refs), cancellation);
        return tips.Count > 0 ? tips : await ObjectWalk.FindMissingAsync(state.Repository, cancellation).ConfigureAwait(false);
    }

    private async Task<(IReadOnlyList<string> Packs, string? SnapshotReason)> FetchAsync(
        Repository repository, IReadOnlyCollection<ObjectId> doubtful, Account account, RepairProgress progress, CancellationToken cancellation)
    {
        if (doubtful.Count > MaxFetched)
        {
            return ([], $"{doubtful.Count} objects are damaged or missing");
        }

        List<ObjectId> wanted = ObjectCondition.FindUnreadable(repository, doubtful, cancellation);
        account.Find(wanted.Count, $"{wanted.Count} objects are damaged or missing");
        if (wanted.Count == 0)
        {
            return ([], null);
        }

        FetchedObjects fetched = await sources.FetchAsync(repository, wanted, packs, progress, cancellation).ConfigureAwait(false);
        account.Add(fetched);
        if (fetched.Left.Count == 0)
        {
            account.Did(wanted.Count, $"fetched {fetched.Objects} objects from {string.Join(", ", fetched.From)}");
            return (fetched.Packs, null);
        }

        string left = $"{fetched.Left.Count} objects could not be had, {fetched.Left.First().ToHex(repository.Format)} among them";
        return fetched.Unreached is { } failure
            ? throw new TransferException($"{left}: {failure.Message}", failure) : ([], $"{left}: no other node has them");
    }

    /// <summary>Counts along.</summary>
    private sealed class Account(Action<string> found)
    {
        private readonly List<string> done = [];
        private readonly HashSet<string> from = [];
        private int repaired;
        private int fetched;
        private long bytes;
        private int differences;

        /// <summary>So much is wrong; null for what no request meets.</summary>
        public void Find(int count, string? what)
        {
            differences += count;
            if (count > 0 && what is not null)
            {
                found(what);
            }
        }

        public void Did(int count, string what)
        {
            repaired += count;
            done.Add(what);
        }

        public void Add(FetchedObjects objects)
        {
            fetched += objects.Objects;
            bytes += objects.Bytes;
            from.UnionWith(objects.From);
        }

        public RepairOutcome Outcome(string? snapshotReason) => new()
        {
            Found = differences,
            Repaired = repaired,
            Fetched = fetched,
            FetchedBytes = bytes,
            From = [.. from],
            Done = done,
            SnapshotReason = snapshotReason,
        };
    }
}
