using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;
using MirrorSync.Git.Refs;
using MirrorSync.Git.Sketches;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>
/// Brings a mirror's repositories to its log's end after a restart: from the checkpoint on, every record's objects, then
/// the refs once. A copy that does not come out as the log says wants a snapshot.
/// </summary>
internal sealed partial class MirrorRecovery(MirrorOptions options, ApplyContext context, CheckpointStore store)
{
    private bool rebooted;

    /// <summary>
    /// A recovered repository with the records that could not be replayed, for want of their bodies, and what fsck finds in
    /// the objects of those that were.
    /// </summary>
    /// <param name="Name">Its name in the records that are left; its state may bear the next one already.</param>
    /// <param name="State">Its state.</param>
    /// <param name="Pending">The records that could not be replayed.</param>
    /// <param name="Findings">What fsck finds.</param>
    internal readonly record struct Recovered(
        RepositoryName Name, RepositoryState State, IReadOnlyList<ulong> Pending, FsckReport? Findings = null)
    {
        /// <summary>The repositories that its copy borrows objects from.</summary>
        public IReadOnlyList<RepositoryName> Bases { get; init; } = [];
    }

    /// <summary>What recovery comes to.</summary>
    /// <param name="Repositories">The repositories of the checkpoint.</param>
    /// <param name="Rest">The records that are left for their workers, in their order: see <see cref="RecoveryPlan"/>.</param>
    /// <param name="Left">The names that were left, as the checkpoint has them.</param>
    internal sealed record Outcome(IReadOnlyList<Recovered> Repositories, IReadOnlyList<LogRecord> Rest, IReadOnlyList<LeftName> Left);

    /// <summary>Recovers every repository that checkpoint and log know.</summary>
    /// <exception cref="InvalidDataException">There is a log but no checkpoint that fits it.</exception>
    public async Task<Outcome> RunAsync(CancellationToken cancellation)
    {
        if (context.Log.Appended == LogPosition.Origin)
        {
            return new Outcome([], [], []);
        }

        Checkpoint checkpoint = store.Read() ?? throw new InvalidDataException(
            $"{options.CheckpointFile} is missing beside a log; remove the data folder and the mirror brings itself up again");
        RecoveryPlan plan = new(checkpoint);
        foreach (LogRecord record in RecordsAfter(checkpoint.ReplayAfter))
        {
            plan.Add(record);
        }

        // Nobody knows what of that is on the disk that was written after the checkpoint.
        rebooted = store.IsDoubtful(checkpoint);
        if (rebooted)
        {
            LogRebooted(context.Logger, checkpoint.ReplayAfter, context.Log.Appended.Sequence);
        }
        else
        {
            store.Keep(checkpoint);
        }

        List<Recovered> recovered = [];
        Lock gate = new();
        foreach (List<RecoveryPlan.Planned> wave in BasesFirst(plan))
        {
            await Parallel.ForEachAsync(wave, cancellation, async (one, token) =>
            {
                Recovered done = await RecoverAsync(plan, one, token).ConfigureAwait(false);
                lock (gate)
                {
                    recovered.Add(done);
                }
            }).ConfigureAwait(false);
        }

        store.Recovered();
        return new Outcome(recovered, plan.Rest, checkpoint.Left ?? []);
    }

    /// <summary>All repositories in waves, so that one comes after those it borrows objects from.</summary>
    private List<List<RecoveryPlan.Planned>> BasesFirst(RecoveryPlan plan)
    {
        Dictionary<RepositoryName, (RecoveryPlan.Planned One, IReadOnlyList<RepositoryName> Bases)> left = plan.Repositories.ToDictionary(
            one => BearsAlready(plan, one),
            one => (one, BasesOf(BearsAlready(plan, one), Handshake.Format(one.Entry.Format))));
        List<List<RecoveryPlan.Planned>> waves = [];
        while (left.Count > 0)
        {
            // A circle that somebody made by hand: its repositories say themselves what is wrong.
            List<RepositoryName> wave = [.. left.Where(e => !e.Value.Bases.Any(left.ContainsKey)).Select(static e => e.Key)];
            wave = wave.Count > 0 ? wave : [.. left.Keys];
            waves.Add([.. wave.Select(name => left[name].One)]);
            wave.ForEach(name => left.Remove(name));
        }

        return waves;
    }

