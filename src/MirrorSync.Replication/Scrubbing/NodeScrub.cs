using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Storage.Scrubbing;

namespace MirrorSync.Replication.Scrubbing;

/// <summary>
/// Reads everything that a node keeps, again and again: every repository's packs, indexes, loose objects and refs, the log's
/// chain and the spool. A cycle an interval, below a rate, at the lowest priority, one unit after the other; after a restart
/// it goes on with the next unit. What is derived from sound packs is made anew at once; the rest is handed to
/// <see cref="Repair"/>.
/// </summary>
public sealed partial class NodeScrub : IAsyncDisposable
{
    // A repository of which somebody says that it fails is not read again at once for the next who says so.
    private static readonly TimeSpan SuspicionRest = TimeSpan.FromMinutes(5);

    private readonly NodeScrubOptions options;
    private readonly RepositoryTable table;
    private readonly Spool spool;
    private readonly TimeProvider time;
    private readonly ILogger<NodeScrub> logger;
    private readonly ScrubHistory history;
    private readonly ScrubCounts counts = new();
    private readonly MaintenancePacer pacer;
    private readonly ScrubRunner runner;
    private readonly Channel<RepositoryName> suspects = Channel.CreateUnbounded<RepositoryName>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Dictionary<RepositoryName, DateTimeOffset> suspected = [];
    private readonly HashSet<ScrubProgress> requests = [];

    /// <summary>Puts the parts together; nothing starts yet.</summary>
    /// <param name="options">The bounds.</param>
    /// <param name="table">Which repositories there are.</param>
    /// <param name="gates">Shared with whoever else changes packs.</param>
    /// <param name="maintenance">Rests where files are made anew; null where it is switched off.</param>
    /// <param name="spool">The log's large bodies.</param>
    /// <param name="isBehind">Whether apply has a backlog: cycles then wait.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Told of faults.</param>
    public NodeScrub(
        NodeScrubOptions options,
        RepositoryTable table,
        RepositoryGates gates,
        NodeMaintenance? maintenance,
        Spool spool,
        Func<bool> isBehind,
        TimeProvider time,
        ILogger<NodeScrub> logger)
    {
        this.options = options;
        this.table = table;
        this.spool = spool;
        this.time = time;
        this.logger = logger;
        history = new ScrubHistory(options.StateFile, time, logger);
        pacer = new MaintenancePacer(1, isBehind, options.Load, time);
        runner = new ScrubRunner(options, gates, maintenance, history, counts, time, logger);
    }

    /// <summary>
    /// Takes the faults of a repository that cannot be mended from what is here, as they are found; those of one unit at a
    /// time, one call at a time. Null as long as nobody repairs.
    /// </summary>
    public Func<RepositoryState, IReadOnlyList<ScrubFault>, CancellationToken, Task>? Repair
    {
        get => runner.Repair;
        init => runner.Repair = value;
    }

    /// <summary>How it stands.</summary>
    public ScrubTotals Totals => counts.Totals(history.CycleBegan, Age(history.Oldest));

    /// <summary>How far the checks are that somebody asked for and that are under way.</summary>
    public (long Bytes, long Whole) Progress
    {
        get
        {
            lock (requests)
            {
                return (requests.Sum(static p => p.Bytes), requests.Sum(static p => p.Whole));
            }
        }
    }

    /// <summary>How a repository stands; null before it was first seen.</summary>
    public RepositoryScrubStatus? StatusOf(RepositoryName name)
    {
        const int shown = 10;
        if (history[name] is not { } known)
        {
            return null;
        }

        IReadOnlyList<ScrubFault> faults = counts.Standing(name.Value);
        bool isWhole = known.Units.Count > 0 && known.Units.Values.Min(static u => u.At) == known.Oldest;
        return new RepositoryScrubStatus(
            isWhole ? known.Oldest : null, Age(known.Oldest)!.Value, faults.Count, [.. faults.Take(shown).Select(static f => f.ToString())]);
    }

    /// <summary>
    /// Somebody could not be served from a repository: it is checked at once, unless that was done a moment ago. Any thread;
    /// returns at once.
    /// </summary>
    public void Suspect(RepositoryName name)
    {
        DateTimeOffset now = time.GetUtcNow();
        lock (suspected)
        {
            if (suspected.TryGetValue(name, out DateTimeOffset last) && now - last < SuspicionRest)
            {
                return;
            }

            suspected[name] = now;
        }

        suspects.Writer.TryWrite(name);
    }

    /// <summary>Works until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        try
        {
            await Task.WhenAll(CheckSuspectsAsync(cancellation), CycleAsync(cancellation)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The node stops: what was scrubbed is remembered.
        }
        finally
        {
            history.Save(force: true);
        }
    }

    /// <summary>Checks now what somebody asked for, as fast as it goes; of all repositories, the log and the spool too.</summary>
    /// <param name="name">One repository; null for everything.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>An outcome for each; null when there is no such repository.</returns>
    public async Task<IReadOnlyList<CheckOutcome>?> CheckAsync(RepositoryName? name, CancellationToken cancellation)
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

