using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// An object cannot be read, or cannot be said to be absent, because a file of the repository is damaged. Thrown only
/// when there is no other, sound copy.
/// </summary>
public sealed class DamagedObjectException : IOException
{
    internal DamagedObjectException(in ObjectId id, string file, long offset, string fault)
        : base($"object {id}: {fault} ({file} at {offset})")
    {
        Id = id;
        File = file;
        Offset = offset;
    }

    /// <summary>The object that was asked for; not necessarily the one whose bytes are damaged.</summary>
    public ObjectId Id { get; }

    /// <summary>The damaged pack, index or loose object.</summary>
    public string File { get; }

    /// <summary>Where in the file, in bytes: the beginning of the entry or table that was being read.</summary>
    public long Offset { get; }
}