    // Where the file cannot be read, recovery of that repository finds it too.
    private IReadOnlyList<RepositoryName> BasesOf(RepositoryName name, ObjectFormat format)
    {
        try
        {
            return Borrowing.BasesOf(new Repository(name, name.PathBelow(options.Root), format));
        }
        catch (IOException)
        {
            return [];
        }
    }

    private IEnumerable<LogRecord> RecordsAfter(ulong sequence)
    {
        for (ulong next = Math.Max(sequence, context.Log.Base.Sequence) + 1; next <= context.Log.Appended.Sequence; next++)
        {
            yield return context.Log.ReadRecord(next);
        }
    }

    private async Task<Recovered> RecoverAsync(RecoveryPlan plan, RecoveryPlan.Planned one, CancellationToken cancellation)
    {
        (RepositoryName name, CheckpointEntry entry, List<LogRecord> records) = (one.Name, one.Entry, one.Records);
        RepositoryName bears = BearsAlready(plan, one);
        Repository repository = new(bears, bears.PathBelow(options.Root), Handshake.Format(entry.Format));
        RepositoryState missing = new(
            repository, RepositoryCondition.Missing, "waits for its snapshot", RefSnapshot.Empty(repository.Format), LogPosition.Origin);
        if (entry.Sequence == 0 || (one.Leave?.Kind == LogRecordKind.Removed && !Directory.Exists(repository.Path)))
        {
            // The snapshot will be younger than every record that is here; or it is in the trash already.
            return new Recovered(name, missing, []);
        }

        int ready = records.FindIndex(r => r.Spooled is { } body && !context.Spool.Contains(body));
        ready = ready < 0 ? records.Count : ready;
        try
        {
            RepositoryState onDisk = missing with { Applied = entry.Applied };
            onDisk = rebooted ? AsOfCheckpoint(onDisk, entry, cancellation) : Read(onDisk);
            string? refused = null;
            for (int count = ready; ; count--)
            {
                try
                {
                    (RepositoryState state, FsckReport? findings) =
                        await ReplayAsync(onDisk, entry, records[..count], cancellation).ConfigureAwait(false);
                    RepositoryCondition condition = refused is null ? RepositoryCondition.Live : RepositoryCondition.Held;
                    SketchCell? cell = context.ObjectSets.CellAt(repository, state.Applied.Sequence);
                    return new Recovered(
                        name, state with { Condition = condition, Reason = refused, ObjectSet = cell }, [.. records.Skip(count).Select(static r => r.Sequence)], findings)
                    {
                        Bases = Borrowing.BasesOf(repository),
                    };
                }
                catch (Exception failure) when (count > 0 && failure is InvalidPackException { IsOfObjects: true } or ObjectTooLargeException
                    or BaseDroppedException or BaseBehindException)
                {
                    // The record is refused, not this copy: it is served as it was before that record.
                    refused = failure.Message;
                }
            }
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // Whatever it is, it is this repository's alone: all others come up.
            LogDamaged(context.Logger, name, failure.Message);
            return new Recovered(name, missing with { Condition = RepositoryCondition.Damaged, Reason = failure.Message }, []);
        }
    }

