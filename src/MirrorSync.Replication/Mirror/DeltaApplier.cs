using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;
using MirrorSync.Git.Refs;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>A record that cannot be applied to this node's copy: the copy is not what the log says it is.</summary>
internal sealed class DivergedException(string message) : Exception(message);

/// <summary>A repository with a record, or a snapshot, taken.</summary>
/// <param name="State">The state to show.</param>
/// <param name="Findings">What git's fsck says of the objects that came; null when none came.</param>
internal readonly record struct AppliedState(RepositoryState State, FsckReport? Findings);

/// <summary>
/// Applies records to one repository: objects before refs, all refs by one rename, then the ledger is compared. One call
/// at a time.
/// </summary>
/// <remarks>
/// <para>A delta costs no process. Its pack is indexed from the bytes of its record, and the indexer refuses it unless
/// everything that a new commit, tree or tag names is in the pack or in the store. The store of a repository that came
/// from a snapshot is closed in that sense, and every pack taken since keeps it so; what is pruned after a Baseline is what
/// neither its refs reach nor a later pack brought. So all that the new refs reach is here as soon as the new refs' own objects are, and nothing is walked.</para>
/// <para>A Baseline brings no objects, and what is replayed after a restart meets a disk that may have lost some: there
/// git walks the history.</para>
/// </remarks>
internal sealed class DeltaApplier(ApplyContext context)
{
    /// <summary>Applies one record on top of the state that it was written on.</summary>
    /// <exception cref="DivergedException">This copy is not what the log says.</exception>
    /// <exception cref="InvalidPackException">The pack was refused.</exception>
    /// <exception cref="ObjectsMissingException">Something that the refs reach is not here.</exception>
    /// <exception cref="DamagedObjectException">Something that the pack builds on is damaged here.</exception>
    /// <exception cref="BaseBehindException">A repository that it is to borrow from is not here.</exception>
    /// <exception cref="BaseDroppedException">It is no longer to borrow what it has borrowed.</exception>
    public async Task<AppliedState> ApplyAsync(RepositoryState state, LogRecord record, CancellationToken cancellation)
    {
        using OpenStores.Lease objects = context.Stores.Take(state.Repository);
        (LogRecordBody fields, IndexedPack? indexed) =
            await StoreObjectsAsync(state.Repository, objects, record, cancellation).ConfigureAwait(false);
        WriteMetadata(state.Repository, fields);
        if (record.Kind == LogRecordKind.Metadata)
        {
            return new AppliedState(Advance(state, record) with { ObjectSet = context.ObjectSets.Add(state.Repository, record, []) }, null);
        }

        IReadOnlyList<RefUpdate> updates = fields.Updates;
        if (record.Kind == LogRecordKind.Baseline)
        {
            // A Baseline says what is, not what changed.
            HashSet<RefName> named = [.. updates.Select(static u => u.Name)];
            updates =
            [
                .. updates.Select(u => u with { Old = state.Refs.ValueOf(u.Name) }).Where(static u => u.Old != u.New),
                .. state.Refs.Entries.Where(e => !named.Contains(e.Name)).Select(static e => new RefUpdate(e.Name, e.Value, RefValue.None)),
            ];

            // It takes for granted that their closure is here, which no pack has proven; nor have the present refs.
            await ObjectQueries.CheckConnectedAsync(state.Repository, RefDifference.NewIds(updates), trustRefs: false, cancellation)
                .ConfigureAwait(false);
        }

        SketchCell? cell = record.Kind == LogRecordKind.Baseline
            ? await context.ObjectSets.ReplaceAsync(state.Repository, record, IdsOf(fields.Updates), cancellation).ConfigureAwait(false)
            : context.ObjectSets.Add(state.Repository, record, indexed is null ? [] : indexed.Ids.Span);
        RepositoryState next = Flip(state, objects, updates, record) with { ObjectSet = cell };
        if (record.Kind == LogRecordKind.Baseline)
        {
            context.Maintenance?.NoteBaseline(next.Repository, record.Sequence, RefDifference.IdsOf(next.Refs));
        }

        return new AppliedState(next, indexed?.Findings);
    }

