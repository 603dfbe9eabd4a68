using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>
/// All repositories of a primary. A scan's outcome is compared with them here: what moved is renamed, what is gone is
/// held and then removed, what is new is taken up. One scan at a time; the rest from any thread.
/// </summary>
internal sealed partial class CapturedRepositories
{
    private readonly CaptureContext context;
    private readonly TimeSpan removedAfter;
    private readonly KnownFolders folders;
    private readonly RemovalWindow removals;
    private readonly CancellationToken stopping;
    private readonly ConcurrentDictionary<string, CapturedRepository> byPath = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> goneSince = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> accepted = new(StringComparer.Ordinal);
    private volatile IReadOnlyList<BrokenRepository> broken = [];
    private volatile long[] removedLately;

    /// <summary>Takes up what the log knows.</summary>
    /// <param name="context">What all captures share.</param>
    /// <param name="known">The repositories as the log tells them.</param>
    /// <param name="removals">When others were removed: those of the last hour count.</param>
    /// <param name="removedAfter">How long a repository must be gone, in two scans, to count as removed.</param>
    /// <param name="folders">The folders that they were last seen in.</param>
    /// <param name="stopping">The node stops.</param>
    public CapturedRepositories(
        CaptureContext context,
        IEnumerable<ReplayedRepository> known,
        RemovalWindow removals,
        TimeSpan removedAfter,
        KnownFolders folders,
        CancellationToken stopping)
    {
        this.context = context;
        this.removals = removals;
        removedLately = [.. removals.All];
        this.removedAfter = removedAfter;
        this.folders = folders;
        this.stopping = stopping;
        foreach (ReplayedRepository one in known)
        {
            byPath[one.State.Repository.Path] = new CapturedRepository(context, one.State, one.Metadata, stopping);
        }
    }

    /// <summary>
    /// Brings every object set to the log's end, and removes those of repositories that are not known. Before anything is
    /// captured.
    /// </summary>
    public async Task CatchUpAsync(CancellationToken cancellation)
    {
        context.ObjectSets.DeleteAllBut([.. All.Select(static r => r.Repository.Name)]);
        await Parallel.ForEachAsync(All, cancellation, static async (one, token) => await one.CatchUpAsync(token).ConfigureAwait(false))
            .ConfigureAwait(false);
    }

    /// <summary>All of them, in no order.</summary>
    public ICollection<CapturedRepository> All => byPath.Values;

    /// <summary>Folders that look like repositories and are not sound, or wait for another to leave their name.</summary>
    public IReadOnlyList<BrokenRepository> Broken => broken;

    /// <summary>When repositories were removed lately, in microseconds since 1970, as far as the last scan.</summary>
    public long[] Removals => removedLately;

    /// <summary>The repository of a folder; null when none is known there.</summary>
    public CapturedRepository? Find(string path) => byPath.GetValueOrDefault(path);

    /// <summary>Lets go on what is held. What is gone is removed by the next scan, which the caller is to start.</summary>
    /// <param name="name">One repository; null for all that are held.</param>
    /// <returns>Those that were held.</returns>
    public IReadOnlyList<RepositoryName> Accept(RepositoryName? name)
    {
        List<RepositoryName> taken = [];
        foreach ((string path, CapturedRepository repository) in byPath)
        {
            if (name is not null && repository.Repository.Name != name)
            {
                continue;
            }

            if (goneSince.ContainsKey(path))
            {
                accepted[path] = true;
                taken.Add(repository.Repository.Name);
            }
            else if (repository.Accept())
            {
                taken.Add(repository.Repository.Name);
            }
        }

        return taken;
    }