        ScrubProgress progress = new();
        lock (requests)
        {
            requests.Add(progress);
        }

        try
        {
            List<CheckOutcome> outcomes = [];
            foreach (RepositoryState state in states)
            {
                outcomes.Add(await runner.CheckAsync(state, progress, cancellation).ConfigureAwait(false));
            }

            if (name is null)
            {
                outcomes.Add(await CheckLogAsync(null, cancellation).ConfigureAwait(false));
            }

            return outcomes;
        }
        finally
        {
            history.Save(force: true);
            lock (requests)
            {
                requests.Remove(progress);
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        runner.Dispose();
        return ValueTask.CompletedTask;
    }

    private double? Age(DateTimeOffset? since) => since is { } known ? Math.Max(0, Math.Round((time.GetUtcNow() - known).TotalSeconds, 3)) : null;

    private async Task CheckSuspectsAsync(CancellationToken cancellation)
    {
        await foreach (RepositoryName name in suspects.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
        {
            if (table.TryGet(name, out RepositoryState? state) && state.IsServable)
            {
                LogSuspected(logger, name);
                CheckOutcome outcome = await runner.CheckAsync(state, new ScrubProgress(), cancellation).ConfigureAwait(false);
                LogChecked(logger, name, outcome.Faults.Count, outcome.Rebuilt);
            }
        }
    }

    private async Task CycleAsync(CancellationToken cancellation)
    {
        ReadBudget budget = new(options.MaxBytesPerSecond, time);
        while (true)
        {
            DateTimeOffset now = time.GetUtcNow();
            DateTimeOffset next = history.CycleBegan + options.Interval ?? now;
            if (now >= next)
            {
                history.Begin(now, Names());
            }

            // After a restart too: what is left of the cycle, and nothing when it was over.
            await CycleOnceAsync(history.CycleBegan!.Value, budget, cancellation).ConfigureAwait(false);
            TimeSpan rest = history.CycleBegan.Value + options.Interval - time.GetUtcNow();
            if (rest > TimeSpan.Zero)
            {
                await Task.Delay(rest, time, cancellation).ConfigureAwait(false);
            }
        }
    }

    private async Task CycleOnceAsync(DateTimeOffset began, ReadBudget budget, CancellationToken cancellation)
    {
        history.Keep(Names());
        bool worked = false;

        // Those that were longest not read come first.
        foreach (RepositoryState state in table.All.Where(static s => s.IsServable)
            .OrderBy(s => history[s.Name]?.Oldest ?? DateTimeOffset.MinValue).ToArray())
        {
            worked |= await runner.CycleAsync(state, began, budget, pacer.WaitQuietAsync, cancellation).ConfigureAwait(false);
        }

        if (!(history.LogAt >= began))
        {
            await pacer.WaitQuietAsync(cancellation).ConfigureAwait(false);
            await CheckLogAsync(budget, cancellation).ConfigureAwait(false);
            worked = true;
        }

        history.Save(force: true);
        if (worked)
        {
            counts.EndCycle();
            TimeSpan took = time.GetUtcNow() - began;
            LogCycle(logger, took);
        }
    }

    private IReadOnlyCollection<RepositoryName> Names() => [.. table.All.Where(static s => s.IsServable).Select(static s => s.Name)];

    private async Task<CheckOutcome> CheckLogAsync(ReadBudget? budget, CancellationToken cancellation)
    {
        DateTimeOffset at = time.GetUtcNow();
        long began = time.GetTimestamp();
        LogVerification verification = new(options.LogFolder, spool);
        List<string> found = [];
        try
        {
            await verification.RunAsync(
                async (bytes, token) =>
                {
                    counts.Read(bytes);
                    if (budget is not null)
                    {
                        await budget.TakeAsync(bytes, token).ConfigureAwait(false);
                    }
                },
                cancellation).ConfigureAwait(false);
            found.AddRange(verification.Damage);
            found.AddRange(options.KeepsAllBodies ? verification.Missing : []);
        }
        catch (LogTruncatedException)
        {
            // Retention was quicker: the next cycle begins where the log begins then.
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            found.Add(failure.Message);
        }

        foreach (string one in found)
        {
            LogDamaged(logger, one);
        }

        counts.FoundInLog(found);
        history.ReadLog(at);
        return new CheckOutcome(
            string.Empty,
            verification.ReadBytes,
            Math.Round(time.GetElapsedTime(began).TotalSeconds, 3),
            0,
            [.. found.Select(f => new FoundFault(ScrubCounts.LogKind, options.LogFolder, 0, f, 0, []))],
            null);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The log or its spool is damaged: {Reason}")]
    private static partial void LogDamaged(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: a client could not be served; it is checked now")]
    private static partial void LogSuspected(ILogger logger, RepositoryName repository);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: checked: {Faults} faults, {Rebuilt} derived files made anew")]
    private static partial void LogChecked(ILogger logger, RepositoryName repository, int faults, int rebuilt);

    [LoggerMessage(Level = LogLevel.Information, Message = "Everything was scrubbed; the cycle took {Time}")]
    private static partial void LogCycle(ILogger logger, TimeSpan time);
}
