using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Log;

namespace MirrorSync.Replication.Primary.Recovery;

/// <summary>What a primary does before it captures anything: reads what the log says, and makes its repositories be so where they are not.</summary>
internal sealed partial class PrimaryRecovery(PrimaryOptions options, ReplicationLog log, Spool spool, CheckpointStore store, ILogger logger)
{
    private volatile Tuple<ReplayStart?, ReplayedLog>? due;

    /// <summary>True while the repositories are to be rolled forward: nothing may be captured, and no checkpoint written.</summary>
    public bool IsDue => due is not null;

    /// <summary>Reads the log from the last checkpoint. If the machine went down since, a roll-forward is due from then on.</summary>
    public async Task<ReplayedLog> ReadAsync(CancellationToken cancellation)
    {
        ReplayStart? start = ReadCheckpoint();
        ReplayedLog replayed = await LogReplay.ReadAsync(log, spool, options.Root, start, logger, cancellation).ConfigureAwait(false);
        bool doubtful = log.Appended != LogPosition.Origin && (start is null || store.IsDoubtful(start.Checkpoint));
        due = doubtful ? Tuple.Create(start, replayed) : null;
        return replayed;
    }

    /// <summary>Rolls the repositories forward where that is due. Only while the root is sound, and before anything is captured.</summary>
    public async Task RollForwardAsync(CancellationToken cancellation)
    {
        if (due is not var (start, replayed))
        {
            return;
        }

        LogRollForward(logger, start?.Checkpoint.ReplayAfter ?? log.Base.Sequence, log.Appended.Sequence);
        Dictionary<string, string[]> packs = (start?.Checkpoint.Repositories ?? []).ToDictionary(static e => e.Name, static e => e.Packs ?? []);
        await new RollForward(options, spool, logger).RunAsync(replayed.Repositories, packs, cancellation).ConfigureAwait(false);
        store.Recovered();
        due = null;
    }

    /// <summary>What a start begins with; null where there is nothing to be had, so that the whole log is read.</summary>
    private ReplayStart? ReadCheckpoint()
    {
        try
        {
            if (store.Read() is not { } checkpoint || checkpoint.ReplayAfter > log.Committed.Sequence)
            {
                return null;
            }

            return new ReplayStart(checkpoint, [.. checkpoint.Repositories.Select(e => store.ReadState(e)
                ?? throw new InvalidDataException($"the state of {e.Name} at {e.Sequence} is missing"))]);
        }
        catch (InvalidDataException damage)
        {
            LogNoStart(logger, damage.Message);
            return null;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the machine started again since the last checkpoint: the repositories are rolled forward by records {After} to {End}")]
    private static partial void LogRollForward(ILogger logger, ulong after, ulong end);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the checkpoint cannot be used, so all of the log is read: {Reason}")]
    private static partial void LogNoStart(ILogger logger, string reason);
}
