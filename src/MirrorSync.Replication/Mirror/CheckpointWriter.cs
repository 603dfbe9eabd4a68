using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Status;

namespace MirrorSync.Replication.Mirror;

/// <summary>Writes checkpoints: every so often when something was applied, and at once when someone must be sure of it.</summary>
/// <param name="store">Where.</param>
/// <param name="collect">What it is to say; null when there is nothing to say yet.</param>
/// <param name="problems">Told while it cannot be written.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of checkpoints that cannot be written.</param>
internal sealed partial class CheckpointWriter(
    CheckpointStore store,
    Func<Checkpoint?> collect,
    NodeProblems problems,
    TimeProvider time,
    ILogger logger) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private const string Subject = "checkpoint";

    private readonly SemaphoreSlim writing = new(1, 1);
    private long wanted;
    private long written;
    private ulong replayAfter;

    /// <summary>The last checkpoint says that records up to this sequence are not needed at a restart; 0 before there is one.</summary>
    public ulong ReplayAfter => Volatile.Read(ref replayAfter);

    /// <summary>Writes when something changed, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(Interval, time);
        ulong last = 0;
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            ulong now = (collect()?.Repositories ?? []).Aggregate(0UL, static (sum, e) => sum + e.Sequence);
            if (now != last && await WriteAsync(cancellation).ConfigureAwait(false))
            {
                last = now;
            }
        }
    }

    /// <summary>Writes what is so at the time of the call, or later; callers that come while one is written share the next.</summary>
    /// <returns>False when there is none that says it.</returns>
    public async Task<bool> WriteAsync(CancellationToken cancellation)
    {
        long mine = Interlocked.Increment(ref wanted);
        await writing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (written < mine)
            {
                long shared = Interlocked.Read(ref wanted);
                if (!Write())
                {
                    return false;
                }

                written = shared;
                problems.Clear(Subject);
            }

            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The older one still holds: more is replayed or fetched after a crash, nothing is lost.
            LogNoCheckpoint(logger, failure.Message);
            problems.Set(Subject, $"the checkpoint could not be written: {failure.Message}");
            return false;
        }
        finally
        {
            writing.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => writing.Dispose();

    private bool Write()
    {
        if (collect() is not { } known)
        {
            return false;
        }

        store.Write(known, static _ => null);
        Volatile.Write(ref replayAfter, known.ReplayAfter);
        return true;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the checkpoint could not be written: {Reason}")]
    private static partial void LogNoCheckpoint(ILogger logger, string reason);
}
