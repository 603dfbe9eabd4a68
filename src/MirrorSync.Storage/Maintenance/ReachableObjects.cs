using System.Globalization;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>Counts objects by a walk over history: by git, at the lowest priority, with bitmaps where there are some.</summary>
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
            tips is null ? default : Borrowers.Lines(tips, repository.Format),
            line => count = long.Parse(line, CultureInfo.InvariantCulture),
            cancellation).ConfigureAwait(false);
        return count;
    }
}
