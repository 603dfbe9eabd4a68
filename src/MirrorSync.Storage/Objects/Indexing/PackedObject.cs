using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>One object as it lies in a pack.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Type">What it is, also when it is stored as a delta.</param>
/// <param name="Size">Bytes of the object, or of its delta, once inflated.</param>
/// <param name="PackedSize">Bytes in the pack, the entry's head included.</param>
/// <param name="Offset">Where in the pack its entry begins.</param>
/// <param name="Depth">How many deltas have to be applied to get it; 0 when it is stored whole.</param>
/// <param name="Base">What its delta applies to; zero when it is stored whole.</param>
public readonly record struct PackedObject(
    ObjectId Id, ObjectType Type, long Size, long PackedSize, long Offset, int Depth, ObjectId Base);
