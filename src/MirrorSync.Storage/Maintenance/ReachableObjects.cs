using System.Globalization;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>Counts and finds objects by a walk over history: by git, at the lowest priority, with bitmaps where there are some.</summary>
public static class ReachableObjects
{
    /// <summary>How many objects some ids reach, or all refs.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="tips">The ids; those that are no longer there are passed over. Null for all refs.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IOException">git failed.</exception>
    public static async Task<long> CountAsync(Repository repository, IReadOnlyCollection<ObjectId>? tips, CancellationToken cancellation)
    {
        if (tips is { Count: 0 })
        {
            return 0;
        }

        long count = 0;
        string[] whose = tips is null ? ["--all"] : ["--ignore-missing", "--stdin"];
        await MaintenanceGit.ReadLinesAsync(
            repository,
            ["rev-list", "--objects", "--count", "--use-bitmap-index", .. whose],
            tips is null ? default : Lines(tips, repository.Format),
            line => count = long.Parse(line, CultureInfo.InvariantCulture),
            cancellation).ConfigureAwait(false);
        return count;
    }

    /// <summary>
    /// The objects that are missing though the refs reach them; what only they reach cannot be known. Null where git gives up,
    /// as it does when a commit is missing.
    /// </summary>
    public static async Task<HashSet<ObjectId>?> FindMissingAsync(Repository repository, CancellationToken cancellation)
    {
        HashSet<ObjectId> missing = [];
        try
        {
            await MaintenanceGit.ReadLinesAsync(
                repository,
                ["rev-list", "--objects", "--no-object-names", "--missing=print", "--all"],
                default,
                line =>
                {
                    if (line.StartsWith('?') && ObjectId.TryParseHex(line.AsSpan(1), repository.Format, out ObjectId id))
                    {
                        missing.Add(id);
                    }
                },
                cancellation).ConfigureAwait(false);
            return missing;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Names all that some ids reach, themselves included: at ordinary priority, and objects that are missing are an error.</summary>
    /// <exception cref="IOException">git failed.</exception>
    internal static Task ListAsync(
        Repository repository, IReadOnlyCollection<ObjectId> tips, Action<ObjectId> take, CancellationToken cancellation) =>
        MaintenanceGit.ReadLinesAsync(
            repository,
            ["rev-list", "--objects", "--no-object-names", "--stdin"],
            Lines(tips, repository.Format),
            line => take(ObjectId.TryParseHex(line, repository.Format, out ObjectId id)
                ? id : throw new IOException($"{repository.Name}: git rev-list wrote '{line}'")),
            background: false,
            cancellation);

    /// <summary>Takes from a set what the refs of some repositories reach, and returns it.</summary>
    /// <exception cref="IOException">git failed: nothing can be said then of what is not reached.</exception>
    internal static async Task<List<ObjectId>> TakeAsync(
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
    internal static byte[] Lines(IEnumerable<ObjectId> ids, ObjectFormat format)
    {
        StringBuilder lines = new();
        foreach (ObjectId id in ids)
        {
            lines.Append(id.ToHex(format)).Append('\n');
        }

        return Encoding.ASCII.GetBytes(lines.ToString());
    }
}
