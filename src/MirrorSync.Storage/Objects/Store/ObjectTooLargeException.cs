using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>An object is larger than its reader is willing to hold in memory; it is otherwise sound as far as known.</summary>
public sealed class ObjectTooLargeException : IOException
{
    internal ObjectTooLargeException(in ObjectId id, long size, long limit)
        : base($"object {id} takes {size} bytes, more than {limit}")
    {
        Id = id;
        Size = size;
    }

    /// <summary>The object.</summary>
    public ObjectId Id { get; }

    /// <summary>Its declared size in bytes, or that of what it is a delta against.</summary>
    public long Size { get; }
}