    /// <summary>Compares what a scan found with what is known, and writes down what has become of it.</summary>
    /// <param name="result">What the scan found; the root was sound before and after it.</param>
    /// <param name="beganAt">The clock's timestamp at its beginning.</param>
    /// <param name="touchNew">True to look at new repositories at once.</param>
    /// <returns>False when a repository was too busy to be renamed or removed: another scan is wanted soon.</returns>
    /// <exception cref="LogUnwritableException">The log cannot be written.</exception>
    public async Task<bool> CompareAsync(FinderResult result, long beganAt, bool touchNew)
    {
        Dictionary<string, Repository> found = new(StringComparer.Ordinal);
        Dictionary<string, FolderIdentity> now = new(StringComparer.Ordinal);
        foreach (Repository repository in result.Found)
        {
            // The walk takes its time: what it met at an old name may bear its new one by now.
            if (FolderIdentity.Look(repository.Path, out FolderIdentity? identity) != FolderPresence.Gone)
            {
                found[repository.Path] = repository;
                if (identity is { } known)
                {
                    now[repository.Path] = known;
                }
            }
        }

        // 1. What only bears another name.
        List<BrokenRepository> unsound = [.. result.Broken.Where(b => !byPath.ContainsKey(b.Path))];
        (HashSet<string> busy, HashSet<string> waiting) = await MoveAsync(found, now, unsound).ConfigureAwait(false);

        // 2. What is gone.
        HashSet<string> notGone = [.. busy, .. waiting];
        busy.UnionWith(await SeeToMissingAsync(found, result.Broken, notGone, beganAt).ConfigureAwait(false));

        // 3. What is there: known, or new where nothing is in its way any more.
        OccupiedPaths occupied = new(byPath.Keys);
        foreach (Repository repository in found.Values.Where(r => !busy.Contains(r.Path) && !waiting.Contains(r.Path)))
        {
            goneSince.TryRemove(repository.Path, out _);
            accepted.TryRemove(repository.Path, out _);
            if (byPath.TryGetValue(repository.Path, out CapturedRepository? known))
            {
                if (known.Found())
                {
                    known.Touch();
                }
            }
            else if (occupied.InTheWayOf(repository.Path) is { } other)
            {
                unsound.Add(new BrokenRepository(repository.Name, repository.Path, Waits(other)));
            }
            else
            {
                TakeUp(repository, touchNew);
            }
        }

        broken = unsound;
        removedLately = [.. removals.All];
        RememberFolders(now);
        return busy.Count == 0;
    }

    private static string Waits(string other) => $"it waits until {other} counts as removed";

    /// <summary>Of what was not found the folder that it had is remembered, for it may come to light elsewhere.</summary>
    private void RememberFolders(Dictionary<string, FolderIdentity> now)
    {
        Dictionary<string, FolderIdentity> remembered = new(StringComparer.Ordinal);
        foreach (string path in byPath.Keys)
        {
            if (now.TryGetValue(path, out FolderIdentity folder) || folders.ByPath.TryGetValue(path, out folder))
            {
                remembered[path] = folder;
            }
        }

        folders.Replace(remembered);
    }

    private void TakeUp(Repository repository, bool touch)
    {
        RefSnapshot none = RefSnapshot.Empty(repository.Format);
        RepositoryState unseen = new(repository, RepositoryCondition.Missing, "first seen, not captured yet", none, LogPosition.Origin);
        CapturedRepository added = new(context, unseen, said: null, stopping);
        byPath[repository.Path] = added;
        if (touch)
        {
            added.Touch();
        }
    }

