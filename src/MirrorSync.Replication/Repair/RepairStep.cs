using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Mirror;
using MirrorSync.Storage.Repairing;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Repair;

/// <summary>
/// The repair of one repository on a mirror: takes orders from whoever finds something, keeps them over a restart, has the
/// repository's worker carry them out, and keeps requests away meanwhile.
/// </summary>
/// <param name="context">What all repositories share.</param>
/// <param name="repository">The repository.</param>
internal sealed partial class RepairStep(ApplyContext context, FollowedRepository repository)
{
    /// <summary>Until then it is told whether a request may need what is damaged; later it is taken for granted.</summary>
    private static readonly TimeSpan WalkPatience = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();

    // What is ordered while another order ends is either part of it or not: taken before the gate.
    private readonly Lock ordering = new();
    private readonly Backoff backoff = new(context.Time);
    private readonly RepairProgress progress = new(context.Time);
    private TaskCompletionSource<RepairOutcome> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string? withheld;
    private bool closed;
    private ulong? triedFor;

    // By the worker: what was done for an order that grew meanwhile.
    private RepairOutcome earlier = new();

    /// <summary>What is told of it; null when there was never a repair.</summary>
    public RepairStatus? Status => progress.Status;

    /// <summary>Shows a state to all readers: as damaged, as long as something that they may need is.</summary>
    /// <param name="change">Makes the change, and returns the state.</param>
    public void Show(Func<RepositoryState> change)
    {
        lock (gate)
        {
            RepositoryState next = change();
            if (closed)
            {
                return;
            }

            context.Table.Show(withheld is null || !next.IsServable
                ? next : next with { Condition = RepositoryCondition.Damaged, Reason = withheld });
        }
    }

    /// <summary>Takes up what a process that ended left undone. Before anything is served.</summary>
    public void Resume()
    {
        if (repository.State.IsServable && RepairNote.Read(repository.State.Repository) is { } order)
        {
            Withhold(order.Reason ?? "its repair was interrupted");
            Want(order);
        }
    }

    /// <summary>Orders a repair. Any thread.</summary>
    /// <param name="order">What is wrong.</param>
    /// <param name="cancellation">Gives up before it is ordered.</param>
    /// <returns>A task that ends once it was ordered, with one that ends once it was carried out.</returns>
    public async Task<Task<RepairOutcome>> OrderAsync(RepairOrder order, CancellationToken cancellation)
    {
        if (order.ConcernsReaders && !(order.OnlyObjects && !await MayBeNeededAsync(order, cancellation).ConfigureAwait(false)))
        {
            lock (ordering)
            {
                Withhold(order.Reason ?? "something of it is damaged");
                return Want(order);
            }
        }

        lock (ordering)
        {
            return Want(order);
        }
    }

    /// <summary>The repository is gone, or another object follows it: nothing is shown or repaired any more.</summary>
    public void Close()
    {
        TaskCompletionSource<RepairOutcome> ended;
        lock (gate)
        {
            closed = true;
            ended = done;
        }

        ended.TrySetResult(earlier);
    }

    /// <summary>Looks for all damage once, when a record cannot be applied; false when that was done for this record.</summary>
    public bool TryFor(ulong? sequence, Exception failure)
    {
        if (sequence is null || triedFor == sequence)
        {
            return false;
        }

        triedFor = sequence;
        lock (ordering)
        {
            Withhold(failure.Message);
            _ = Want(RepairOrder.Everything with { Reason = failure.Message });
        }

        return true;
    }

    /// <summary>Another copy has taken the place of the one that was to be repaired. By the worker.</summary>
    public void Replaced()
    {
        if (repository.Work.RepairWanted is not null)
        {
            End(null, new RepairOutcome { Done = ["a snapshot took its place"] });
        }
    }

