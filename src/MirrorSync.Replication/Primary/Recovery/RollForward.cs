using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Recovery;

/// <summary>
/// After the machine went down the log can be ahead of the primary's own repositories, for git syncs neither loose refs
/// nor loose objects. Before anything is captured, (1) what did not come to the disk in full is put aside, (2) every
/// object that the log brought since the checkpoint is written again, and (3) every ref that went back to an older logged
/// value, vanished or cannot be read is set to what the log last says, unless a push of this boot names it.
/// </summary>
internal sealed partial class RollForward(PrimaryOptions options, Spool spool, ILogger logger)
{
    // What the objects name may be lost with a push that was never captured; that is found when it is to be captured.
    private readonly PackIndexer indexer = new(new PackIndexOptions { DetectCollisions = false, Checks = ObjectChecks.None });

    /// <summary>Rolls all repositories forward. Nothing that fails with one of them keeps the others back.</summary>
    /// <param name="repositories">What the log says of each, at its end and since the checkpoint.</param>
    /// <param name="packs">The packs that were synced with the checkpoint, by repository.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Those that are not what the log says, each with the first reason.</returns>
    public async Task<IReadOnlyDictionary<RepositoryName, string>> RunAsync(
        IReadOnlyList<ReplayedRepository> repositories, IReadOnlyDictionary<string, string[]> packs, CancellationToken cancellation)
    {
        Dictionary<RepositoryName, string> failed = [];
        List<ReplayedRepository> there = [.. repositories.Where(static r => Directory.Exists(Path.Combine(r.State.Repository.Path, "objects")))];

        // (1)
        foreach (ReplayedRepository one in there.Where(static r => r.Since.Count > 0))
        {
            await TryAsync(one, failed, () =>
            {
                Repository repository = one.State.Repository;
                IReadOnlyList<string> torn = PackNames.PutTornAside(
                    repository, packs.GetValueOrDefault(one.State.Name.Value) ?? [], isShared: true, cancellation);
                int loose = LooseSurvey.PutTornAside(repository, cancellation).Count;
                if (torn.Count + loose > 0)
                {
                    LogTorn(logger, one.State.Name, torn.Count, loose);
                }

                return Task.CompletedTask;
            }).ConfigureAwait(false);
        }

        // (2) In the order of the log: one repository may borrow what another one's record brings.
        foreach ((LogRecord record, ReplayedRepository one) in there.SelectMany(static r => r.Since.Select(s => (Record: s, One: r))).OrderBy(static p => p.Record.Sequence))
        {
            await TryAsync(one, failed, async () =>
            {
                using ObjectStore store = ObjectStore.Open(one.State.Repository.Path, one.State.Repository.Format);
                await RecordObjects.StoreAsync(indexer, spool, one.State.Repository, store, record, cancellation).ConfigureAwait(false);
            }).ConfigureAwait(false);
        }

        // (3)
        PresentPushes pushes = PresentPushes.Read(options.NotifyFolder, options.BootId);
        foreach (ReplayedRepository one in there)
        {
            await TryAsync(one, failed, () => RestoreRefsAsync(one, pushes.NamesIn(one.State.Repository.Path), cancellation)).ConfigureAwait(false);
        }

        return failed;
    }