    /// <summary>
    /// Replays records over a copy that may already show some of them (the process ended between two checkpoints): all
    /// their objects, then the refs once, to their values at the end, whatever they are now.
    /// </summary>
    /// <param name="state">The copy: as its folder shows it, or as of the checkpoint.</param>
    /// <param name="records">The records, in their order.</param>
    /// <param name="isCheckpoint">
    /// True when the state is the checkpoint's and all of it is known to be there; what the folder's refs show is nothing then.
    /// </param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IOException">As of <see cref="ApplyAsync"/>, with the other exceptions there.</exception>
    public async Task<AppliedState> ReplayAsync(
        RepositoryState state, IReadOnlyList<LogRecord> records, bool isCheckpoint, CancellationToken cancellation)
    {
        using OpenStores.Lease objects = context.Stores.Take(state.Repository);
        FsckReport findings = new();
        Dictionary<RefName, RefValue> last = [];
        foreach (LogRecord record in records)
        {
            (LogRecordBody fields, IndexedPack? indexed) =
                await StoreObjectsAsync(state.Repository, objects, record, cancellation).ConfigureAwait(false);
            findings.Add(indexed?.Findings ?? new FsckReport());
            WriteMetadata(state.Repository, fields);
            if (record.Kind == LogRecordKind.Baseline)
            {
                await context.ObjectSets.ReplaceAsync(state.Repository, record, IdsOf(fields.Updates), cancellation).ConfigureAwait(false);

                // A Baseline says what is: what it does not name is not.
                foreach (RefName name in state.Refs.Entries.Select(static e => e.Name).Concat(last.Keys).ToArray())
                {
                    last[name] = RefValue.None;
                }
            }
            else
            {
                context.ObjectSets.Add(state.Repository, record, indexed is null ? [] : indexed.Ids.Span);
            }

            foreach (RefUpdate update in fields.Updates)
            {
                last[update.Name] = update.New;
            }
        }

        List<RefUpdate> updates = [];
        foreach ((RefName name, RefValue value) in last)
        {
            RefValue now = state.Refs.ValueOf(name);
            if (now != value)
            {
                updates.Add(new RefUpdate(name, now, value));
            }
        }

        // Each of the packs was found to be closed over what was there before it; only a Baseline brings none.
        bool walk = !isCheckpoint || records.Any(static r => r.Kind == LogRecordKind.Baseline);
        if (walk && !isCheckpoint)
        {
            // Nothing was synced since the checkpoint: a pack below these may be gone or torn, so that closed packs prove
            // nothing together.
            await ObjectQueries.CheckConnectedAsync(state.Repository, RefDifference.NewIds(updates), trustRefs: true, cancellation)
                .ConfigureAwait(false);
        }

        RepositoryState next = Flip(state, objects, updates, records[^1]);
        if (walk && isCheckpoint)
        {
            // Behind the refs: git reads them, and they may have been torn.
            await ObjectQueries.CheckConnectedAsync(state.Repository, RefDifference.IdsOf(next.Refs), trustRefs: false, cancellation)
                .ConfigureAwait(false);
        }

        return new AppliedState(next, findings);
    }

    private async Task<(LogRecordBody Fields, IndexedPack? Indexed)> StoreObjectsAsync(
        Repository repository, OpenStores.Lease objects, LogRecord record, CancellationToken cancellation)
    {
        if (record.Kind is not (LogRecordKind.Delta or LogRecordKind.Baseline or LogRecordKind.Metadata) || record.Format != repository.Format)
        {
            throw new DivergedException($"record {record.Sequence} ({record.Kind}) cannot be applied to a {repository.Format.GitName()} repository");
        }

        return await RecordObjects.StoreAsync(
            context.Indexer, context.Spool, repository, objects.Store, record, cancellation).ConfigureAwait(false);
    }

    /// <summary>What a Baseline's refs name.</summary>
    private static HashSet<ObjectId> IdsOf(IEnumerable<RefUpdate> updates) =>
        [.. updates.Where(static u => u.New.Kind == RefValueKind.Direct).Select(static u => u.New.Id)];

    /// <summary>Nothing but the position changes.</summary>
    private static RepositoryState Advance(RepositoryState state, LogRecord record) =>
        record.After.Refs is { } expected && state.Refs.Digest != expected
        ? throw new DivergedException($"the refs are not those that record {record.Sequence} ({record.Kind}) is written on")
        : state with { Condition = RepositoryCondition.Live, Reason = null, Applied = record.Position };

    private static void WriteMetadata(Repository repository, LogRecordBody fields)
    {
        if (!MetadataFields.IsIn(fields))
        {
            return;
        }

        try
        {
            MetadataFields.Take(RepositoryMetadata.Read(repository), fields).Write(repository);
        }
        catch (ArgumentException failure)
        {
            throw new InvalidDataException($"a record's metadata cannot be taken: {failure.Message}", failure);
        }

        if (fields.Alternates is { } bases)
        {
            TakeBases(repository, bases);
        }
    }

    private static void TakeBases(Repository repository, IReadOnlyList<RepositoryName> bases)
    {
        IReadOnlyList<RepositoryName> now = Borrowing.BasesOf(repository);
        if (now.Except(bases).FirstOrDefault() is { Value.Length: > 0 } dropped)
        {
            throw new BaseDroppedException(repository.Name, dropped);
        }

        if (now.SequenceEqual(bases))
        {
            return;
        }

        Borrowing.Write(repository, repository.Path, bases, [repository.Path]);
        if (bases.Except(Borrowing.BasesOf(repository)).FirstOrDefault() is { Value.Length: > 0 } absent)
        {
            throw new BaseBehindException(repository.Name, absent, 0);
        }
    }

    private static RepositoryState Flip(
        RepositoryState state, OpenStores.Lease objects, IReadOnlyList<RefUpdate> updates, LogRecord record)
    {
        HashSet<ObjectId> tips = RefDifference.NewIds(updates);
        IReadOnlyDictionary<ObjectId, ObjectId> peeled = tips.Count > 0
            ? Peels.Find(objects.Store, tips) : new Dictionary<ObjectId, ObjectId>();
        RefSnapshot next = state.Refs.TryApply(updates, peeled, out RefUpdate mismatch)
            ?? throw new DivergedException($"ref {mismatch.Name} is not what record {record.Sequence} expects");
        if (record.After.Refs is { } expected && next.Digest != expected)
        {
            throw new DivergedException($"after record {record.Sequence} the refs would not be the primary's");
        }

        // From here on it is done, whatever is cancelled: the folder and the readers must not part.
        new RefWriter(state.Repository).Write(state.Refs, next);
        objects.Keep();
        return state with { Condition = RepositoryCondition.Live, Reason = null, Refs = next, Applied = record.Position };
    }
}