    /// <summary>Carries out what was ordered. By the worker.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        RepairOrder order = repository.Work.RepairWanted!;
        RepositoryState state = repository.State;
        RepairOutcome outcome;
        try
        {
            if (order.Alternates)
            {
                Borrowing.Write(state.Repository, state.Repository.Path, repository.Bases, [state.Repository.Path]);
            }

            // What nobody needs keeps nobody away.
            Action<string> found = order.ConcernsReaders ? static _ => { } : Withhold;
            outcome = await context.Repair.RunAsync(state, order, progress, found, stopping).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is TransferException or IOException or UnauthorizedAccessException
            && !FollowedRepository.IsNoCaseForAnotherTry(failure))
        {
            LogFailed(context.Logger, state.Name, failure.Message);
            progress.Is($"waits to try again: {failure.Message}");
            await backoff.WaitAsync(stopping).ConfigureAwait(false);
            return;
        }
        catch (Exception failure) when (FollowedRepository.IsNoCaseForAnotherTry(failure))
        {
            outcome = new RepairOutcome { SnapshotReason = failure.Message };
        }

        backoff.Reset();
        context.Stores.Forget(state.Repository);
        if (outcome.SnapshotReason is not null && context.RootProblem() is { } problem)
        {
            // Without its disk everything looks gone: nothing is fetched onto another one.
            LogFailed(context.Logger, state.Name, problem);
            progress.Is($"waits: {problem}");
            await backoff.WaitAsync(stopping).ConfigureAwait(false);
            return;
        }

        if (outcome.SnapshotReason is { } reason)
        {
            LogGivenUp(context.Logger, state.Name, reason);
            repository.GiveUp(reason);
        }
        else if (outcome.Done.Count > 0)
        {
            string what = string.Join("; ", outcome.Done);
            LogDone(context.Logger, state.Name, what);
        }

        End(order, outcome);
    }

    private async Task<bool> MayBeNeededAsync(RepairOrder order, CancellationToken cancellation) =>
        repository.IsBorrowedFrom || await ObjectWalk.MayReachAsync(
            repository.State.Repository, order.Objects.ToHashSet(), WalkPatience, context.Time, cancellation).ConfigureAwait(false);

    private Task<RepairOutcome> Want(RepairOrder order)
    {
        Task<RepairOutcome> ended;
        lock (gate)
        {
            ended = done.Task;
        }

        progress.Begin(order.Reason ?? "is looked at");
        try
        {
            // Before the worker can be done with it.
            RepairNote.Write(repository.State.Repository, repository.Work.RepairWanted?.With(order) ?? order);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Only a restart in the middle needs it; what is wrong is found again then.
            LogFailed(context.Logger, repository.State.Name, failure.Message);
        }

        repository.Work.WantRepair(order);
        return ended;
    }

    private void End(RepairOrder? order, RepairOutcome outcome)
    {
        lock (ordering)
        {
            EndInOrder(order, outcome);
        }
    }

    private void EndInOrder(RepairOrder? order, RepairOutcome outcome)
    {
        outcome = earlier.And(outcome);
        bool isAll = repository.Work.Repaired(order);
        earlier = isAll ? new RepairOutcome() : outcome;
        if (!isAll)
        {
            return;
        }

        RepairNote.Delete(repository.State.Repository);
        progress.End(outcome);
        TaskCompletionSource<RepairOutcome> ended;
        lock (gate)
        {
            ended = done;
            done = new TaskCompletionSource<RepairOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        Withhold(null);
        ended.TrySetResult(outcome);
    }

    private void Withhold(string? reason)
    {
        lock (gate)
        {
            withheld = reason;
            if (!closed && context.Table.TryGet(repository.State.Name, out _))
            {
                Show(() => repository.State);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: repaired: {Done}")]
    private static partial void LogDone(ILogger logger, RepositoryName repository, string done);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: its repair is tried again: {Reason}")]
    private static partial void LogFailed(ILogger logger, RepositoryName repository, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: only a snapshot can repair it: {Reason}")]
    private static partial void LogGivenUp(ILogger logger, RepositoryName repository, string reason);
}