    private async Task TryAsync(ReplayedRepository one, Dictionary<RepositoryName, string> failed, Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // It is held with these words; all others go on.
            failed.TryAdd(one.State.Name, failure.Message);
            LogNotRolled(logger, one.State.Name, failure.Message);
        }
    }

    private async Task RestoreRefsAsync(ReplayedRepository one, IReadOnlySet<RefName> pushed, CancellationToken cancellation)
    {
        Repository repository = one.State.Repository;
        RefSnapshot logged = one.State.Refs;
        RefRestorer restorer = new(repository);
        restorer.RemoveLocksOfBefore(BootId.StartedAt);
        RefReading reading = ReadAll(repository, restorer, logged);
        Dictionary<RefName, RefProblem> unreadable = [];
        foreach (RefProblem problem in reading.Problems)
        {
            unreadable[problem.Name] = problem;
        }

        HashSet<RefName> names = [.. logged.Entries.Select(static e => e.Name), .. reading.Values.Keys, .. unreadable.Keys, RefName.Head];
        using ObjectStore store = ObjectStore.Open(repository.Path, repository.Format);
        List<(RefName Name, RefValue Old)> deleted = [];
        int set = 0;
        RefName? nowhere = null;
        foreach (RefName name in names.Where(n => !pushed.Contains(n)).Order())
        {
            RefValue end = logged.ValueOf(name);
            RefValue now = name == RefName.Head ? reading.Head : reading.Values.GetValueOrDefault(name);
            bool broken = unreadable.ContainsKey(name);
            if (!broken && (now == end || !(WentBack(one, name, now, end) || !await IsWholeAsync(one, store, now, cancellation).ConfigureAwait(false))))
            {
                continue;
            }

            if (!end.Exists && !broken)
            {
                // It went back to a value that the log has seen deleted, or its objects did not all come to the disk.
                deleted.Add((name, now));
            }
            else if (!end.Exists)
            {
                restorer.RemoveFile(name);
                set++;
            }
            else if (!IsThere(store, end))
            {
                LogNowhere(logger, one.State.Name, name);
                nowhere ??= name;
            }
            else if (!IsInTheWay(name, reading))
            {
                restorer.Set(name, end);
                set++;
            }
        }

        if (deleted.Count > 0)
        {
            await restorer.DeleteAsync(deleted, cancellation).ConfigureAwait(false);
        }

        if (set + deleted.Count > 0)
        {
            LogRolled(logger, one.State.Name, set, deleted.Count, one.State.Applied.Sequence);
        }

        if (nowhere is { } lost)
        {
            throw new IOException($"{lost} is behind the log, but its object is neither there nor in the log: bring the repository back from a mirror");
        }
    }

    private static RefReading ReadAll(Repository repository, RefRestorer restorer, RefSnapshot logged)
    {
        try
        {
            return new RefReader(repository).ReadAll();
        }
        catch (PackedRefsMalformedException)
        {
            restorer.ReplaceTable(logged);
            return new RefReader(repository).ReadAll();
        }
    }

    /// <summary>True for a value that the log had before, or for none where it has one.</summary>
    private static bool WentBack(ReplayedRepository one, RefName name, RefValue now, RefValue end) =>
        now.Exists ? one.Older.TryGetValue(name, out List<RefValue>? older) && older.Contains(now) : end.Exists;

    /// <summary>
    /// True when all that a value reaches is there: of a push that was never captured the ref may have come to the disk, and its
    /// objects only in part.
    /// </summary>
    private static async Task<bool> IsWholeAsync(ReplayedRepository one, ObjectStore store, RefValue value, CancellationToken cancellation)
    {
        if (value.Kind != RefValueKind.Direct || !IsThere(store, value))
        {
            return value.Kind != RefValueKind.Direct;
        }

        try
        {
            await ObjectQueries.CheckConnectedAsync(one.State.Repository, [value.Id], trustRefs: false, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (ObjectsMissingException)
        {
            return false;
        }
    }

    private static bool IsThere(ObjectStore store, RefValue value)
    {
        if (value.Kind != RefValueKind.Direct)
        {
            return true;
        }

        try
        {
            return store.ReadHeaders([value.Id], static (_, _, _) => { }) == 1;
        }
        catch (DamagedObjectException)
        {
            return false;
        }
    }

    /// <summary>A ref that is on the disk and cannot be beside it is newer than the log, for the log's own refs can.</summary>
    private static bool IsInTheWay(RefName name, RefReading reading) => reading.Values.Keys.Any(other =>
        (other.Bytes.Length > name.Bytes.Length && other.Bytes[name.Bytes.Length] == '/' && other.Bytes.StartsWith(name.Bytes))
        || (name.Bytes.Length > other.Bytes.Length && name.Bytes[other.Bytes.Length] == '/' && name.Bytes.StartsWith(other.Bytes)));

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: {Packs} packs and {Loose} loose objects did not come to the disk in full and were put aside")]
    private static partial void LogTorn(ILogger logger, RepositoryName repository, int packs, int loose);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: {Set} refs were set to what the log last says, {Deleted} deleted, as of record {Sequence}")]
    private static partial void LogRolled(ILogger logger, RepositoryName repository, int set, int deleted, ulong sequence);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Repository}: {Name} is behind the log, but its object is neither there nor in the log: bring the repository back from a mirror")]
    private static partial void LogNowhere(ILogger logger, RepositoryName repository, RefName name);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Repository} could not be rolled forward from the log: {Reason}")]
    private static partial void LogNotRolled(ILogger logger, RepositoryName repository, string reason);
}
