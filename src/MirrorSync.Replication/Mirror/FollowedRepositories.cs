using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Mirror.Removal;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>
/// All repositories of a mirror. Each applies its records in their order, independently of all others, so a name in the
/// log and the folder of that name are not always the same repository: the records after a removal or a renaming go to
/// whoever has the name by then, and that one waits until the folder has been left. Such waits are only ever for older
/// records, so they end. Any thread.
/// </summary>
/// <param name="context">What all share.</param>
/// <param name="removals">Guards against too many removals.</param>
/// <param name="stopping">The node stops.</param>
internal sealed class FollowedRepositories(ApplyContext context, RemovalGuard removals, CancellationToken stopping)
{
    private readonly Lock gate = new();

    // Whom the log's next record of a name concerns, and all that have a folder or want one, under whatever name.
    private readonly Dictionary<RepositoryName, FollowedRepository> byName = [];
    private readonly HashSet<FollowedRepository> all = [];

    // The names that are yet to be left, and those that were, by which record.
    private readonly List<(RepositoryName Name, ulong Sequence, TaskCompletionSource Left)> leaving = [];
    private readonly Dictionary<RepositoryName, ulong> left = [];
    private ulong? dispatched;

    /// <summary>Who borrows from whom.</summary>
    public Borrowers Borrowers
    {
        get
        {
            lock (gate)
            {
                return field ??= new Borrowers(this);
            }
        }
    }

    /// <summary>The guard.</summary>
    public RemovalGuard Removals => removals;

    /// <summary>All that have a folder or want one.</summary>
    public IReadOnlyList<FollowedRepository> All
    {
        get
        {
            lock (gate)
            {
                return [.. all];
            }
        }
    }

    /// <summary>The repositories by the names that the log gives them.</summary>
    public IReadOnlyList<(RepositoryName Name, FollowedRepository Repository)> ByName
    {
        get
        {
            lock (gate)
            {
                return [.. byName.Select(static r => (r.Key, r.Value))];
            }
        }
    }

    /// <summary>The repositories by the names that readers see.</summary>
    public IReadOnlyDictionary<RepositoryName, FollowedRepository> Shown
    {
        get
        {
            lock (gate)
            {
                Dictionary<RepositoryName, FollowedRepository> shown = [];
                foreach (FollowedRepository repository in all.Where(static r => !r.IsWaiting))
                {
                    shown[repository.State.Name] = repository;
                }

                return shown;
            }
        }
    }

    /// <summary>Takes up what recovery found, and hands out the records that it left.</summary>
    public void Begin(MirrorRecovery.Outcome recovered)
    {
        lock (gate)
        {
            foreach (LeftName one in recovered.Left)
            {
                left[Handshake.Name(one.Name)] = one.Sequence;
            }

            foreach (MirrorRecovery.Recovered one in recovered.Repositories)
            {
                FollowedRepository repository = new(context, this, one.State, one.Bases, cutOff: false, provenAsOf: null, Task.CompletedTask, stopping);
                repository.Note(one.Findings);
                byName[one.Name] = repository;
                all.Add(repository);
                foreach (ulong sequence in one.Pending)
                {
                    repository.Work.Enqueue(new PendingRecord(sequence));
                }
            }

            foreach (LogRecord record in recovered.Rest)
            {
                Take(record, provenAsOf: null);
            }

            removals.Flush();
            dispatched = context.Log.Committed.Sequence;
        }
    }

    /// <summary>An empty log begins at a position, with these repositories.</summary>
    /// <returns>The checkpoint that says so.</returns>
    public Checkpoint Begin(LogPosition from, IEnumerable<ListedRepository> listed)
    {
        lock (gate)
        {
            foreach (ListedRepository one in listed.Where(l => !byName.ContainsKey(Handshake.Name(l.Name))))
            {
                Follow(Handshake.Name(one.Name), Handshake.Format(one.Format), provenAsOf: null);
            }

            dispatched = from.Sequence;
            return Checkpoint.Of(from.Sequence, [.. all.Select(static r => r.State)], []);
        }
    }

