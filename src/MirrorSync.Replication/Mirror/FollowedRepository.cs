using System.Collections.ObjectModel;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects.Fsck;
using MirrorSync.Git.Packs;
using MirrorSync.Replication.Mirror.Removal;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Status;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>
/// One repository on a mirror: applies its records in their order, one worker at a time, independently of all others.
/// What cannot be applied is brought up again by a snapshot; only this repository waits for it.
/// </summary>
internal sealed partial class FollowedRepository
{
    /// <summary>Nobody but this node writes refs here, so a lock file of that age is a dead process's.</summary>
    private static readonly TimeSpan StaleLockAfter = TimeSpan.FromSeconds(60);

    private readonly ApplyContext context;
    private readonly FollowedRepositories names;
    private readonly CancellationToken stopping;
    private readonly Task nameFree;
    private readonly DeltaApplier applier;
    private readonly RecordBodies bodies;
    private readonly Departure departure;
    private readonly Backoff backoff;
    private readonly FollowedWork work;

    // Written by the worker only, once it runs.
    private RepositoryState state;
    private bool isShown;

    // How many records are to be applied each by itself, because together they could not be.
    private int apart;
    private volatile FindingCounts? findings;
    private volatile IReadOnlyList<RepositoryName> bases;
    private readonly RepairStep repair;
    private readonly ChangeSignal advanced = new();

    /// <summary>Takes up a repository.</summary>
    /// <param name="context">What all share.</param>
    /// <param name="names">Told when it leaves its name.</param>
    /// <param name="initial">Its state as recovery found it; one that is not live wants a snapshot.</param>
    /// <param name="bases">The repositories that its copy borrows objects from.</param>
    /// <param name="cutOff">The log does not have all that its copy lacks.</param>
    /// <param name="provenAsOf">The timestamp as of which it is known to be equal to the primary's; null when it is not.</param>
    /// <param name="nameFree">Completes when those that bore its name before have left it.</param>
    /// <param name="stopping">The node stops.</param>
    public FollowedRepository(
        ApplyContext context,
        FollowedRepositories names,
        RepositoryState initial,
        IReadOnlyList<RepositoryName> bases,
        bool cutOff,
        long? provenAsOf,
        Task nameFree,
        CancellationToken stopping)
    {
        this.bases = bases;
        this.context = context;
        this.names = names;
        this.nameFree = nameFree;
        this.stopping = stopping;
        applier = new DeltaApplier(context);
        bodies = new RecordBodies(context);
        departure = new Departure(context, names, this);
        backoff = new Backoff(context.Time);
        repair = new RepairStep(context, this);
        state = initial;
        work = new FollowedWork(RunAsync, initial.Condition != RepositoryCondition.Live, cutOff, provenAsOf);
        isShown = !IsWaiting;
        if (isShown)
        {
            Show(initial);
        }
    }

    /// <summary>True while another repository has yet to leave its name: nothing of it is on the disk.</summary>
    public bool IsWaiting => !nameFree.IsCompleted;

    /// <summary>True while its removal waits for an operator's word.</summary>
    public bool IsRemovalRefused => departure.IsRefused;

    /// <summary>The state as last shown.</summary>
    public RepositoryState State => Volatile.Read(ref state);

    /// <summary>The repositories that its copy borrows objects from.</summary>
    public IReadOnlyList<RepositoryName> Bases => bases;

    /// <summary>True when another repository borrows objects from its copy.</summary>
    public bool IsBorrowedFrom => names.Borrowers.FirstOf(State.Name) is not null;

    /// <summary>Brings back what is damaged.</summary>
    public RepairStep Repair => repair;

    /// <summary>What is to be done.</summary>
    public FollowedWork Work => work;

    /// <summary>
    /// How often each of git's fsck messages was found in the objects that came since the copy was installed, or since the
    /// node started if that was later.
    /// </summary>
    public IReadOnlyDictionary<string, long> Findings => findings?.ByName() ?? ReadOnlyDictionary<string, long>.Empty;

    /// <summary>True while its object set is to be fetched from the primary.</summary>
    public bool IsObjectSetWanted => State is { IsServable: true, ObjectSet: null } && !work.HasObjectSet && context.ObjectSets.IsWanted(State.Repository);

    /// <summary>Lets a removal pass that was refused. False when none was.</summary>
    public bool AcceptRemoval() => departure.Accept();