    /// <summary>
    /// The name at whose place the folder is. A renaming that the checkpoint does not know of may be done: then the old
    /// place is empty, and the new one, which no other repository could take before that checkpoint, is not.
    /// </summary>
    private RepositoryName BearsAlready(RecoveryPlan plan, RecoveryPlan.Planned one) =>
        one.Leave is { } leave && Records.TryGetNewName(leave, out RepositoryName newName)
            && !Directory.Exists(one.Name.PathBelow(options.Root)) && Directory.Exists(newName.PathBelow(options.Root))
            && !plan.IsKnown(newName)
            ? newName : one.Name;

    private async Task<(RepositoryState State, FsckReport? Findings)> ReplayAsync(
        RepositoryState from, CheckpointEntry entry, List<LogRecord> records, CancellationToken cancellation)
    {
        if (records.Count > 0)
        {
            (RepositoryState state, FsckReport? findings) =
                await new DeltaApplier(context).ReplayAsync(from, records, rebooted, cancellation).ConfigureAwait(false);
            return (state, findings);
        }

        if (rebooted && !Shows(from))
        {
            new RefWriter(from.Repository).Write(from.Refs, from.Refs);
        }

        return from.Refs.Digest.ToString() == entry.RefsDigest
            ? (from, null) : throw new DivergedException("its refs are not those of the last checkpoint");
    }

    private static bool Shows(RepositoryState state)
    {
        try
        {
            RefReading reading = new RefReader(state.Repository).ReadAll();
            return reading.Problems.Count == 0
                && RefSnapshot.Create(state.Refs.Format, reading.Head, reading.Values.Select(static r => new RefEntry(r.Key, r.Value, default))).Digest
                    == state.Refs.Digest;
        }
        catch (IOException)
        {
            // Torn: it is written again.
            return false;
        }
    }

    /// <summary>
    /// The repository as the checkpoint tells it, whatever its folder shows now; packs that did not come to the disk in full are
    /// put aside, and the log brings what was in them.
    /// </summary>
    private RepositoryState AsOfCheckpoint(RepositoryState state, CheckpointEntry entry, CancellationToken cancellation)
    {
        Clear(state.Repository);
        IReadOnlyList<string> torn = PackNames.PutTornAside(state.Repository, entry.Packs ?? [], isShared: false, cancellation);
        if (torn.Count > 0)
        {
            LogTorn(context.Logger, state.Name, torn.Count, torn[0]);
        }

        if (store.ReadState(entry) is not { } stored)
        {
            return Read(state);
        }

        RefSnapshot refs = CheckpointStore.RefsOf(stored);
        using ObjectStore objects = ObjectStore.Open(state.Repository.Path, state.Repository.Format);
        return state with { Refs = refs.WithPeeled(Peels.Find(objects, RefDifference.IdsOf(refs))) };
    }

    private static void Clear(Repository repository)
    {
        // Nobody works here yet: what a process that was killed was receiving is nobody's.
        foreach (string left in Directory.EnumerateFiles(Path.Combine(repository.Path, "objects", "pack"), "tmp_*"))
        {
            File.Delete(left);
        }

        new RefWriter(repository).ClearStaleLock();
    }

    private static RepositoryState Read(RepositoryState state)
    {
        Clear(state.Repository);
        RefReading reading = new RefReader(state.Repository).ReadAll();
        if (reading.Problems.Count > 0)
        {
            throw new DivergedException($"ref {reading.Problems[0].Name}: {reading.Problems[0].Reason}");
        }

        RefSnapshot refs = Peels.Snapshot(state.Repository, reading);
        Peels.CheckPresent(state.Repository, RefDifference.IdsOf(refs));
        return state with { Refs = refs };
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the machine started again since the last checkpoint: all that came after record {After} is written anew, up to {End}")]
    private static partial void LogRebooted(ILogger logger, ulong after, ulong end);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: {Count} packs did not come to the disk in full and were put aside, {First} first")]
    private static partial void LogTorn(ILogger logger, RepositoryName repository, int count, string first);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: this copy is not what the log says, a snapshot will take its place: {Reason}")]
    private static partial void LogDamaged(ILogger logger, RepositoryName repository, string reason);
}
