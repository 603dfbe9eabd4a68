using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Maintenance;

/// <summary>
/// Re-bases a primary's repository when more than a fifth of its object set is reached by no ref any more: by a new Baseline,
/// after which mirrors prune. The primary itself deletes no object: what is unreachable there is left to its owner's
/// <c>git gc</c>.
/// </summary>
/// <param name="rebase">Writes a new Baseline of a repository.</param>
public sealed class Rebasing(Action<RepositoryName> rebase)
{
    private const double MostUnreachable = 0.2;

    /// <summary>Compares what the object set has with what the refs reach. One call at a time.</summary>
    /// <returns>True when a new Baseline was asked for.</returns>
    /// <exception cref="IOException">git or the disk failed.</exception>
    public async Task<bool> CheckAsync(RepositoryState state, CancellationToken cancellation)
    {
        if (state.ObjectSet is not { Count: var set })
        {
            // One that is lost is made anew by a Baseline anyhow.
            return false;
        }

        long reachable = await ReachableObjects.CountAsync(state.Repository, null, cancellation).ConfigureAwait(false);
        bool wanted = set - reachable > set * MostUnreachable;
        if (wanted)
        {
            rebase(state.Name);
        }

        return wanted;
    }
}
