using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Maintenance;

/// <summary>
/// Keeps a node's repositories in order, in two loops. Folds come at once when apply brought a repository to the threshold,
/// one repository after the other, some milliseconds each. All else is background work: one repository at a time, at the
/// lowest priority, within its share and with pauses.
/// </summary>
/// <remarks>What is due is seen in the repositories themselves, so that a restart goes on where the node stopped.</remarks>
public sealed partial class NodeMaintenance : IAsyncDisposable
{
    // Apply waits for a fold at most so long, and then goes on all the same: a bound is not worth a mirror that stands still.
    private static readonly TimeSpan RoomPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMinutes(1);

    private readonly NodeMaintenanceOptions options;
    private readonly RepositoryTable table;
    private readonly RepositoryGates gates;
    private readonly ReaderRegistry readers;
    private readonly TimeProvider time;
    private readonly ILogger<NodeMaintenance> logger;
    private readonly MaintenanceHistory history;
    private readonly MaintenancePacer pacer;
    private readonly MaintenanceRunner runner;
    private readonly ConcurrentDictionary<string, MaintainedRepository> known = new(StringComparer.Ordinal);
    private readonly Channel<MaintainedRepository> folds = Channel.CreateUnbounded<MaintainedRepository>(
        new UnboundedChannelOptions { SingleReader = true });

    private readonly SemaphoreSlim wake = new(0, 1);
    private readonly MaintenanceCounts counts = new();

    /// <summary>Puts the parts together; nothing starts yet.</summary>
    /// <param name="options">The bounds.</param>
    /// <param name="table">Which repositories there are.</param>
    /// <param name="gates">Shared with whoever else changes packs.</param>
    /// <param name="readers">Who reads beside.</param>
    /// <param name="isBehind">Whether apply has a backlog: background work then waits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told of failures.</param>
    public NodeMaintenance(
        NodeMaintenanceOptions options,
        RepositoryTable table,
        RepositoryGates gates,
        ReaderRegistry readers,
        Func<bool> isBehind,
        TimeProvider time,
        ILogger<NodeMaintenance> logger)
    {
        this.options = options;
        this.table = table;
        this.gates = gates;
        this.readers = readers;
        this.time = time;
        this.logger = logger;
        history = new MaintenanceHistory(options.HistoryFile, logger);
        pacer = new MaintenancePacer(options.Share, isBehind, options.Load, time);
        runner = new MaintenanceRunner(options, table, history, counts, pacer, time, logger);
    }

    /// <summary>Looks at a repository in which something changed, once an interval; null when nothing more is to be looked at.</summary>
    public Func<RepositoryState, CancellationToken, Task>? Inspect { get; init; }

    /// <summary>What was done since the node started.</summary>
    public MaintenanceTotals Totals => counts.Read(known.IsEmpty ? 0 : known.Values.Max(static r => r.Packs));

    /// <summary>The last background run of a repository; null when there was none.</summary>
    public MaintenanceRun? LastRun(RepositoryName name) => history[name];

