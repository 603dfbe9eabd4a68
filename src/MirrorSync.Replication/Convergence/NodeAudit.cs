using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Replication.Mirror;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Convergence;

/// <summary>
/// Compares what a mirror really has of each repository with what it should have, and with another node: every interval, and
/// when somebody asks. Reads indexes and folders, no objects; pushes, folds and gc go on meanwhile.
/// </summary>
/// <remarks>
/// 1. Refs and HEAD on the disk are compared with those that the log says.
/// 2. The object set, as of a record, is read together with the ids in the store: what of the set is not there is missing.
/// 3. Both nodes sketch (set ∩ store) and talk (<see cref="SketchDialogue"/>) until every difference is named. The other
///    node's set may be of a later record; what it alone has counts only once it is in the set here too.
/// 4. Of what is missing here git says what the refs reach: that is a fault, and is repaired. The rest is counted: a primary's
///    gc prunes what its refs no longer reach, and no snapshot brings it.
/// </remarks>
/// <param name="repositories">All that are followed.</param>
/// <param name="sets">The node's object sets.</param>
/// <param name="refs">Compares refs.</param>
/// <param name="sketches">Asks other nodes.</param>
/// <param name="fetchSet">Fetches a repository's object set anew.</param>
/// <param name="upstream">Whom it is compared with when nobody says.</param>
/// <param name="interval">How often.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told what is found.</param>
internal sealed partial class NodeAudit(
    Func<IReadOnlyList<FollowedRepository>> repositories,
    FleetObjectSets sets,
    RefsRepair refs,
    SketchSource sketches,
    Func<FollowedRepository, CancellationToken, Task> fetchSet,
    Uri upstream,
    TimeSpan interval,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>A repair that waits for a node out of reach goes on by itself.</summary>
    private static readonly TimeSpan RepairPatience = TimeSpan.FromMinutes(5);

    private const int MostMissing = 4096;
    private const int MostNamed = 16;
    private readonly ConcurrentDictionary<RepositoryName, AuditOutcome> last = new();

    /// <summary>The last audit of a repository; null when there was none.</summary>
    public AuditOutcome? LastOf(RepositoryName name) => last.GetValueOrDefault(name);

    /// <summary>Audits every repository once an interval, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(interval, time);
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            await AuditAsync(name: null, against: null, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Audits now.</summary>
    /// <param name="name">One repository; null for all.</param>
    /// <param name="against">The node to compare with; null for the primary.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Null when there is no such repository.</returns>
    public async Task<IReadOnlyList<AuditOutcome>?> AuditAsync(RepositoryName? name, Uri? against, CancellationToken cancellation)
    {
        FollowedRepository[] wanted = [.. repositories().Where(r => name is null || r.State.Name == name).OrderBy(static r => r.State.Name)];
        if (wanted.Length == 0 && name is not null)
        {
            return null;
        }

        List<AuditOutcome> outcomes = [];
        foreach (FollowedRepository repository in wanted)
        {
            AuditOutcome outcome = await AuditAsync(repository, against ?? upstream, cancellation).ConfigureAwait(false);
            last[repository.State.Name] = outcome;
            outcomes.Add(outcome);
            if (!outcome.IsSound || outcome.Missing + outcome.WrongRefs > 0)
            {
                LogFound(logger, outcome.Repository, outcome.Missing, outcome.WrongRefs, outcome.Repaired, outcome.Error);
            }
        }

        return outcomes;
    }

    private async Task<AuditOutcome> AuditAsync(FollowedRepository repository, Uri against, CancellationToken cancellation)
    {
        long began = time.GetTimestamp();
        RepositoryState state = repository.State;
        AuditOutcome outcome = new() { Repository = state.Name.Value, Against = against.GetLeftPart(UriPartial.Authority), At = time.GetUtcNow() };
        try
        {
            outcome = state.IsServable
                ? await CompareAsync(repository, state, against, outcome, cancellation).ConfigureAwait(false)
                : outcome with { Error = state.Reason ?? "it is not served" };
        }
        catch (ObjectSetDamagedException damage)
        {
            await fetchSet(repository, cancellation).ConfigureAwait(false);
            outcome = outcome with { SetDiffered = true, Error = $"{damage.Message}; it is fetched anew" };
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            outcome = outcome with { Error = failure.Message };
        }

        return outcome with { At = time.GetUtcNow(), Seconds = time.GetElapsedTime(began).TotalSeconds };
    }

    private async Task<AuditOutcome> CompareAsync(
        FollowedRepository repository, RepositoryState state, Uri against, AuditOutcome outcome, CancellationToken cancellation)
    {
        // A record may be applied while they are read: only what is the same before and after counts.
        int wrongRefs = refs.Find(state.Repository, state.Refs).Count;
        wrongRefs = ReferenceEquals(repository.State, state) ? wrongRefs : 0;
        if (sets.Current?.Open(state.Name, state.Repository.Format) is not { Exists: true } set)
        {
            return outcome with { WrongRefs = wrongRefs, Error = "its object set has not come yet" };
        }

        using ObjectSetSnapshot snapshot = set.Snapshot();
        using ObjectStore store = ObjectStore.Open(state.Repository.Path, state.Repository.Format);
        StoredSketch stored = await Task.Run(() => Sketch(snapshot, store, 0, SketchServer.FirstCells, cancellation), cancellation).ConfigureAwait(false);
        SketchDialogue dialogue = new(sets.Key, state.Repository.Format, stored.Present, SketchServer.MaxCells);
        ulong theirs = ulong.MaxValue;
        long bytes = 0;
        while (dialogue.Next is { } question)
        {
            (ulong sequence, Sketch cells, int length) =
                await sketches.AskAsync(against, state.Repository, sets.Key, question, cancellation).ConfigureAwait(false);
            theirs = Math.Min(theirs, sequence);
            bytes += length;
            if (cells.First != question.First)
            {
                throw new ProtocolException($"cells from {cells.First} came where those from {question.First} were asked for");
            }

            Sketch ours = cells.End <= stored.Sketch.End
                ? stored.Sketch.Slice(cells.First, cells.Cells.Length)
                : (await Task.Run(() => Sketch(snapshot, store, cells.First, cells.Cells.Length, cancellation), cancellation).ConfigureAwait(false)).Sketch;
            dialogue.Take(cells, ours);
        }

        store.Refresh();
        HashSet<ObjectId> absent = [.. stored.Absent.Where(id => !store.Contains(id))];
        absent.UnionWith(dialogue.OnlyTheirs.Where(id => set.Contains(id) && !store.Contains(id)));
        bool setDiffers = dialogue.Fault == SketchFault.None && set.Sequence >= theirs && dialogue.OnlyTheirs.Any(id => !set.Contains(id));
        if (setDiffers)
        {
            await fetchSet(repository, cancellation).ConfigureAwait(false);
        }

        HashSet<ObjectId> missing = await ReachedAsync(state.Repository, absent, cancellation).ConfigureAwait(false);
        long repaired = await RepairAsync(repository, missing, wrongRefs, cancellation).ConfigureAwait(false);
        return outcome with
        {
            Sequence = snapshot.Sequence,
            Objects = snapshot.Cell.Count,
            Missing = missing.Count,
            MissingObjects = [.. missing.Take(MostNamed).Select(id => id.ToHex(state.Repository.Format))],
            MissingUnreachable = Math.Max(0, stored.AbsentCount - missing.Count),
            Outside = stored.OutsideCount,
            MissingElsewhere = theirs >= snapshot.Sequence && dialogue.IsComplete ? dialogue.OnlyOurs.Count : null,
            SetDiffered = setDiffers,
            WrongRefs = wrongRefs,
            Repaired = repaired,
            Bytes = bytes,
            RoundTrips = dialogue.RoundTrips,
            Error = dialogue.Fault == SketchFault.None ? null : $"the differences cannot be named: {dialogue.Fault}",
        };
    }

    private StoredSketch Sketch(ObjectSetSnapshot set, ObjectStore store, int first, int count, CancellationToken cancellation) =>
        SketchBuilder.Build(set, store, sets.Key, first, count, MostMissing, threads: 1, cancellation);

    /// <summary>What of the objects the refs reach; all of them where git cannot say.</summary>
    private static async Task<HashSet<ObjectId>> ReachedAsync(Repository repository, HashSet<ObjectId> absent, CancellationToken cancellation)
    {
        if (absent.Count == 0)
        {
            return [];
        }

        return await ReachableObjects.FindMissingAsync(repository, cancellation).ConfigureAwait(false) is { } missing ? missing : absent;
    }

    private async Task<long> RepairAsync(FollowedRepository repository, HashSet<ObjectId> missing, int wrongRefs, CancellationToken cancellation)
    {
        if (missing.Count == 0 && wrongRefs == 0)
        {
            return 0;
        }

        RepairOrder order = new()
        {
            Objects = missing,
            OnlyObjects = missing.Count > 0,
            Refs = wrongRefs > 0,
            Reason = missing.Count > 0 ? $"{missing.Count} objects are missing" : $"{wrongRefs} refs are not what the log says",
        };
        Task<RepairOutcome> repair = await repository.Repair.OrderAsync(order, cancellation).ConfigureAwait(false);
        await repair.WaitAsync(RepairPatience, time, cancellation).ConfigureAwait(false);

        // Others look too, and may have been first: what counts is what is wrong no more.
        RepositoryState now = repository.State;
        using ObjectStore store = ObjectStore.Open(now.Repository.Path, now.Repository.Format);
        return missing.Count(id => store.Contains(id)) + Math.Max(0, wrongRefs - refs.Find(now.Repository, now.Refs).Count);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: an audit found {Missing} objects missing and {Refs} refs wrong, of which {Repaired} are repaired; {Error}")]
    private static partial void LogFound(ILogger logger, string repository, long missing, long refs, long repaired, string? error);
}
