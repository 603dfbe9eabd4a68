using Microsoft.Extensions.Logging;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Status;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>Writes checkpoints: every so often when something was applied, and at once when someone must be sure of it.</summary>
/// <param name="options">Where.</param>
/// <param name="states">The states that go with it.</param>
/// <param name="collect">What it is to say; null when there is nothing to say yet.</param>
/// <param name="problems">Told while it cannot be written.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of checkpoints that cannot be written.</param>
internal sealed partial class CheckpointWriter(
    MirrorOptions options,
    StateFolder states,
    Func<Checkpoint?> collect,
    NodeProblems problems,
    TimeProvider time,
    ILogger logger) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private const string Subject = "checkpoint";

    private readonly SemaphoreSlim writing = new(1, 1);
    private readonly PackNames packs = new();
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
            if (now != last)
            {
                await WriteAsync(cancellation).ConfigureAwait(false);
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

    /// <summary>
    /// First what is to be said, then the syncs that make it true, then the word itself. A sync that failed is not tried
    /// again: nobody knows what of all that was written before it is on the disk, so the next start takes it for lost.
    /// </summary>
    private bool Write()
    {
        if (IsUnsynced(options))
        {
            throw new IOException("the disk failed to take what was written before; at the next start that is written anew");
        }

        if (collect() is not { } known)
        {
            return false;
        }

        CheckpointEntry[] entries = [.. known.Repositories.Select(e => e.State is { } state ? e with { Packs = packs.Of(state.Repository) } : e)];
        foreach (RepositoryState state in entries.Select(static e => e.State).OfType<RepositoryState>())
        {
            if (!states.Holds(state.Name, state.Applied.Sequence))
            {
                IReadOnlyList<RefUpdate> updates = RefSnapshot.Empty(state.Refs.Format).UpdatesTo(state.Refs);
                states.Write(new StoredState(state.Name, state.Repository.Format, state.Applied, new LogRecordBody { Updates = updates }));
            }
        }

        try
        {
            Folders.SyncFileSystem(Path.GetDirectoryName(options.CheckpointFile)!);
            Folders.SyncFileSystem(options.Root);
        }
        catch (IOException)
        {
            Durable.ReplaceFile(UnsyncedFile(options), []);
            throw;
        }

        (known with { Repositories = entries, Boot = options.BootId }).Write(options.CheckpointFile);
        Volatile.Write(ref replayAfter, known.ReplayAfter);
        states.Retain(entries.Where(static e => e.Sequence > 0).Select(static e => (Handshake.Name(e.Name), e.Sequence)));
        return true;
    }

    /// <summary>True when a sync failed since the last recovery.</summary>
    public static bool IsUnsynced(MirrorOptions options) => File.Exists(UnsyncedFile(options));

    /// <summary>What a failed sync left is written anew.</summary>
    public static void Recovered(MirrorOptions options) => File.Delete(UnsyncedFile(options));

    private static string UnsyncedFile(MirrorOptions options) => options.CheckpointFile + ".unsynced";

    [LoggerMessage(Level = LogLevel.Warning, Message = "the checkpoint could not be written: {Reason}")]
    private static partial void LogNoCheckpoint(ILogger logger, string reason);
}
