using System.Diagnostics.CodeAnalysis;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving;

/// <summary>Finds what a client's path names. The table alone decides: no path ever reaches the disk.</summary>
internal static class RepositoryLookup
{
    /// <summary>The repository of a decoded path, by its exact name or with <c>.git</c> appended.</summary>
    /// <param name="repositories">All repositories of this node.</param>
    /// <param name="path">As in <c>/linux/kernel/git/torvalds/linux.git</c>; one slash at the end is passed over.</param>
    /// <param name="state">The repository's state at this moment.</param>
    public static bool TryFind(RepositoryTable repositories, string path, [NotNullWhen(true)] out RepositoryState? state)
    {
        state = null;
        string name = path.StartsWith('/') ? path[1..] : path;
        name = name.EndsWith('/') ? name[..^1] : name;
        return (RepositoryName.TryParse(name, out RepositoryName exact) && repositories.TryGet(exact, out state))
            || (RepositoryName.TryParse(name + ".git", out RepositoryName longer) && repositories.TryGet(longer, out state));
    }
}
