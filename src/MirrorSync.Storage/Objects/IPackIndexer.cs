using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects;

/// <summary>Apply's seam to whatever puts a received pack into a repository.</summary>
public interface IPackIndexer
{
    /// <summary>
    /// Reads a pack to the stream's end, completes it when it is thin, checks every object's id and puts pack and index
    /// into place. Nothing is synced: the log below can always rebuild it up to the next checkpoint.
    /// </summary>
    /// <exception cref="InvalidPackException">The pack is refused; the repository is as it was.</exception>
    /// <exception cref="IOException">The stream or the disk failed.</exception>
    Task IndexAsync(Repository repository, Stream pack, CancellationToken cancellation);
}
