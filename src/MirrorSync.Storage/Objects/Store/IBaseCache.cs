using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>Where an entry is: the pack's number in the process and the entry's offset.</summary>
internal readonly record struct EntryKey(long Pack, long Offset);

/// <summary>An object that others are deltas against.</summary>
internal readonly record struct BaseObject(ObjectType Type, ReadOnlyMemory<byte> Bytes);

/// <summary>Keeps objects that others are deltas against, as long as there is room.</summary>
internal interface IBaseCache
{
    /// <summary>Finds a base. Its bytes are good until the next one is added by the same caller, and nobody's to write.</summary>
    bool TryGet(EntryKey key, out BaseObject found);

    /// <summary>Takes a base that was needed for another object; its bytes are not written any more.</summary>
    void Add(EntryKey key, ObjectType type, byte[] bytes);

    /// <summary>Tells of an object that was read for its own sake, and may be the base of others.</summary>
    void Offer(EntryKey key, ObjectType type, ReadOnlySpan<byte> content);
}