    /// <summary>It borrows from these now.</summary>
    public void Borrow(IReadOnlyList<RepositoryName> from)
    {
        bases = from;
        names.Borrowers.Changed();
    }

    /// <summary>
    /// Completes when every record below the sequence is applied, but for a removal: that one waits for whoever borrows
    /// from it, and may be waited for by none of them.
    /// </summary>
    public Task ReachedAsync(ulong sequence, CancellationToken cancellation) =>
        advanced.WaitAsync(() => work.HasReached(sequence), cancellation);

    /// <summary>Completes when it is served and applied up to the sequence.</summary>
    public Task AppliedAsync(ulong sequence, CancellationToken cancellation) =>
        advanced.WaitAsync(() => State.IsServable && State.Applied.Sequence >= sequence, cancellation);

    /// <summary>Counts and tells what fsck found in objects that were taken. By the worker, or before it first runs.</summary>
    public void Note(FsckReport? found)
    {
        if (FindingCounts.Describe(found) is { } words)
        {
            (findings ??= new FindingCounts()).Add(found!);
            context.Findings.Add(found!);
            LogFindings(context.Logger, state.Name, state.Applied.Sequence, words);
        }
    }

    private async Task RunAsync()
    {
        try
        {
            await context.Running.WaitAsync(stopping).ConfigureAwait(false);
            await BearNameAsync().ConfigureAwait(false);
            while (work.Next() is var step and not FollowedWork.Step.None)
            {
                try
                {
                    await (step switch
                    {
                        FollowedWork.Step.Snapshot => InstallSnapshotAsync(),
                        FollowedWork.Step.Repair => repair.RunAsync(stopping),
                        FollowedWork.Step.Recheck => RecheckAsync(),
                        FollowedWork.Step.ObjectSet => TakeObjectSetAsync(),
                        _ => ApplyNextAsync(),
                    }).ConfigureAwait(false);
                    backoff.Reset();
                    context.Problems.Clear(NodeProblems.SubjectOf(state.Name));
                }
                catch (Exception failure) when (failure is not OperationCanceledException || !stopping.IsCancellationRequested)
                {
                    // Whatever it is, only this repository waits, and it is tried again.
                    bool snapshotRefused = work.IsSnapshotWanted && failure is InvalidPackException { IsOfObjects: true };
                    Fail(failure);
                    if (failure is BaseBehindException behind)
                    {
                        await BaseAsync(behind).ConfigureAwait(false);
                        continue;
                    }

                    if (snapshotRefused)
                    {
                        // It will be the same until somebody changes the primary's objects.
                        await Task.Delay(context.RefusedAgainAfter, context.Time, stopping).ConfigureAwait(false);
                    }

                    await backoff.WaitAsync(stopping).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The node stops; the log keeps what is left to do.
        }
    }

    private async Task BearNameAsync()
    {
        await nameFree.WaitAsync(stopping).ConfigureAwait(false);
        if (!isShown)
        {
            isShown = true;
            Show(state);
        }
    }

    /// <summary>Waits for the base, but not for ever: what is wanted of it may have changed.</summary>
    private async Task BaseAsync(BaseBehindException behind)
    {
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Task again = Task.Delay(context.RefusedAgainAfter, context.Time, enough.Token);
        Task<bool> there = names.Borrowers.BaseAppliedAsync(behind, enough.Token);
        if (await Task.WhenAny(again, there).ConfigureAwait(false) == there && there is { IsCompletedSuccessfully: true, Result: false })
        {
            await backoff.WaitAsync(stopping).ConfigureAwait(false);
        }

        await enough.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(again, there).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stopping.ThrowIfCancellationRequested();
    }

    /// <summary>Looks whether all that the refs reach is still there, now that a base is another.</summary>
    private async Task RecheckAsync()
    {
        // It reads in the folder that was replaced.
        context.Stores.Forget(state.Repository);
        if (state.IsServable)
        {
            await ObjectQueries.CheckConnectedAsync(state.Repository, RefDifference.IdsOf(state.Refs), trustRefs: false, stopping)
                .ConfigureAwait(false);
        }
    }

    /// <summary>Takes up the primary's object set; a copy that is of no use is passed over, and another one comes.</summary>
    private async Task TakeObjectSetAsync()
    {
        string file = work.TakeObjectSet();
        try
        {
            if (state.IsServable && await context.ObjectSets.TakeAsync(state, file, stopping).ConfigureAwait(false))
            {
                Show(state with { ObjectSet = context.ObjectSets.CellAt(state.Repository, state.Applied.Sequence) });
                context.Applied(AppliedFrame.Of(state));
            }
        }
        catch (InvalidDataException failure)
        {
            LogFailed(context.Logger, state.Name, failure.Message);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private async Task ApplyNextAsync()
    {
        PendingRecord next = work.Peek();
        if (next.LeavesAfter is { } ready)
        {
            await LeaveAsync(next, ready).ConfigureAwait(false);
            return;
        }

        if (next.Sequence <= state.Applied.Sequence || work.IsSnapshotWanted)
        {
            // A snapshot has it already, or will have it under another name, and with it all that its body would bring.
            context.BodyPresent(next.Sequence);
            Done();
            return;
        }

        if (state.Condition == RepositoryCondition.Held)
        {
            new RefWriter(state.Repository).ClearLockOlderThan(StaleLockAfter, context.Time);
        }

        IReadOnlyList<LogRecord> records = bodies.ReadTogether(work.PeekRun(apart > 0 ? 1 : RecordBodies.MaxTogether));
        await bodies.FetchAsync(records[0], stopping).ConfigureAwait(false);
        await names.Borrowers.BasesReachedAsync(bases, records[^1].Sequence, stopping).ConfigureAwait(false);
        // Before the other gate: who waits here for a fold must not keep other repositories waiting.
        using IDisposable? alone = context.Maintenance is { } maintenance
            ? await maintenance.EnterAsync(state.Repository, stopping).ConfigureAwait(false) : null;
        SemaphoreSlim gate = records[0].Spooled is null ? context.Gate : context.LargeGate;
        await gate.WaitAsync(stopping).ConfigureAwait(false);
        try
        {
            await ApplyAsync(records).ConfigureAwait(false);
        }
        catch (Exception failure) when (records.Count > 1 && IsNoCaseForAnotherTry(failure))
        {
            // Which of them it is shows when each is applied by itself.
            apart = records.Count;
            return;
        }
        finally
        {
            gate.Release();
        }

        foreach (LogRecord _ in records)
        {
            Done();
        }

        apart = Math.Max(0, apart - 1);
        context.Applied(AppliedFrame.Of(state));
    }

    private async Task ApplyAsync(IReadOnlyList<LogRecord> records)
    {
        (RepositoryState applied, FsckReport? found) = records.Count == 1
            ? await applier.ApplyAsync(state, records[0], stopping).ConfigureAwait(false)
            : applier.ApplyTogether(state, records, stopping);
        if (records[0].Kind is LogRecordKind.Metadata or LogRecordKind.Baseline)
        {
            Borrow(Borrowing.BasesOf(applied.Repository));
        }

        Show(applied);
        Note(found);
    }

    private async Task LeaveAsync(PendingRecord next, Task ready)
    {
        await ready.WaitAsync(stopping).ConfigureAwait(false);
        LogRecord record = next.Told ?? bodies.Read(next.Sequence);
        if (next.NewName is not { } newName)
        {
            await AwaitBorrowersAsync().ConfigureAwait(false);
            await departure.RemoveAsync(state, record, stopping).ConfigureAwait(false);
            work.WantNoSnapshot();
            Done();
            return;
        }

        await departure.RenameAsync(state, record, newName, !work.IsSnapshotWanted, stopping).ConfigureAwait(false);
        context.Problems.Clear(NodeProblems.SubjectOf(record.Repository));
        Done();
        if (!work.IsSnapshotWanted && record.After.Refs is { } expected && expected != state.Refs.Digest)
        {
            Fail(new DivergedException($"the refs are not those that record {record.Sequence} (Renamed) is written on"));
        }
        else if (!work.IsSnapshotWanted)
        {
            context.Applied(AppliedFrame.Of(state));
        }
    }

    /// <summary>What others borrow is not taken from them: it stays until the last of them is brought up without it.</summary>
    private async Task AwaitBorrowersAsync()
    {
        while (names.Borrowers.FirstOf(state.Name) is { } borrower)
        {
            string reason = $"removed at the primary, but {borrower} borrows objects from it";
            Show(state with { Condition = state.IsServable ? RepositoryCondition.Held : state.Condition, Reason = reason });
            await names.Borrowers.WaitAsync(() => names.Borrowers.FirstOf(state.Name) != borrower, stopping).ConfigureAwait(false);
        }
    }

    private async Task InstallSnapshotAsync()
    {
        RepositoryState installed;
        FsckReport? found;
        bool served = state.IsServable;
        await context.SnapshotGate.WaitAsync(stopping).ConfigureAwait(false);
        try
        {
            context.Stores.Forget(state.Repository);
            ulong through = Math.Max(work.SnapshotThrough, Math.Max(state.Applied.Sequence, context.Log.Base.Sequence));
            (installed, found) = await context.Snapshots.InstallAsync(state.Name, state.Applied.Sequence, through, stopping).ConfigureAwait(false);
            findings = null;
            context.ObjectSets.Delete(state.Name);
            Borrow(Borrowing.BasesOf(installed.Repository));
            work.Installed(() => Volatile.Write(ref state, installed));
        }
        finally
        {
            context.SnapshotGate.Release();
        }

        if (served)
        {
            // The folder is another already: whoever is answered from it needs its refs now.
            Show(installed);
        }

        repair.Replaced();

        // Before anyone is told: what was fetched once must not be fetched again after a crash.
        _ = await context.Checkpoint(stopping).ConfigureAwait(false);
        Show(installed);
        names.Borrowers.BaseReplaced(installed.Name);
        LogInstalled(context.Logger, state.Name, state.Applied.Sequence);
        Note(found);
        context.Applied(AppliedFrame.Of(state));
    }

    /// <summary>
    /// A failed transfer or a failing disk is tried again as it is, the repository served at its last proven state. What
    /// shows that this copy is not what the log says ends its serving, and a snapshot takes its place.
    /// </summary>
    private void Fail(Exception failure)
    {
        LogFailed(context.Logger, state.Name, failure.Message);
        if (DiskFailure.Is(failure))
        {
            // Not this repository's trouble alone.
            context.Problems.Set(NodeProblems.SubjectOf(state.Name), $"{state.Name} cannot be written: {failure.Message}");
        }

        if (work.IsSnapshotWanted)
        {
            Show(state with { Reason = failure.Message });
        }
        else if (failure is DamagedObjectException && repair.TryFor(work.FirstPending, failure))
        {
            // What the record builds on is damaged. If it cannot be applied after that, a snapshot follows.
            return;
        }
        else if (IsNoCaseForAnotherTry(failure))
        {
            work.WantSnapshot(context.Log.Committed.Sequence);

            // A record that cannot be had, or is not wanted, says nothing against the copy that is here.
            bool sound = failure is BodyLostException or BaseDroppedException or ObjectTooLargeException or InvalidPackException { IsOfObjects: true };
            RepositoryCondition condition = sound ? RepositoryCondition.Held : RepositoryCondition.Damaged;
            Show(state with { Condition = condition, Reason = failure.Message });
        }
        else if (failure is not (TransferException or BaseBehindException))
        {
            Show(state with { Condition = RepositoryCondition.Held, Reason = failure.Message });
        }
    }

    /// <summary>True when only a snapshot can help.</summary>
    public static bool IsNoCaseForAnotherTry(Exception failure) =>
        failure is DivergedException or InvalidPackException or InvalidDataException or BodyLostException
            or BaseDroppedException or ObjectsMissingException or DamagedObjectException or ObjectTooLargeException;

    private void Done()
    {
        work.Done();
        advanced.Changed();
    }

    /// <summary>Shows a state to all readers. By the worker.</summary>
    public void Show(RepositoryState next)
    {
        repair.Show(() =>
        {
            Volatile.Write(ref state, next);
            return next;
        });
        advanced.Changed();
    }

    /// <summary>It is gone, or another object follows it: nothing is shown, repaired or fetched any more.</summary>
    public void Close()
    {
        work.Close();
        repair.Close();
    }

    /// <summary>Only a snapshot helps. By the worker.</summary>
    public void GiveUp(string reason)
    {
        work.WantSnapshot(context.Log.Committed.Sequence);
        Show(state with { Condition = RepositoryCondition.Damaged, Reason = reason });
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: brought up from a snapshot at {Sequence}")]
    private static partial void LogInstalled(ILogger logger, RepositoryName repository, ulong sequence);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: in what came with {Sequence} fsck finds {Findings}")]
    private static partial void LogFindings(ILogger logger, RepositoryName repository, ulong sequence, string findings);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: {Reason}")]
    private static partial void LogFailed(ILogger logger, RepositoryName repository, string reason);
}
