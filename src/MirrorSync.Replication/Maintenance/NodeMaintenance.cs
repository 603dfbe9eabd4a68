using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Store;
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

    // A primary's loose objects, as git's own gc.auto has it.
    private const int ManyLoose = 6700;
    private const int IntervalsWithAnyChange = 24;

    private readonly NodeMaintenanceOptions options;
    private readonly RepositoryTable table;
    private readonly RepositoryGates gates;
    private readonly ReaderRegistry readers;
    private readonly TimeProvider time;
    private readonly ILogger<NodeMaintenance> logger;
    private readonly MaintenanceHistory history;
    private readonly MaintenancePacer pacer;
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
        catch (Exception failure) when (IsFailure(failure))
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
                : await OutcomeAsync(Get(state.Repository), dryRun, cancellation).ConfigureAwait(false));
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

    private static bool IsFailure(Exception failure) => failure is IOException or UnauthorizedAccessException
        or InvalidDataException or InvalidPackException or DamagedObjectException or ObjectTooLargeException;

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
        catch (Exception failure) when (IsFailure(failure))
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
                    await RunOneAsync(one, pacer.PaceAsync, cancellation).ConfigureAwait(false);
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
        catch (Exception failure) when (IsFailure(failure))
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
            return one.WantsSettling || Describe(need, now).Count > 0;
        }
        catch (Exception failure) when (IsFailure(failure))
        {
            one.Looked = (state.Applied.Sequence, now);
            counts.Failed();
            LogFailed(logger, state.Name, failure.Message);
            return false;
        }
    }

    /// <summary>Why background work is due, a sentence each; empty when it is not.</summary>
    private List<string> Describe(MaintenanceNeed need, DateTimeOffset now)
    {
        List<string> reasons = [];
        TimeSpan age = need.IndexedAt is { } at ? now - at : TimeSpan.MaxValue;
        if (need.Objects > 0 && need.IndexedAt is null)
        {
            reasons.Add("it has no multi-pack-index");
        }
        else if (need.FreshObjects * 10 >= need.Objects && need.FreshObjects > 0 && age >= options.Interval)
        {
            reasons.Add($"{need.FreshObjects} of {need.Objects} objects came since it was settled");
        }
        else if (need.FreshObjects > 0 && age >= IntervalsWithAnyChange * options.Interval)
        {
            reasons.Add($"{need.FreshObjects} objects came, and it was settled {age.TotalHours:0} h ago");
        }

        if (need.PruneDue)
        {
            reasons.Add("a Baseline replaced its object set: what that no longer holds is set aside");
        }

        if (need.DroppedDue > 0)
        {
            reasons.Add($"objects that were set aside for {options.Repository.PruneGrace.TotalDays:0.#} days go");
        }

        if (need.SettlePacks > 1 && need.Packs > options.Repository.FoldAt)
        {
            reasons.Add($"{need.SettlePacks} of {need.Packs} packs are to be one");
        }

        if (options.Repository.IsPushedTo && need.LooseObjects >= ManyLoose)
        {
            reasons.Add($"it has about {need.LooseObjects} loose objects");
        }

        return reasons;
    }

    /// <summary>One background run; a failure is told of, and other repositories go on.</summary>
    private async Task<MaintenanceRun> RunOneAsync(MaintainedRepository one, MaintenancePace pace, CancellationToken cancellation)
    {
        await one.Working.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            long began = time.GetTimestamp();
            RepositoryTally before = default;
            RepositoryTally after = default;
            MaintenanceGain gain = MaintenanceGain.None;
            string? error = null;
            try
            {
                pacer.Begin();
                before = RepositoryTally.Of(one.Repository);
                gain = await one.Engine.FoldAsync(cancellation).ConfigureAwait(false);
                error = await PruneAsync(one, pace, cancellation).ConfigureAwait(false);
                MaintenanceGain settled = await one.Engine.SettleAsync(pace, cancellation).ConfigureAwait(false);
                gain = new MaintenanceGain(gain.Packs + settled.Packs, gain.Bytes + settled.Bytes);
                one.Count();
                after = RepositoryTally.Of(one.Repository);
            }
            catch (Exception failure) when (IsFailure(failure))
            {
                error = failure.Message;
                LogFailed(logger, one.Repository.Name, failure.Message);
            }

            one.WantsSettling = false;
            MaintenanceRun run = new(
                time.GetUtcNow(), Math.Round(time.GetElapsedTime(began).TotalSeconds, 3), before.Packs, after.Packs, before.Bytes, after.Bytes, error);
            counts.Ran(time.GetElapsedTime(began), gain, error is not null);
            history.Add(one.Repository.Name, run);
            if (after.Packs > 0)
            {
                LogRan(logger, one.Repository.Name, before.Packs, after.Packs, before.Bytes, after.Bytes, run.Seconds);
            }

            return run;
        }
        finally
        {
            one.Working.Release();
        }
    }

    /// <summary>Prunes where that is due; returns why it could not, for that must not keep it from all else.</summary>
    private async Task<string?> PruneAsync(MaintainedRepository one, MaintenancePace pace, CancellationToken cancellation)
    {
        try
        {
            if (one.Engine.Look() is { PruneDue: true } or { DroppedDue: > 0 })
            {
                Repository[] siblings = [.. table.All.Select(static s => s.Repository)];
                counts.Pruned(await one.Engine.PruneAsync(siblings, pace, cancellation).ConfigureAwait(false));
            }

            return null;
        }
        catch (Exception failure) when (IsFailure(failure))
        {
            LogFailed(logger, one.Repository.Name, failure.Message);
            return $"nothing is pruned: {failure.Message}";
        }
    }

    private async Task<MaintenanceOutcome> OutcomeAsync(MaintainedRepository one, bool dryRun, CancellationToken cancellation)
    {
        string name = one.Repository.Name.Value;
        try
        {
            RepositoryTally before = RepositoryTally.Of(one.Repository);
            MaintenanceNeed need = one.Engine.Look();
            List<string> notes = Describe(need, time.GetUtcNow());
            if (need.FoldPacks > 0)
            {
                notes.Add($"{need.FoldPacks} small packs make one");
            }

            if (dryRun)
            {
                if (notes.Count == 0)
                {
                    notes.Add("nothing is due; indexes would be written anew");
                }

                return new MaintenanceOutcome(
                    name, before.Packs, before.Packs, before.LooseObjects, before.LooseObjects, before.Bytes, before.Bytes, notes, null);
            }

            MaintenanceRun run = await RunOneAsync(one, static _ => ValueTask.CompletedTask, cancellation).ConfigureAwait(false);
            RepositoryTally after = RepositoryTally.Of(one.Repository);
            return new MaintenanceOutcome(
                name, before.Packs, after.Packs, before.LooseObjects, after.LooseObjects, before.Bytes, after.Bytes, notes, run.Error);
        }
        catch (Exception failure) when (IsFailure(failure))
        {
            return new MaintenanceOutcome(name, 0, 0, 0, 0, 0, 0, [], failure.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: maintenance: {Reason}")]
    private static partial void LogFailed(ILogger logger, RepositoryName repository, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: maintained: {PacksBefore} packs are {PacksAfter}, {BytesBefore} bytes are {BytesAfter}, in {Seconds} s")]
    private static partial void LogRan(
        ILogger logger, RepositoryName repository, int packsBefore, int packsAfter, long bytesBefore, long bytesAfter, double seconds);
}
