using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Maintenance;

/// <summary>Does the background work of one repository: fold, prune, settle; counts and remembers it.</summary>
/// <param name="options">The bounds.</param>
/// <param name="table">Which repositories there are: some may borrow from others.</param>
/// <param name="history">Remembers each run.</param>
/// <param name="counts">Counts them.</param>
/// <param name="pacer">Told when work begins.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of runs and failures.</param>
internal sealed partial class MaintenanceRunner(
    NodeMaintenanceOptions options,
    RepositoryTable table,
    MaintenanceHistory history,
    MaintenanceCounts counts,
    MaintenancePacer pacer,
    TimeProvider time,
    ILogger logger)
{
    /// <summary>True for what can go wrong with one repository and says nothing against the others.</summary>
    public static bool IsFailure(Exception failure) => failure is IOException or UnauthorizedAccessException
        or InvalidDataException or InvalidPackException or DamagedObjectException or ObjectTooLargeException;

    /// <summary>One background run; a failure is told of, and other repositories go on.</summary>
    public async Task<MaintenanceRun> RunAsync(MaintainedRepository one, MaintenancePace pace, CancellationToken cancellation)
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

    /// <summary>Does at once what somebody asked for, without pauses, or only tells what would be done.</summary>
    public async Task<MaintenanceOutcome> OutcomeAsync(MaintainedRepository one, bool dryRun, CancellationToken cancellation)
    {
        string name = one.Repository.Name.Value;
        try
        {
            RepositoryTally before = RepositoryTally.Of(one.Repository);
            MaintenanceNeed need = one.Engine.Look();
            List<string> notes = DueWork.Describe(need, options, time.GetUtcNow());
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

            MaintenanceRun run = await RunAsync(one, static _ => ValueTask.CompletedTask, cancellation).ConfigureAwait(false);
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
