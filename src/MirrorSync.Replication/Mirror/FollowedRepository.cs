using System.Collections.ObjectModel;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects.Fsck;
using MirrorSync.Git.Packs;
using MirrorSync.Replication.Wire;
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
    private readonly CancellationToken stopping;
    private readonly DeltaApplier applier;
    private readonly Backoff backoff;
    private readonly Lock gate = new();
    private readonly Queue<ulong> pending = [];
    private readonly FreshnessProof proof;

    // Written by the worker only, once it runs.
    private RepositoryState state;
    private bool snapshotWanted;
    private bool heldAtPrimary;
    private (ulong Sequence, long AsOf)? lastAnswer;
    private volatile FindingCounts? findings;

    /// <summary>Takes up a repository.</summary>
    /// <param name="context">What all share.</param>
    /// <param name="initial">Its state as recovery found it; one that is not live wants a snapshot.</param>
    /// <param name="provenAsOf">The timestamp as of which it is known to be equal to the primary's; null when it is not.</param>
    /// <param name="stopping">The node stops.</param>
    public FollowedRepository(ApplyContext context, RepositoryState initial, long? provenAsOf, CancellationToken stopping)
    {
        proof = new FreshnessProof(provenAsOf);
        this.context = context;
        this.stopping = stopping;
        applier = new DeltaApplier(context);
        backoff = new Backoff(context.Time);
        state = initial;
        snapshotWanted = initial.Condition != RepositoryCondition.Live;
        context.Table.Show(initial);
    }

    /// <summary>The state as last shown.</summary>
    public RepositoryState State => Volatile.Read(ref state);

    /// <summary>The work under way; completed when nothing is to do.</summary>
    public Task Work { get; private set; } = Task.CompletedTask;

    /// <summary>True while records or a snapshot wait to be applied.</summary>
    public bool IsBehind
    {
        get
        {
            lock (gate)
            {
                return pending.Count > 0 || snapshotWanted;
            }
        }
    }

    /// <summary>The timestamp as of which this copy is proven equal; null when it never was.</summary>
    public long? ProvenAsOf
    {
        get
        {
            lock (gate)
            {
                return proof.ProvenAsOf;
            }
        }
    }

    /// <summary>True while the primary holds the repository: it is served at its last proven state, and its lag grows.</summary>
    public bool IsHeldAtPrimary
    {
        get
        {
            lock (gate)
            {
                return heldAtPrimary;
            }
        }
    }

    /// <summary>
    /// How often each of git's fsck messages was found in the objects that came since the copy was installed, or since the
    /// node started if that was later.
    /// </summary>
    public IReadOnlyDictionary<string, long> Findings => findings?.ByName() ?? ReadOnlyDictionary<string, long>.Empty;

    /// <summary>The first record that still waits; null when there is none.</summary>
    public ulong? ReplayFrom
    {
        get
        {
            lock (gate)
            {
                return FirstPending();
            }
        }
    }

    /// <summary>A record of this repository is durable in the log. Zero only starts the worker.</summary>
    public void Enqueue(ulong sequence)
    {
        lock (gate)
        {
            if (sequence > 0)
            {
                pending.Enqueue(sequence);
            }

            if (Work.IsCompleted && (pending.Count > 0 || snapshotWanted))
            {
                Work = Task.Run(RunAsync, CancellationToken.None);
            }
        }
    }

    /// <summary>The primary answered; see <see cref="FreshnessProof.Offer"/>.</summary>
    /// <param name="sequence">Where its log ended.</param>
    /// <param name="asOf">The timestamp for which it speaks.</param>
    /// <param name="held">It holds this repository: its log does not speak of it, so nothing is proven.</param>
    public void Offer(ulong sequence, long asOf, bool held)
    {
        lock (gate)
        {
            heldAtPrimary = held;
            lastAnswer = held ? null : (sequence, asOf);
            if (!snapshotWanted && !held)
            {
                proof.Offer(sequence, asOf, FirstPending());
            }
        }
    }

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
            while (HasWork())
            {
                try
                {
                    await (snapshotWanted ? InstallSnapshotAsync() : ApplyNextAsync()).ConfigureAwait(false);
                    backoff.Reset();
                }
                catch (Exception failure) when (failure is not OperationCanceledException || !stopping.IsCancellationRequested)
                {
                    // Whatever it is, only this repository waits, and it is tried again.
                    bool snapshotRefused = snapshotWanted && failure is InvalidPackException { IsOfObjects: true };
                    Fail(failure);
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

    private bool HasWork()
    {
        lock (gate)
        {
            if (pending.Count == 0 && !snapshotWanted)
            {
                // Still under the lock: the record that comes next finds this worker over and starts another.
                Work = Task.CompletedTask;
                return false;
            }

            return true;
        }
    }

    private async Task ApplyNextAsync()
    {
        ulong sequence;
        lock (gate)
        {
            sequence = pending.Peek();
        }

        if (sequence <= state.Applied.Sequence)
        {
            // The snapshot has it already, and with it all that its body would bring.
            context.BodyPresent(sequence);
            Done();
            return;
        }

        if (state.Condition == RepositoryCondition.Held)
        {
            new RefWriter(state.Repository).ClearLockOlderThan(StaleLockAfter, context.Time);
        }

        LogRecord record = ReadRecord(sequence);
        if (record.Spooled is { } body)
        {
            await FetchBodyAsync(body).ConfigureAwait(false);

            context.BodyPresent(sequence);
        }

        // Before the other gate: who waits here for a fold must not keep other repositories waiting.
        using IDisposable? alone = context.Maintenance is { } maintenance
            ? await maintenance.EnterAsync(state.Repository, stopping).ConfigureAwait(false) : null;
        await context.Gate.WaitAsync(stopping).ConfigureAwait(false);
        try
        {
            (RepositoryState next, FsckReport? found) = await applier.ApplyAsync(state, record, stopping).ConfigureAwait(false);
            Show(next);
            Note(found);
        }
        finally
        {
            context.Gate.Release();
        }

        Done();
        context.Applied(new AppliedFrame(state.Name, state.Applied.Sequence, state.Refs.Digest));
    }

    private LogRecord ReadRecord(ulong sequence)
    {
        try
        {
            return context.Log.ReadRecord(sequence);
        }
        catch (LogDamagedException damage)
        {
            throw new BodyLostException(damage.Message);
        }
    }

    private async Task FetchBodyAsync(SpooledBody body)
    {
        if (context.Spool.Contains(body))
        {
            return;
        }

        try
        {
            await context.Bulk.FetchBodyAsync(body, stopping).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or HttpRequestException)
        {
            throw new TransferException($"{state.Name}: a body could not be fetched: {failure.Message}", failure);
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
            (installed, found) = await context.Snapshots.InstallAsync(state.Name, state.Applied.Sequence, stopping)
                .ConfigureAwait(false);
            findings = null;
            lock (gate)
            {
                Volatile.Write(ref state, installed);
                snapshotWanted = false;
                if (lastAnswer is var (sequence, asOf))
                {
                    // The snapshot is younger than that answer, or what it lacks is among the waiting records.
                    proof.Offer(sequence, asOf, FirstPending());
                }
            }
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

        // Before anyone is told: what was fetched once must not be fetched again after a crash.
        await context.Checkpoint(stopping).ConfigureAwait(false);
        Show(installed);
        LogInstalled(context.Logger, state.Name, state.Applied.Sequence);
        Note(found);
        context.Applied(new AppliedFrame(state.Name, state.Applied.Sequence, state.Refs.Digest));
    }

    /// <summary>
    /// A failed transfer or a failing disk is tried again as it is, the repository served at its last proven state. What
    /// shows that this copy is not what the log says ends its serving, and a snapshot takes its place.
    /// </summary>
    private void Fail(Exception failure)
    {
        LogFailed(context.Logger, state.Name, failure.Message);
        if (snapshotWanted)
        {
            Show(state with { Reason = failure.Message });
        }
        else if (IsNoCaseForAnotherTry(failure))
        {
            lock (gate)
            {
                snapshotWanted = true;
                proof.Forget();
            }

            // A record that cannot be had, or is not wanted, says nothing against the copy that is here.
            bool sound = failure is BodyLostException or ObjectTooLargeException or InvalidPackException { IsOfObjects: true };
            RepositoryCondition condition = sound ? RepositoryCondition.Held : RepositoryCondition.Damaged;
            Show(state with { Condition = condition, Reason = failure.Message });
        }
        else if (failure is not TransferException)
        {
            Show(state with { Condition = RepositoryCondition.Held, Reason = failure.Message });
        }
    }

    /// <summary>True when only a snapshot can help.</summary>
    private static bool IsNoCaseForAnotherTry(Exception failure) =>
        failure is DivergedException or InvalidPackException or InvalidDataException or BodyLostException
            or ObjectsMissingException or DamagedObjectException or ObjectTooLargeException;

    private void Done()
    {
        lock (gate)
        {
            pending.Dequeue();
            proof.Advance(FirstPending());
        }
    }

    private ulong? FirstPending() => pending.TryPeek(out ulong first) ? first : null;

    private void Show(RepositoryState next)
    {
        Volatile.Write(ref state, next);
        context.Table.Show(next);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: brought up from a snapshot at {Sequence}")]
    private static partial void LogInstalled(ILogger logger, RepositoryName repository, ulong sequence);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: in what came with {Sequence} fsck finds {Findings}")]
    private static partial void LogFindings(ILogger logger, RepositoryName repository, ulong sequence, string findings);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: {Reason}")]
    private static partial void LogFailed(ILogger logger, RepositoryName repository, string reason);
}
