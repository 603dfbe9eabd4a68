using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Status;
using MirrorSync.Storage.Log;

namespace MirrorSync.Replication;

/// <summary>Takes a node's log up again after a failed write, and gives up what nobody needs of it.</summary>
/// <param name="log">The log.</param>
/// <param name="retention">Gives up old records.</param>
/// <param name="problems">Told of what fails.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of what was given up.</param>
internal sealed partial class LogUpkeep(
    ReplicationLog log, LogRetention retention, NodeProblems problems, TimeProvider time, ILogger logger)
{
    private const string Log = "log";
    private const string Retention = "retention";

    // A full disk lets the log be taken up and refuses the next record: that is one fault, not many.
    private static readonly TimeSpan WellAfter = TimeSpan.FromSeconds(5);

    private long reopenedAt = long.MinValue;

    /// <summary>Why the log takes nothing; null while it does. What is wrong with it is told.</summary>
    public string? Problem
    {
        get
        {
            if (log.Problem is not { } problem)
            {
                return null;
            }

            problems.Set(Log, problem);
            return problem;
        }
    }

    /// <summary>Takes the log up again where it ended in a failed write. To be called every now and then.</summary>
    /// <returns>True when it was taken up just now: what it did not take is to be appended anew.</returns>
    public async Task<bool> TryReopenAsync(CancellationToken cancellation)
    {
        if (Problem is null)
        {
            if (reopenedAt != long.MinValue && time.GetElapsedTime(reopenedAt) >= WellAfter)
            {
                reopenedAt = long.MinValue;
                problems.Clear(Log);
            }

            return false;
        }

        try
        {
            await log.ReopenAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            problems.Set(Log, $"the replication log cannot be taken up again: {failure.Message}");
            return false;
        }

        reopenedAt = time.GetTimestamp();
        return true;
    }

    /// <summary>Gives up old records every so often, until cancelled.</summary>
    /// <param name="every">How often.</param>
    /// <param name="upTo">Nothing above this sequence: what a restart needs.</param>
    /// <param name="wantedAbove">Above this sequence only what is too much: what others want.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task RetainAsync(TimeSpan every, Func<ulong> upTo, Func<ulong> wantedAbove, CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(every, time);
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            try
            {
                ulong given = await retention.ApplyAsync(upTo(), wantedAbove(), cancellation).ConfigureAwait(false);
                if (given > 0)
                {
                    LogTruncated(logger, given, log.Base.Sequence);
                }

                problems.Clear(Retention);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
            {
                // It costs room, nothing else: another try follows.
                problems.Set(Retention, $"old records of the log could not be given up: {failure.Message}");
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "gave up {Records} old records of the log, which begins after {Sequence} now")]
    private static partial void LogTruncated(ILogger logger, ulong records, ulong sequence);
}
