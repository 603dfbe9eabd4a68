using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>An object that is to be sent, and in the end its entry in the pack.</summary>
/// <param name="id">The object.</param>
/// <param name="type">Its type.</param>
/// <param name="nameHash">Of its path.</param>
/// <param name="path">Its path, where boundary commits have something too; null otherwise.</param>
internal sealed class PackItem(ObjectId id, ObjectType type, uint nameHash, TreePath? path)
{
    /// <summary>The object.</summary>
    public ObjectId Id => id;

    /// <summary>Its type.</summary>
    public ObjectType Type => type;

    /// <summary>By which objects of like paths stand together.</summary>
    public uint NameHash => nameHash;

    /// <summary>Its path, where boundary commits have something too; null otherwise.</summary>
    public TreePath? Path => path;

    /// <summary>Its content, once it was read.</summary>
    public byte[]? Content { get; set; }

    /// <summary>How a pack of the repository stores it; null when it does not.</summary>
    public StoredObject? Stored { get; set; }

    /// <summary>The item that it is a delta against; null when it is whole, or its base is outside the pack.</summary>
    public PackItem? Base { get; set; }

    /// <summary>The object outside the pack that it is a delta against; zero when there is none.</summary>
    public ObjectId OuterBase { get; set; }

    /// <summary>The delta or content, deflated.</summary>
    public ReadOnlyMemory<byte> Data { get; set; }

    /// <summary>Bytes of the delta or content before they were deflated.</summary>
    public long Size { get; set; }

    /// <summary>Where its entry begins in the pack; 0 while it is not written.</summary>
    public long Offset { get; set; }

    /// <summary>Whether it is a delta.</summary>
    public bool IsDelta => Base is not null || !OuterBase.IsZero;

    /// <summary>Deltas from here to a whole object, or to one outside the pack.</summary>
    public int Depth
    {
        get
        {
            int depth = OuterBase.IsZero ? 0 : 1;
            for (PackItem? at = Base; at is not null; at = at.Base)
            {
                depth += at.OuterBase.IsZero ? 1 : 2;
            }

            return depth;
        }
    }

    /// <summary>Makes it a delta against an item of the pack.</summary>
    public void Against(PackItem inner) => (Base, OuterBase) = (inner, default);

    /// <summary>Makes it a delta against an object that the receiver has.</summary>
    public void Against(in ObjectId outer) => (Base, OuterBase) = (null, outer);

    /// <summary>Makes it whole.</summary>
    public void MakeWhole() => (Base, OuterBase) = (null, default);

    /// <summary>Whether making it a delta of another item would go round in a circle.</summary>
    public bool IsBaseOf(PackItem other)
    {
        PackItem? at = other;
        while (at is not null && at != this)
        {
            at = at.Base;
        }

        return at is not null;
    }

    /// <summary>The type of its entry.</summary>
    public PackEntryType EntryType =>
        Base is not null ? PackEntryType.OffsetDelta : !OuterBase.IsZero ? PackEntryType.RefDelta : (PackEntryType)type;
}
