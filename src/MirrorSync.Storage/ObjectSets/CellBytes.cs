using System.Buffers.Binary;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>A cell's 48 bytes: XOR of the ids, then u64 and i64, little endian; in ledgers and object sets.</summary>
public static class CellBytes
{
    /// <summary>Bytes of a cell.</summary>
    public const int Length = ObjectId.Size + 16;

    /// <summary>Writes a cell.</summary>
    public static void Write(Span<byte> into, in SketchCell cell)
    {
        cell.IdSum.AsSpan(ObjectFormat.Sha256).CopyTo(into);
        BinaryPrimitives.WriteUInt64LittleEndian(into[ObjectId.Size..], cell.Checksum);
        BinaryPrimitives.WriteInt64LittleEndian(into[(ObjectId.Size + 8)..], cell.Count);
    }

    /// <summary>Reads a cell.</summary>
    public static SketchCell Read(ReadOnlySpan<byte> bytes) => new(
        ObjectId.FromRaw(bytes[..ObjectId.Size]),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[ObjectId.Size..]),
        BinaryPrimitives.ReadInt64LittleEndian(bytes[(ObjectId.Size + 8)..]));
}
