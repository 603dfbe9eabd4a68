using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Mirror;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Repair;

/// <summary>
/// Looks every now and then whether each repository of a mirror is there, and whether HEAD and refs on the disk are those
/// that it shows. Refs are read only where a file or folder of theirs has changed since they were last found right.
/// </summary>
/// <param name="repositories">All that are shown.</param>
/// <param name="refs">Compares refs.</param>
/// <param name="rootProblem">What is wrong with the folder of all repositories; null when nothing is.</param>
/// <param name="interval">How often.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told what cannot be read.</param>
internal sealed partial class RepairPatrol(
    Func<IReadOnlyCollection<FollowedRepository>> repositories, RefsRepair refs, Func<string?> rootProblem, TimeSpan interval, TimeProvider time, ILogger logger)
{
    private readonly Dictionary<string, RefStamps> right = new(StringComparer.Ordinal);

    /// <summary>Works until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(interval, time);
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            if (rootProblem() is { } problem)
            {
                // Everything looks gone then.
                LogNoRoot(logger, problem);
                continue;
            }

            IReadOnlyCollection<FollowedRepository> all = repositories();
            HashSet<string> paths = [.. all.Select(static r => r.State.Repository.Path)];
            foreach (string gone in right.Keys.Except(paths).ToArray())
            {
                right.Remove(gone);
            }

            foreach (FollowedRepository repository in all)
            {
                try
                {
                    if (Find(repository) is { } order)
                    {
                        _ = await repository.Repair.OrderAsync(order, cancellation).ConfigureAwait(false);
                    }
                }
                catch (Exception failure) when (failure is not OperationCanceledException)
                {
                    LogUnread(logger, repository.State.Name, failure.Message);
                }
            }
        }
    }

    /// <summary>Null when nothing is wrong, or it is being worked on.</summary>
    private RepairOrder? Find(FollowedRepository repository)
    {
        RepositoryState state = repository.State;
        if (!IsResting(repository, state))
        {
            return null;
        }

        string path = state.Repository.Path;
        string? reason = null;
        RefStamps? stamps = null;
        if (!Directory.Exists(Path.Combine(path, "objects", "pack")))
        {
            reason = "its folder, or that of its objects, is gone";
        }
        else
        {
            stamps = RefStamps.Read(path);
            if (stamps.Equals(right.GetValueOrDefault(path)))
            {
                return null;
            }

            IReadOnlyList<SalvagedRef> wrong = refs.Find(state.Repository, state.Refs);
            reason = wrong.Count > 0 ? $"{wrong[0].Name} is not what the log says" : null;
        }

        // A record may have been applied meanwhile: then it is looked at again the next time.
        if (!IsResting(repository, state))
        {
            return null;
        }

        if (reason is null)
        {
            right[path] = stamps!;
            return null;
        }

        right.Remove(path);
        return new RepairOrder { Refs = true, Reason = reason };
    }

    private static bool IsResting(FollowedRepository repository, RepositoryState state) =>
        !repository.Work.IsClosed && state.IsServable && ReferenceEquals(repository.State, state) && !repository.Work.IsBehind && repository.Work.RepairWanted is null;

    [LoggerMessage(Level = LogLevel.Error, Message = "{Problem}: no repository is looked at")]
    private static partial void LogNoRoot(ILogger logger, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: its refs could not be looked at: {Reason}")]
    private static partial void LogUnread(ILogger logger, RepositoryName repository, string reason);
}