    /// <summary>
    /// The log begins anew after a position that its own records do not lead to. What the primary lists with the same refs and
    /// metadata goes on as it is; what differs is served as it was until its snapshot is there; what is not listed was removed.
    /// </summary>
    /// <param name="before">The repositories as they were, nothing being done any more.</param>
    /// <param name="end">The last record of the old log.</param>
    /// <param name="from">Where the log begins anew.</param>
    /// <param name="listed">What the primary has there, or a little later.</param>
    /// <param name="noticedAt">In microseconds since 1970.</param>
    public void BeginAnew(
        IEnumerable<FollowedRepository> before, ulong end, LogPosition from, IReadOnlyList<ListedRepository> listed, long noticedAt)
    {
        lock (gate)
        {
            Dictionary<RepositoryName, FollowedRepository> here = [];
            foreach (FollowedRepository one in before.Where(static r => !r.IsWaiting && r.State.IsServable))
            {
                here[one.State.Name] = one;
            }

            HashSet<RepositoryName> names = [.. listed.Select(static l => Handshake.Name(l.Name))];
            foreach ((RepositoryName name, FollowedRepository gone) in here.Where(h => !names.Contains(h.Key)))
            {
                // The record that removed it is one of those that are no longer there, each has one of its own.
                LogRecord told = Records.RemovalTold(new LogPosition(from.Epoch, ++end, from.Chain), name, gone.State.Repository.Format, noticedAt);
                FollowedRepository leaver = new(context, this, gone.State, gone.Bases, cutOff: true, provenAsOf: null, Task.CompletedTask, stopping);
                all.Add(leaver);
                leaving.Add((name, told.Sequence, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)));
                leaver.Work.Enqueue(new PendingRecord(told.Sequence, removals.Register(noticedAt), Told: told));
            }

            foreach (ListedRepository one in listed)
            {
                (RepositoryName name, ObjectFormat format) = (Handshake.Name(one.Name), Handshake.Format(one.Format));
                if (!here.TryGetValue(name, out FollowedRepository? known) || known.State.Repository.Format != format)
                {
                    Follow(name, format, provenAsOf: null);
                    continue;
                }

                RepositoryState state = known.State;
                bool equal = !known.Work.IsBehind && state.Refs.Digest.ToString() == one.RefsDigest
                    && MetadataFields.DigestOf(state.Repository) == one.MetadataDigest
                    && (state.ObjectSet is not { } cell || one.ObjectSet is null || one.ObjectSet == ListedRepository.TextOf(cell));
                if (!equal || state.ObjectSet is null)
                {
                    // It does not have what the records in between brought.
                    context.ObjectSets.Delete(name);
                }

                RepositoryState next = equal
                    ? state with { Condition = RepositoryCondition.Live, Reason = null, Applied = Handshake.Position(one.Epoch, one.Sequence, one.Chain) }
                    : state with { ObjectSet = null, Condition = RepositoryCondition.Held, Reason = "behind the beginning of the primary's log: waits for its snapshot" };
                byName[name] = new FollowedRepository(context, this, next, known.Bases, cutOff: !equal, provenAsOf: null, Task.CompletedTask, stopping);
                all.Add(byName[name]);
            }

            removals.Flush();
            dispatched = from.Sequence;
        }
    }

    /// <summary>A record is durable in the log: hands it to whom it concerns.</summary>
    /// <param name="record">The record.</param>
    /// <param name="provenAsOf">For a repository that it is the first to name: as of when neither side had it.</param>
    public void Dispatch(LogRecord record, long? provenAsOf)
    {
        lock (gate)
        {
            Take(record, provenAsOf);
            dispatched = record.Sequence;
        }
    }

    /// <summary>A repository's folder is in the trash.</summary>
    public void Removed(FollowedRepository repository, ulong sequence)
    {
        lock (gate)
        {
            left[repository.State.Name] = sequence;
            all.Remove(repository);
            context.Table.Remove(repository.State.Name);
        }

        repository.Close();
        Borrowers.Changed();
    }

    /// <summary>A repository's folder is at its new name's place.</summary>
    public void Renamed(FollowedRepository repository, LogRecord record, RepositoryState next)
    {
        lock (gate)
        {
            left[record.Repository] = record.Sequence;
            repository.Show(next);
            context.Table.Remove(record.Repository);
        }
    }

    /// <summary>A checkpoint tells that a name was left: whoever waits for it may take it.</summary>
    public void Release(RepositoryName name, ulong sequence)
    {
        lock (gate)
        {
            foreach ((_, _, TaskCompletionSource done) in leaving.Where(l => l.Name == name && l.Sequence == sequence))
            {
                done.TrySetResult();
            }

            leaving.RemoveAll(static l => l.Left.Task.IsCompleted);
        }
    }

    /// <summary>What a checkpoint is to say now; null before there is anything to say.</summary>
    public Checkpoint? Collect()
    {
        lock (gate)
        {
            if (dispatched is not { } replayAfter || context.Log.Appended == LogPosition.Origin)
            {
                return null;
            }

            // Not the log's end: a record may be committed and not yet with its repository.
            List<RepositoryState> states = [];
            foreach (FollowedRepository repository in all)
            {
                if (repository.Work.FirstPending is { } first)
                {
                    replayAfter = Math.Min(replayAfter, first - 1);
                }

                if (!repository.IsWaiting)
                {
                    // Of one that waits the records are replayed: those by which another leaves its name come before.
                    // Nothing would tell after a restart that one is behind whose records are not in the log.
                    states.Add(repository.Work.IsCutOff ? repository.State with { Condition = RepositoryCondition.Missing } : repository.State);
                }
            }

            foreach (RepositoryName name in left.Where(l => l.Value <= replayAfter).Select(static l => l.Key).ToArray())
            {
                left.Remove(name);
            }

            return Checkpoint.Of(replayAfter, states, left.Select(static l => new LeftName(l.Key.Value, l.Value)));
        }
    }

    private void Take(LogRecord record, long? provenAsOf)
    {
        if (record.Format is not { } format)
        {
            return;
        }

        FollowedRepository? known = byName.GetValueOrDefault(record.Repository);
        bool renames = Records.TryGetNewName(record, out RepositoryName newName);
        if (!renames && record.Kind != LogRecordKind.Removed)
        {
            (known ?? Follow(record.Repository, format, provenAsOf)).Work.Enqueue(new PendingRecord(record.Sequence));
            return;
        }

        // What came by a snapshot that is younger than the record is another repository of that name already.
        known = known?.State.Applied.Sequence < record.Sequence ? known : null;
        bool taken = renames && byName.ContainsKey(newName);
        if (known is not null)
        {
            byName.Remove(record.Repository);

            // Whoever has the new name already came from a list or a snapshot that is younger than the record, and is it.
            Task ready = !renames ? removals.Register(record.NoticedAtMicroseconds) : taken ? Task.CompletedTask : WhenFree(newName);
            leaving.Add((record.Repository, record.Sequence, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)));
            known.Work.Enqueue(new PendingRecord(record.Sequence, ready, renames && !taken ? newName : null));
        }

        if (renames && !taken)
        {
            byName[newName] = known ?? Follow(newName, format, provenAsOf);
            byName[newName].Work.Start();
        }
    }

    private FollowedRepository Follow(RepositoryName name, ObjectFormat format, long? provenAsOf)
    {
        Repository place = new(name, name.PathBelow(context.Root), format);
        RefSnapshot none = RefSnapshot.Empty(format);
        RepositoryState missing = new(place, RepositoryCondition.Missing, "waits for its snapshot", none, LogPosition.Origin);
        FollowedRepository repository = new(context, this, missing, [], cutOff: false, provenAsOf, WhenFree(name), stopping);
        byName[name] = repository;
        all.Add(repository);
        return repository;
    }

    private Task WhenFree(RepositoryName name) =>
        Task.WhenAll(leaving.Where(l => RepositoryFolders.Collide(l.Name.Value, name.Value)).Select(static l => l.Left.Task));
}
