using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects;

/// <summary>Capture's seam to whatever writes the pack of a push.</summary>
public interface IPackWriter
{
    /// <summary>
    /// Writes the objects that <paramref name="include"/> reaches and <paramref name="exclude"/> does not as one thin
    /// pack, whose bases outside the pack are objects that <paramref name="exclude"/> reaches.
    /// </summary>
    /// <param name="repository">Where the objects are.</param>
    /// <param name="include">The tips that are wanted.</param>
    /// <param name="exclude">Tips whose whole closure the receiver has. One that is no longer there is passed over.</param>
    /// <param name="destination">Receives the pack; nothing at all when there is no object to send.</param>
    /// <param name="cancellation">Gives up; the destination then holds a part of a pack.</param>
    /// <returns>What the pack holds.</returns>
    /// <exception cref="ObjectsMissingException">A wanted object is not in the repository.</exception>
    /// <exception cref="IOException">The pack could not be written.</exception>
    Task<WrittenPack> WriteAsync(
        Repository repository,
        IReadOnlyCollection<ObjectId> include,
        IReadOnlyCollection<ObjectId> exclude,
        Stream destination,
        CancellationToken cancellation);
}

/// <summary>What a pack holds.</summary>
/// <param name="Objects">How many objects.</param>
/// <param name="Ids">Their ids, in pack order; null when the writer does not know them.</param>
public readonly record struct WrittenPack(uint Objects, ReadOnlyMemory<ObjectId>? Ids)
{
    /// <summary>Nothing was written.</summary>
    public static WrittenPack Empty => new(0, ReadOnlyMemory<ObjectId>.Empty);
}

/// <summary>Objects that must be there are not; the message names the repository and the first of them.</summary>
public sealed class ObjectsMissingException(string message) : IOException(message);