    /// <summary>
    /// Renames what moved. Returns the paths, old and new, of those that are too busy, and of those whose new name is still
    /// that of a repository which is gone. Where one is there under the new name, the log says what has become of each of
    /// the two names, which is as true.
    /// </summary>
    private async Task<(HashSet<string> Busy, HashSet<string> Waiting)> MoveAsync(
        Dictionary<string, Repository> found, Dictionary<string, FolderIdentity> now, List<BrokenRepository> unsound)
    {
        HashSet<string> busy = new(StringComparer.Ordinal);
        HashSet<string> waiting = new(StringComparer.Ordinal);
        Dictionary<string, FolderIdentity> known = folders.ByPath.Where(f => byPath.ContainsKey(f.Key)).ToDictionary(StringComparer.Ordinal);
        foreach ((string from, string to, string? obstacle) in FolderMoves.Find(known, now, new OccupiedPaths(byPath.Keys)))
        {
            CapturedRepository old = byPath[from];
            if (obstacle is not null && !found.ContainsKey(obstacle))
            {
                waiting.UnionWith([from, to]);
                old.Lost($"its folder is {to}, and {Waits(obstacle)}");
                unsound.Add(new BrokenRepository(found[to].Name, to, Waits(obstacle)));
                continue;
            }

            if (obstacle is not null || old.Repository.Format != found[to].Format || byPath.ContainsKey(to))
            {
                // Not the same repository, whatever the folder says; or one that stays after all is in its way.
                continue;
            }

            if (busy.Contains(to) || context.RootProblem() is not null || !old.TryRetire())
            {
                // Whoever was to follow onto the old name waits too.
                busy.Add(from);
                busy.Add(to);
                continue;
            }

            byPath.TryRemove(from, out _);
            goneSince.TryRemove(from, out _);
            accepted.TryRemove(from, out _);
            RepositoryState last = old.State;
            if (last.Applied == LogPosition.Origin)
            {
                // The log has not heard of it: it is new under its new name.
                context.Table.Remove(last.Name);
                continue;
            }

            Repository moved = found[to];
            LogRecord record = await AppendAsync(old, Records.Renamed(last, moved.Name, context.Time)).ConfigureAwait(false);
            ChangeSets(last.Name, () => context.ObjectSets.Move(last.Name, moved.Name));
            RepositoryCondition condition = last.IsServable ? RepositoryCondition.Held : RepositoryCondition.Missing;
            RepositoryState next = last with
            {
                Repository = moved,
                Condition = condition,
                Reason = "renamed, not looked at since",
                Applied = record.Position,
            };
            CapturedRepository renamed = new(context, next, old.Said, stopping);
            byPath[to] = renamed;
            context.Table.Remove(last.Name);
            TellOthers(last.Name, moved.Name);
            context.MarkShown(record);
            LogRenamed(context.Logger, last.Name, moved.Name, record.Sequence);
            renamed.Touch();
        }

        return (busy, waiting);
    }

    /// <summary>
    /// Sees to what is known and was not found: held where it is broken or hidden, removed where it is gone for long
    /// enough and not with too many others. Returns the paths of those that are too busy to be removed now.
    /// </summary>
    private async Task<HashSet<string>> SeeToMissingAsync(
        Dictionary<string, Repository> found, IReadOnlyList<BrokenRepository> unsound, HashSet<string> notGone, long beganAt)
    {
        Dictionary<string, string> reasons = new(StringComparer.Ordinal);
        foreach (BrokenRepository one in unsound)
        {
            reasons[one.Path] = one.Reason;
        }

        List<CapturedRepository> gone = [];
        foreach ((string path, CapturedRepository repository) in byPath)
        {
            if (found.ContainsKey(path) || notGone.Contains(path))
            {
                continue;
            }

            if (ReasonFor(path, reasons) is { } reason)
            {
                // It cannot be seen, which is not to be gone.
                goneSince.TryRemove(path, out _);
                repository.Lost(reason);
                continue;
            }

            goneSince.TryAdd(path, beganAt);
            gone.Add(repository);
        }

        HashSet<string> waiting = new(StringComparer.Ordinal);
        long at = Records.Now(context.Time);
        removals.ForgetBefore(at);
        int lately = removals.Around(at);
        int went = gone.Count + lately;
        int all = byPath.Count + lately;
        foreach (CapturedRepository repository in gone)
        {
            string path = repository.Repository.Path;
            bool wanted = accepted.ContainsKey(path);
            if (wanted || MayGo(path, beganAt, went, all) || repository.State.Applied == LogPosition.Origin)
            {
                if (context.RootProblem() is not null || !repository.TryRetire())
                {
                    waiting.Add(path);
                    continue;
                }

                await RemoveAsync(repository, wanted, at).ConfigureAwait(false);
            }
            else
            {
                string what = IsGone(path) ? "its folder is gone" : "its folder holds no repository any more";
                string others = DisasterGuard.IsMassDisappearance(went, all) ? $", one of {went} of {all} within an hour" : string.Empty;
                repository.Lost($"{what}{others}: bring it back, or mirrorsync accept {repository.Repository.Name}");
            }
        }

        return waiting;
    }

