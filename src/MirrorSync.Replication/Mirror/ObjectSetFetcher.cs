using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>
/// Fetches object sets that are wanted, beside all other work: a delta does not wait for them, and a repository's worker
/// takes up what has come when it has nothing else to do.
/// </summary>
/// <param name="repositories">The repositories.</param>
/// <param name="bulk">Asks the primary.</param>
/// <param name="folder">For what is on its way; absolute.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it reports.</param>
internal sealed partial class ObjectSetFetcher(
    Func<IReadOnlyList<FollowedRepository>> repositories, BulkClient bulk, string folder, TimeProvider time, ILogger logger)
{
    private const int AtOnce = 4;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>Fetches until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        bool clean = false;
        ParallelOptions bounds = new() { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation };
        using PeriodicTimer timer = new(Interval, time);
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            if (!(clean = clean || TryClean()))
            {
                continue;
            }

            await Parallel.ForEachAsync(
                repositories().Where(static r => r.IsObjectSetWanted), bounds, async (one, token) => await FetchAsync(one, token).ConfigureAwait(false))
                .ConfigureAwait(false);
        }
    }

    /// <summary>Removes what a former run left; false when the disk, or the want of descriptors, does not let it.</summary>
    private bool TryClean()
    {
        try
        {
            Directory.CreateDirectory(folder);
            Array.ForEach(Directory.GetFiles(folder), File.Delete);
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogUnclean(logger, folder, failure.Message);
            return false;
        }
    }

    /// <summary>Fetches one now, whether it is wanted or not.</summary>
    public async Task FetchAsync(FollowedRepository repository, CancellationToken cancellation)
    {
        RepositoryName name = repository.State.Name;
        string file = Path.Combine(folder, Guid.NewGuid().ToString("N"));
        try
        {
            if (await bulk.TryFetchObjectSetAsync(name, file, cancellation).ConfigureAwait(false))
            {
                repository.Work.OfferObjectSet(file);
            }
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // It is asked for again; the state says all the while that nothing is proven by it.
            if (File.Exists(file))
            {
                File.Delete(file);
            }

            LogFailed(logger, name, failure.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Folder} could not be emptied: {Reason}")]
    private static partial void LogUnclean(ILogger logger, string folder, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Repository}: its object set could not be fetched: {Reason}")]
    private static partial void LogFailed(ILogger logger, RepositoryName repository, string reason);
}
