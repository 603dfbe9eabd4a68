using System.Collections.Concurrent;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>The object set of a Baseline: all that its refs reach.</summary>
public static class ClosureSets
{
    private const int BatchIds = 4096;
    private const int Batches = 8;

    /// <summary>Replaces a set by what ids reach, as git walks it. Memory is bounded however much that is.</summary>
    /// <param name="set">The set, which need not be there.</param>
    /// <param name="sequence">Of the record after which the set is this.</param>
    /// <param name="repository">Where the objects are.</param>
    /// <param name="tips">The ids that the refs name; all are there.</param>
    /// <param name="cancellation">Leaves the set as it was.</param>
    /// <returns>Cell 0 of the new set.</returns>
    /// <exception cref="IOException">git failed, as it does where an object is missing; or the disk did.</exception>
    public static async Task<SketchCell> ReplaceAsync(
        ObjectSet set, ulong sequence, Repository repository, IReadOnlyCollection<ObjectId> tips, CancellationToken cancellation)
    {
        if (tips.Count == 0)
        {
            return set.Replace(sequence, [], cancellation);
        }

        using CancellationTokenSource failed = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using BlockingCollection<ObjectId[]> batches = new(Batches);
        Task<SketchCell> write = Task.Run(
            () => set.Replace(sequence, batches.GetConsumingEnumerable(failed.Token).SelectMany(static b => b), failed.Token), CancellationToken.None);
        try
        {
            List<ObjectId> batch = new(BatchIds);
            await ReachableObjects.ListAsync(repository, tips, id =>
            {
                batch.Add(id);
                if (batch.Count == BatchIds)
                {
                    Hand(batches, batch, write, failed.Token);
                }
            }, cancellation).ConfigureAwait(false);
            Hand(batches, batch, write, failed.Token);
            batches.CompleteAdding();
        }
        catch
        {
            await failed.CancelAsync().ConfigureAwait(false);
            await ((Task)write).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (write.Exception?.InnerException is { } reason)
            {
                throw reason as IOException ?? new IOException($"the object set of {repository.Name} cannot be written: {reason.Message}", reason);
            }

            throw;
        }

        return await write.ConfigureAwait(false);
    }

    private static void Hand(BlockingCollection<ObjectId[]> batches, List<ObjectId> batch, Task write, CancellationToken cancellation)
    {
        // A writer that has failed takes nothing any more.
        while (!batches.TryAdd([.. batch], millisecondsTimeout: 100, cancellation))
        {
            if (write.IsCompleted)
            {
                throw new OperationCanceledException(cancellation);
            }
        }

        batch.Clear();
    }
}