    /// <summary>True for a repository whose folder is gone in two scans, and not with too many others.</summary>
    private bool MayGo(string path, long beganAt, int went, int all) =>
        !DisasterGuard.IsMassDisappearance(went, all)
        && goneSince.TryGetValue(path, out long since) && since != beganAt && context.Time.GetElapsedTime(since, beganAt) >= removedAfter
        && IsGone(path);

    /// <summary>True when nothing is there, or a folder that the repository's is not.</summary>
    private bool IsGone(string path) =>
        FolderIdentity.Look(path, out FolderIdentity? there) == FolderPresence.Gone
        || (there is { } other && folders.ByPath.TryGetValue(path, out FolderIdentity own) && own != other);

    private async Task RemoveAsync(CapturedRepository repository, bool wanted, long at)
    {
        RepositoryState last = repository.State;
        byPath.TryRemove(last.Repository.Path, out _);
        goneSince.TryRemove(last.Repository.Path, out _);
        accepted.TryRemove(last.Repository.Path, out _);
        if (last.Applied == LogPosition.Origin)
        {
            context.Table.Remove(last.Name);
            return;
        }

        LogRecord record = await AppendAsync(repository, Records.Removed(last, context.Time)).ConfigureAwait(false);
        context.Table.Remove(last.Name);
        TellOthers(last.Name, newName: null);
        context.MarkShown(record);
        ChangeSets(last.Name, () => context.ObjectSets.Delete(last.Name));
        if (!wanted)
        {
            removals.Add(at);
        }

        LogRemoved(context.Logger, last.Name, record.Sequence, wanted);
    }

    /// <summary>The record is in the log: a set that does not follow is lost, and a new Baseline or the next start sees to it.</summary>
    private void ChangeSets(RepositoryName name, Action change)
    {
        try
        {
            change();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogSetStays(context.Logger, name, failure.Message);
        }
    }

    private void TellOthers(RepositoryName name, RepositoryName? newName)
    {
        foreach (CapturedRepository other in byPath.Values)
        {
            other.OtherLeft(name, newName);
        }
    }

    /// <summary>Writes that a repository leaves its name; where that cannot be written it stays where it was.</summary>
    private async Task<LogRecord> AppendAsync(CapturedRepository left, LogRecordDraft draft)
    {
        try
        {
            return await context.AppendAsync(draft, stopping).ConfigureAwait(false);
        }
        catch (LogUnwritableException)
        {
            RepositoryState last = left.State;
            byPath[last.Repository.Path] = new CapturedRepository(context, last, left.Said, stopping);
            throw;
        }
    }

    /// <summary>Why a repository that was not found is not gone either; null when it is.</summary>
    private static string? ReasonFor(string path, Dictionary<string, string> unsound)
    {
        for (string? above = path; above is not null; above = Path.GetDirectoryName(above))
        {
            if (unsound.TryGetValue(above, out string? reason))
            {
                return above == path ? reason : $"{above}: {reason}";
            }
        }

        return FolderIdentity.Look(path, out _) == FolderPresence.Unknown ? "its folder cannot be looked at" : null;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: renamed to {NewName}, record {Sequence}")]
    private static partial void LogRenamed(ILogger logger, RepositoryName repository, RepositoryName newName, ulong sequence);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: its object set could not be moved or deleted with it: {Reason}")]
    private static partial void LogSetStays(ILogger logger, RepositoryName repository, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: removed, record {Sequence}; by an operator's word: {Accepted}")]
    private static partial void LogRemoved(ILogger logger, RepositoryName repository, ulong sequence, bool accepted);
}