    /// <summary>
    /// Lets apply into a repository: waits until there is room for one more pack, and keeps everybody else from changing its
    /// packs until the result is disposed of. Asks for a fold when there are many.
    /// </summary>
    internal async ValueTask<IDisposable> EnterAsync(Repository repository, CancellationToken cancellation)
    {
        MaintainedRepository one = Get(repository);
        one.CountOnce();
        if (one.Packs + 1 >= options.Repository.FoldAt)
        {
            AskForFold(one);
            await WaitForRoomAsync(one, cancellation).ConfigureAwait(false);
        }

        IDisposable alone = await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false);
        one.Adds();
        return alone;
    }

    /// <summary>
    /// Keeps everybody from changing a repository's packs until the result is disposed of: its folder is about to be
    /// another, of which nothing is known yet.
    /// </summary>
    internal async ValueTask<IDisposable> EnterExchangeAsync(Repository repository, CancellationToken cancellation)
    {
        IDisposable alone = await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false);
        Get(repository).Forget();
        return alone;
    }

    /// <summary>Keeps background work away from a repository until the result is disposed of. Folds go on.</summary>
    internal async ValueTask<IDisposable> EnterBackgroundAsync(Repository repository, CancellationToken cancellation)
    {
        MaintainedRepository one = Get(repository);
        await one.Working.WaitAsync(cancellation).ConfigureAwait(false);
        return new Entered(one);
    }

    /// <summary>
    /// A Baseline of a repository that was here before is applied, so that the object set is another; within the gate. A note
    /// that cannot be kept costs room, nothing else.
    /// </summary>
    internal void NoteBaseline(Repository repository, ulong sequence, IEnumerable<ObjectId> tips)
    {
        try
        {
            RepositoryMaintenance.NoteBaseline(repository, sequence, tips);
        }
        catch (Exception failure) when (MaintenanceRunner.IsFailure(failure))
        {
            counts.Failed();
            LogFailed(logger, repository.Name, failure.Message);
        }
    }

    /// <summary>Works until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            await Task.WhenAll(FoldAllAsync(cancellation), WorkAsync(cancellation)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The node stops in good order: temporary files are gone, and what was deleted has its replacement.
        }
    }

    /// <summary>Maintains now what somebody asked for, without pauses; a dry run only tells what would be done.</summary>
    /// <param name="name">One repository; null for all.</param>
    /// <param name="dryRun">Only tell.</param>
    /// <param name="cancellation">Gives up; what is done stays done.</param>
    /// <returns>An outcome for each; null when there is no such repository.</returns>
    public async Task<IReadOnlyList<MaintenanceOutcome>?> RequestAsync(RepositoryName? name, bool dryRun, CancellationToken cancellation)
    {
        IReadOnlyList<RepositoryState> states = table.All;
        if (name is { } wanted)
        {
            states = [.. states.Where(s => s.Name == wanted)];
            if (states.Count == 0)
            {
                return null;
            }
        }

        List<MaintenanceOutcome> outcomes = [];
        foreach (RepositoryState state in states)
        {
            outcomes.Add(!state.IsServable
                ? new MaintenanceOutcome(state.Name.Value, 0, 0, 0, 0, 0, 0, [], $"it is {state.Condition.ToString().ToLowerInvariant()}: {state.Reason}")
                : await runner.OutcomeAsync(Get(state.Repository), dryRun, cancellation).ConfigureAwait(false));
        }

        return outcomes;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        foreach (MaintainedRepository one in known.Values)
        {
            one.Dispose();
        }

        wake.Dispose();
        return ValueTask.CompletedTask;
    }

    private MaintainedRepository Get(Repository repository)
    {
        if (known.TryGetValue(repository.Path, out MaintainedRepository? one))
        {
            return one;
        }

        MaintainedRepository made = new(repository, new RepositoryMaintenance(repository, options.Repository, gates, readers, time));
        one = known.GetOrAdd(repository.Path, made);
        if (one != made)
        {
            made.Dispose();
        }

        return one;
    }

    private void AskForFold(MaintainedRepository one)
    {
        if (one.TryQueueFold())
        {
            folds.Writer.TryWrite(one);
        }
    }

    private async Task WaitForRoomAsync(MaintainedRepository one, CancellationToken cancellation)
    {
        // One place is the new pack's of a fold or a settling, until what it replaces is gone.
        int room = options.Repository.MaxPacks - 1;
        long since = time.GetTimestamp();
        while (one.Packs + 1 > room && !one.FoldFailed && time.GetElapsedTime(since) < RoomPatience)
        {
            Task folded = one.Folded;
            AskForFold(one);
            if (one.Packs + 1 <= room)
            {
                return;
            }

            counts.ApplyWaited();
            await Task.WhenAny(folded, Task.Delay(RoomPatience, time, cancellation)).ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private async Task FoldAllAsync(CancellationToken cancellation)
    {
        await foreach (MaintainedRepository one in folds.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
        {
            try
            {
                await FoldAsync(one, cancellation).ConfigureAwait(false);
            }
            finally
            {
                one.EndFold();
            }
        }
    }

    private async Task FoldAsync(MaintainedRepository one, CancellationToken cancellation)
    {
        long began = time.GetTimestamp();
        try
        {
            MaintenanceGain gain = await one.Engine.FoldAsync(cancellation).ConfigureAwait(false);
            one.Count();
            counts.Folded(time.GetElapsedTime(began), gain);
            one.FoldFailed = false;
        }
        catch (Exception failure) when (MaintenanceRunner.IsFailure(failure))
        {
            one.FoldFailed = true;
            counts.Failed();
            LogFailed(logger, one.Repository.Name, failure.Message);
        }

        if (one.Packs >= options.Repository.FoldAt)
        {
            // What is left is too large to be copied, or covered by the multi-pack-index.
            one.WantsSettling = true;
            Wake();
        }
    }

    private void Wake()
    {
        lock (wake)
        {
            if (wake.CurrentCount == 0)
            {
                wake.Release();
            }
        }
    }

    private async Task WorkAsync(CancellationToken cancellation)
    {
        while (true)
        {
            foreach (RepositoryState state in table.All.Where(static s => s.IsServable))
            {
                cancellation.ThrowIfCancellationRequested();
                MaintainedRepository one = Get(state.Repository);
                if (await IsDueAsync(one, state, cancellation).ConfigureAwait(false))
                {
                    await pacer.WaitQuietAsync(cancellation).ConfigureAwait(false);
                    await runner.RunAsync(one, pacer.PaceAsync, cancellation).ConfigureAwait(false);
                }

                await InspectAsync(one, state, cancellation).ConfigureAwait(false);
            }

            await WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private async Task InspectAsync(MaintainedRepository one, RepositoryState state, CancellationToken cancellation)
    {
        DateTimeOffset now = time.GetUtcNow();
        if (Inspect is null || one.Inspected.Sequence == state.Applied.Sequence || now - one.Inspected.At < options.Interval)
        {
            return;
        }

        one.Inspected = (state.Applied.Sequence, now);
        try
        {
            pacer.Begin();
            await Inspect(state, cancellation).ConfigureAwait(false);
            await pacer.PaceAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (MaintenanceRunner.IsFailure(failure))
        {
            counts.Failed();
            LogFailed(logger, state.Name, failure.Message);
        }
    }

    private async Task WaitAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task pause = Task.Delay(LookInterval, time, over.Token);
        Task woken = wake.WaitAsync(over.Token);
        await Task.WhenAny(pause, woken).ConfigureAwait(false);
        await over.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(pause, woken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Looks at a repository, unless nothing can have changed since it was looked at.</summary>
    private async Task<bool> IsDueAsync(MaintainedRepository one, RepositoryState state, CancellationToken cancellation)
    {
        DateTimeOffset now = time.GetUtcNow();
        if (one is { WantsSettling: false, Recovered: true } && one.Looked.Sequence == state.Applied.Sequence
            && now - one.Looked.At < options.Interval)
        {
            return false;
        }

        try
        {
            if (!one.Recovered)
            {
                using (await gates.EnterAsync(state.Name, cancellation).ConfigureAwait(false))
                {
                    one.Engine.Recover();
                }

                one.Recovered = true;
            }

            MaintenanceNeed need = one.Engine.Look();
            one.Looked = (state.Applied.Sequence, now);
            return one.WantsSettling || DueWork.Describe(need, options, now).Count > 0;
        }
        catch (Exception failure) when (MaintenanceRunner.IsFailure(failure))
        {
            one.Looked = (state.Applied.Sequence, now);
            counts.Failed();
            LogFailed(logger, state.Name, failure.Message);
            return false;
        }
    }

    private sealed class Entered(MaintainedRepository one) : IDisposable
    {
        private MaintainedRepository? one = one;

        public void Dispose() => Interlocked.Exchange(ref one, null)?.Working.Release();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: maintenance: {Reason}")]
    private static partial void LogFailed(ILogger logger, RepositoryName repository, string reason);
}
