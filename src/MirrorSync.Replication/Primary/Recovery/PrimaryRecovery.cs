using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Recovery;

/// <summary>What a primary does before it captures anything: reads what the log says, and makes its repositories be so where they are not.</summary>
internal sealed partial class PrimaryRecovery(PrimaryOptions options, ReplicationLog log, Spool spool, CheckpointStore store, ILogger logger)
{
    private readonly RollForward rollForward = new(options, spool, logger);
    private readonly RecoveredBoot recovered = new(Path.Combine(Path.GetDirectoryName(options.CheckpointFile)!, "boot"));
    private readonly ConcurrentDictionary<RepositoryName, ReplayedRepository> due = [];
    private ReplayStart? start;
    private volatile bool isBegun;

    /// <summary>True while a repository is to be rolled forward: it may not be captured, and no checkpoint written.</summary>
    public bool IsDue => !isBegun || !due.IsEmpty;

    /// <summary>
    /// Reads the log from the last checkpoint. If it is known that the machine went down since, or that the disk failed, a
    /// roll-forward of all is due from then on; else of those for which it was left undone.
    /// </summary>
    public async Task<ReplayedLog> ReadAsync(CancellationToken cancellation)
    {
        start = ReadCheckpoint();
        ReplayedLog replayed = await LogReplay.ReadAsync(log, spool, options.Root, start, logger, cancellation).ConfigureAwait(false);
        (string? boot, IReadOnlySet<string> left) = recovered.Read();
        boot ??= start?.Checkpoint.Boot;
        bool all = store.HasFailed || (!string.IsNullOrEmpty(boot) && !BootId.IsSame(boot, options.BootId));
        foreach (ReplayedRepository one in replayed.Repositories.Where(r => all || left.Contains(r.State.Name.Value)))
        {
            due[one.State.Name] = one;
        }

        return replayed;
    }

    /// <summary>
    /// Rolls forward what is due, once. Only while the root is sound, and before anything is captured. What fails stays due.
    /// </summary>
    public async Task RollForwardAsync(CancellationToken cancellation)
    {
        if (isBegun)
        {
            return;
        }

        if (!due.IsEmpty)
        {
            LogRollForward(logger, start?.Checkpoint.ReplayAfter ?? log.Base.Sequence, log.Appended.Sequence);
            IReadOnlyDictionary<RepositoryName, string> failed = await rollForward.RunAsync([.. due.Values], Packs, cancellation).ConfigureAwait(false);
            foreach (RepositoryName name in due.Keys.Where(n => !failed.ContainsKey(n)))
            {
                due.TryRemove(name, out _);
            }
        }

        Remember([]);
        store.Recovered();
        isBegun = true;
    }

    /// <summary>Before a repository is captured: what failed with it is tried again, unless an operator accepts it as it is.</summary>
    /// <exception cref="IOException">It fails still.</exception>
    public async Task CompleteAsync(RepositoryName name, bool isAccepted, CancellationToken cancellation)
    {
        if (!due.TryGetValue(name, out ReplayedRepository? one))
        {
            return;
        }

        if (!isAccepted && (await rollForward.RunAsync([one], Packs, cancellation).ConfigureAwait(false)).TryGetValue(name, out string? reason))
        {
            throw new IOException($"it could not be rolled forward from the log: {reason}; where it is to be taken as it is, mirrorsync accept {name}");
        }

        due.TryRemove(name, out _);
        Remember([]);
    }

    /// <summary>A repository is about to be renamed: until the log has the new name, the next start may meet either.</summary>
    public void Renaming(RepositoryName name, RepositoryName newName)
    {
        if (due.ContainsKey(name))
        {
            Remember([newName]);
        }
    }

    /// <summary>A repository has left its name: what is due with it follows.</summary>
    /// <param name="name">The name.</param>
    /// <param name="moved">Where it is now; null when it is removed.</param>
    public void Left(RepositoryName name, Repository? moved)
    {
        if (due.TryRemove(name, out ReplayedRepository? one))
        {
            if (moved is not null)
            {
                due[moved.Name] = one with { State = one.State with { Repository = moved } };
            }

            Remember([]);
        }
    }

    private IReadOnlyDictionary<string, string[]> Packs =>
        (start?.Checkpoint.Repositories ?? []).ToDictionary(static e => e.Name, static e => e.Packs ?? []);

    private void Remember(IReadOnlyList<RepositoryName> besides)
    {
        try
        {
            recovered.Write(options.BootId, [.. due.Keys.Concat(besides).Select(static n => n.Value)]);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogNotRemembered(logger, failure.Message);
        }
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "what is rolled forward could not be kept in mind, so the next start does it again: {Reason}")]
    private static partial void LogNotRemembered(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the checkpoint cannot be used, so all of the log is read: {Reason}")]
    private static partial void LogNoStart(ILogger logger, string reason);
}
