using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>
/// The repositories that take objects from another one through <c>objects/info/alternates</c>, directly or through a third.
/// </summary>
internal static class Borrowers
{
    /// <summary>Finds those of a repository.</summary>
    /// <param name="lender">The repository.</param>
    /// <param name="all">All repositories below the same root.</param>
    /// <exception cref="IOException">An alternates file cannot be read.</exception>
    public static IReadOnlyList<Repository> Of(Repository lender, IReadOnlyList<Repository> all)
    {
        HashSet<RepositoryName> lenders = [lender.Name];
        List<Repository> borrowers = [];
        List<RepositoryName> inside = [];
        List<string> outside = [];
        for (bool found = true; found;)
        {
            found = false;
            foreach (Repository one in all.Where(r => !lenders.Contains(r.Name)))
            {
                inside.Clear();
                AlternatesFile.Read(one, inside, outside);
                if (inside.Exists(lenders.Contains))
                {
                    lenders.Add(one.Name);
                    borrowers.Add(one);
                    found = true;
                }
            }
        }

        return borrowers;
    }

    /// <summary>Takes from a set what the refs of some repositories reach, and returns it.</summary>
    /// <exception cref="IOException">git failed: nothing can be said then of what is not reached.</exception>
    public static async Task<List<ObjectId>> TakeReachedAsync(
        HashSet<ObjectId> ids, IEnumerable<Repository> repositories, CancellationToken cancellation)
    {
        List<ObjectId> reached = [];
        foreach (Repository repository in repositories)
        {
            if (ids.Count == 0)
            {
                break;
            }

            await MaintenanceGit.ReadLinesAsync(
                repository,
                ["rev-list", "--objects", "--no-object-names", "--all"],
                default,
                line =>
                {
                    if (ObjectId.TryParseHex(line, repository.Format, out ObjectId id) && ids.Remove(id))
                    {
                        reached.Add(id);
                    }
                },
                cancellation).ConfigureAwait(false);
        }

        return reached;
    }

    /// <summary>Lines of ids, as <c>git pack-objects</c> takes them.</summary>
    public static byte[] Lines(IEnumerable<ObjectId> ids, ObjectFormat format)
    {
        StringBuilder lines = new();
        foreach (ObjectId id in ids)
        {
            lines.Append(id.ToHex(format)).Append('\n');
        }

        return Encoding.ASCII.GetBytes(lines.ToString());
    }
}
