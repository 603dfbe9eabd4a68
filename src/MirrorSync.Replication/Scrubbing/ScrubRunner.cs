using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Storage.Repositories;
using MirrorSync.Storage.Scrubbing;

namespace MirrorSync.Replication.Scrubbing;

/// <summary>Scrubs one repository: unit by unit, makes anew what can be, counts, remembers and hands on what is left.</summary>
/// <param name="options">The bounds.</param>
/// <param name="gates">Shared with whoever else changes packs.</param>
/// <param name="maintenance">Rests where files are made anew; null where it is switched off.</param>
/// <param name="history">Remembers each unit.</param>
/// <param name="counts">Counts.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of faults.</param>
internal sealed partial class ScrubRunner(
    NodeScrubOptions options,
    RepositoryGates gates,
    NodeMaintenance? maintenance,
    ScrubHistory history,
    ScrubCounts counts,
    TimeProvider time,
    ILogger logger) : IDisposable
{
    private const int ShownObjects = 1000;
    private const int LoggedFaults = 20;

    // One at a time: whoever repairs is not called for the same fault by two.
    private readonly SemaphoreSlim handling = new(1, 1);

    /// <summary>Takes what cannot be mended here; null when nobody does.</summary>
    public Func<RepositoryState, IReadOnlyList<ScrubFault>, CancellationToken, Task>? Repair { get; set; }

    /// <summary>Scrubs what was not scrubbed since a cycle began; false when nothing was left.</summary>
    /// <param name="state">The repository.</param>
    /// <param name="began">When the cycle began.</param>
    /// <param name="budget">The cycle's rate.</param>
    /// <param name="quiet">Returns when nobody else wants the machine.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<bool> CycleAsync(
        RepositoryState state, DateTimeOffset began, ReadBudget budget, Func<CancellationToken, ValueTask> quiet, CancellationToken cancellation)
    {
        bool worked = false;
        try
        {
            RepositoryScrub scrub = Open(state, threads: 1);
            IReadOnlyList<ScrubUnit> units = List(state, scrub);
            foreach (ScrubUnit unit in units)
            {
                if (history[state.Name]?.Units.GetValueOrDefault(unit.Name) is { } last && last.IsOf(unit) && last.At >= began)
                {
                    continue;
                }

                await quiet(cancellation).ConfigureAwait(false);
                ScrubProgress progress = new();
                await ScrubAsync(state, scrub, units, unit, budget, progress, cancellation).ConfigureAwait(false);
                worked = true;
            }
        }
        catch (Exception failure) when (MaintenanceRunner.IsFailure(failure))
        {
            // It may just have been exchanged or removed. If not, it is as old as it says in the status.
            LogFailed(logger, state.Name, failure.Message);
        }

        return worked;
    }

    /// <summary>Scrubs all of a repository now.</summary>
    public async Task<CheckOutcome> CheckAsync(RepositoryState state, ScrubProgress progress, CancellationToken cancellation)
    {
        long before = progress.Bytes;
        long began = time.GetTimestamp();
        List<ScrubFault> faults = [];
        int rebuilt = 0;
        string? error = state.IsServable ? null : $"it is {state.Condition.ToString().ToLowerInvariant()}: {state.Reason}";
        try
        {
            if (error is null)
            {
                RepositoryScrub scrub = Open(state, Environment.ProcessorCount);
                IReadOnlyList<ScrubUnit> units = List(state, scrub);
                progress.Expect(units.Sum(static u => u.Bytes));
                foreach (ScrubUnit unit in units)
                {
                    (IReadOnlyList<ScrubFault> left, int made) =
                        await ScrubAsync(state, scrub, units, unit, null, progress, cancellation).ConfigureAwait(false);
                    faults.AddRange(left);
                    rebuilt += made;
                }
            }
        }
        catch (Exception failure) when (MaintenanceRunner.IsFailure(failure))
        {
            error = failure.Message;
            LogFailed(logger, state.Name, failure.Message);
        }

        return new CheckOutcome(
            state.Name.Value,
            progress.Bytes - before,
            Math.Round(time.GetElapsedTime(began).TotalSeconds, 3),
            rebuilt,
            [.. faults.Select(f => Show(f, state))],
            error);
    }

    /// <inheritdoc/>
    public void Dispose() => handling.Dispose();

    private static FoundFault Show(ScrubFault fault, RepositoryState state) => new(
        fault.Kind.Name(),
        fault.File,
        fault.Offset,
        fault.Reason,
        fault.ObjectsKnown ? fault.Objects.Count : null,
        [.. fault.Objects.Take(ShownObjects).Select(o => o.ToHex(state.Repository.Format))]);

    private RepositoryScrub Open(RepositoryState state, int threads) => new(
        state.Repository,
        new ScrubOptions { Threads = threads, ScratchFolder = options.ScratchFolder, Settling = options.Settling },
        time);

    private IReadOnlyList<ScrubUnit> List(RepositoryState state, RepositoryScrub scrub)
    {
        IReadOnlyList<ScrubUnit> units = scrub.List();
        history.Note(state.Name, units, null);
        counts.Keep(state.Name.Value, [.. units.Select(static u => u.Name)]);
        return units;
    }

    /// <summary>Scrubs one unit; what is left to repair, and how much was made anew.</summary>
    private async Task<(IReadOnlyList<ScrubFault> Left, int Rebuilt)> ScrubAsync(
        RepositoryState state, RepositoryScrub scrub, IReadOnlyList<ScrubUnit> units, ScrubUnit unit, ReadBudget? budget,
        ScrubProgress progress, CancellationToken cancellation)
    {
        long before = progress.Bytes;
        IReadOnlyDictionary<string, ScrubRecord> known = history[state.Name]?.Units ?? new Dictionary<string, ScrubRecord>();
        ScrubResult result = await scrub.ScrubAsync(unit, known, budget, progress, cancellation).ConfigureAwait(false);
        if (result.Faults.Count > 0 && unit.Kind != ScrubUnitKind.Pack)
        {
            // Refs and indexes are exchanged under it, several files at a time: what is wrong twice is wrong.
            result = await scrub.ScrubAsync(unit, known, budget, progress, cancellation).ConfigureAwait(false);
        }

        int rebuilt = 0;
        if (result.Faults.Count > 0)
        {
            await handling.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                (result, rebuilt) = await HandleAsync(state, scrub, unit, result, known, progress, cancellation).ConfigureAwait(false);
            }
            finally
            {
                handling.Release();
            }
        }
        else
        {
            counts.Found(state.Name.Value, unit.Name, [], count: false);
        }

        counts.Read(progress.Bytes - before);
        history.Note(state.Name, units, result);
        return (result.Faults, rebuilt);
    }

    private async Task<(ScrubResult Result, int Rebuilt)> HandleAsync(
        RepositoryState state, RepositoryScrub scrub, ScrubUnit unit, ScrubResult found, IReadOnlyDictionary<string, ScrubRecord> known,
        ScrubProgress progress, CancellationToken cancellation)
    {
        foreach (ScrubFault fault in found.Faults.Take(LoggedFaults))
        {
            LogFault(logger, state.Name, fault.ToString());
        }

        counts.Found(state.Name.Value, unit.Name, found.Faults, count: true);
        ScrubResult left = found;
        int rebuilt = 0;
        if (found.Faults.Any(static f => f.Kind.IsDerived()))
        {
            await RebuildAsync(state, found.Faults, known, cancellation).ConfigureAwait(false);
            left = await scrub.ScrubAsync(unit, known, null, progress, cancellation).ConfigureAwait(false);
            rebuilt = Math.Max(0, Derived(found) - Derived(left));
            counts.Rebuilt(rebuilt);
            counts.Found(state.Name.Value, unit.Name, left.Faults, count: false);
            LogRebuilt(logger, state.Name, rebuilt);
        }

        // What was told by a multi-pack-index that is another by now, that its pack is gone say, is no less lost.
        ScrubFault[] lost =
        [
            .. left.Faults.Where(static f => !f.Kind.IsDerived()),
            .. left == found ? [] : found.Faults.Where(f => f.Kind == ScrubFaultKind.PackMissing && left.Faults.All(o => o.File != f.File)),
        ];
        if (lost.Length > 0 && Repair is { } repair)
        {
            await repair(state, lost, cancellation).ConfigureAwait(false);
        }

        return (left, rebuilt);
    }

    private static int Derived(ScrubResult result) => result.Faults.Count(static f => f.Kind.IsDerived());

    private async Task RebuildAsync(
        RepositoryState state, IReadOnlyList<ScrubFault> faults, IReadOnlyDictionary<string, ScrubRecord> known, CancellationToken cancellation)
    {
        try
        {
            using IDisposable? alone = maintenance is null
                ? null : await maintenance.EnterBackgroundAsync(state.Repository, cancellation).ConfigureAwait(false);
            await new LocalRebuild(state.Repository, gates).RebuildAsync(
                faults, [.. known.Values.SelectMany(static r => r.Beside)], cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (MaintenanceRunner.IsFailure(failure))
        {
            LogFailed(logger, state.Name, failure.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Repository}: {Fault}")]
    private static partial void LogFault(ILogger logger, RepositoryName repository, string fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: {Files} derived files were made anew from its packs")]
    private static partial void LogRebuilt(ILogger logger, RepositoryName repository, int files);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: scrub: {Reason}")]
    private static partial void LogFailed(ILogger logger, RepositoryName repository, string reason);
}
