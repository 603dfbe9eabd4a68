using System.Collections.Concurrent;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>A repository borrows from another that is not here yet, or not as far.</summary>
internal sealed class BaseBehindException(RepositoryName name, RepositoryName other, ulong sequence)
    : Exception($"{name} waits for {other}, from which it borrows objects, to reach {sequence}")
{
    /// <summary>The repository that it borrows from.</summary>
    public RepositoryName Base => other;

    /// <summary>The record up to which that one must be applied.</summary>
    public ulong Sequence => sequence;
}

/// <summary>A repository no longer borrows from one of its bases: what it had from there has to come anew.</summary>
internal sealed class BaseDroppedException(RepositoryName name, RepositoryName other)
    : Exception($"{name} no longer borrows objects from {other}, and is brought up whole");

/// <summary>Who borrows from whom among the repositories that are followed.</summary>
internal sealed class Borrowers(ConcurrentDictionary<RepositoryName, FollowedRepository> followed)
{
    /// <summary>Waits until every base has applied the records below the sequence: those that a record of that sequence builds on.</summary>
    public async Task BasesReachedAsync(IReadOnlyList<RepositoryName> bases, ulong sequence, CancellationToken cancellation)
    {
        foreach (RepositoryName name in bases)
        {
            if (followed.TryGetValue(name, out FollowedRepository? other))
            {
                await other.ReachedAsync(sequence, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Waits until a base is applied up to the sequence. False when it is not followed: nothing will tell.</summary>
    public async Task<bool> BaseAppliedAsync(BaseBehindException behind, CancellationToken cancellation)
    {
        if (!followed.TryGetValue(behind.Base, out FollowedRepository? other))
        {
            return false;
        }

        await other.AppliedAsync(behind.Sequence, cancellation).ConfigureAwait(false);
        return true;
    }

    /// <summary>A repository's folder is another: all that borrow from it, directly or through others, look whether they are still whole.</summary>
    public void BaseReplaced(RepositoryName name)
    {
        HashSet<RepositoryName> replaced = [name];
        for (int before = 0; before < replaced.Count;)
        {
            before = replaced.Count;
            replaced.UnionWith(followed.Values.Where(r => r.Bases.Any(replaced.Contains)).Select(static r => r.State.Name));
        }

        replaced.Remove(name);
        foreach (RepositoryName borrower in replaced)
        {
            followed[borrower].Recheck();
        }
    }
}
