using MirrorSync.Git.Objects;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Maintenance;

/// <summary>
/// Re-bases a primary's repository when more than a fifth of its object set is reached by no ref any more: by a new Baseline,
/// after which mirrors prune. The primary itself deletes no object: what is unreachable there is left to its owner's
/// <c>git gc</c>.
/// </summary>
/// <param name="file">Where counts are kept, absolute.</param>
/// <param name="log">The primary's log.</param>
/// <param name="spool">Its spool.</param>
/// <param name="rebase">Writes a new Baseline of a repository.</param>
public sealed class Rebasing(string file, ReplicationLog log, Spool spool, Action<RepositoryName> rebase)
{
    private const double MostUnreachable = 0.2;

    private ObjectSetCounts? counts;

    /// <summary>Compares what the object set has with what the refs reach. One call at a time.</summary>
    /// <returns>True when a new Baseline was asked for.</returns>
    /// <exception cref="IOException">git or the disk failed.</exception>
    /// <exception cref="InvalidDataException">The log is damaged.</exception>
    public async Task<bool> CheckAsync(RepositoryState state, CancellationToken cancellation)
    {
        counts ??= new ObjectSetCounts(file, log, spool);
        if (await counts.ReadAsync(state.Name, cancellation).ConfigureAwait(false) is not { } count)
        {
            // The log no longer goes back to its Baseline: after a new one all is known again.
            bool truncated = state.Applied != LogPosition.Origin && log.Base != LogPosition.Origin;
            if (truncated)
            {
                rebase(state.Name);
            }

            return truncated;
        }

        if (count.Closure is not { } closure)
        {
            HashSet<ObjectId> tips = await counts.TipsAsync(count, cancellation).ConfigureAwait(false);
            closure = await ReachableObjects.CountAsync(state.Repository, tips, cancellation).ConfigureAwait(false);
            counts.SetClosure(state.Name, count, closure);
        }

        long reachable = await ReachableObjects.CountAsync(state.Repository, null, cancellation).ConfigureAwait(false);
        long set = closure + count.Shipped;
        bool wanted = set - reachable > set * MostUnreachable;
        if (wanted)
        {
            rebase(state.Name);
        }

        return wanted;
    }
}
