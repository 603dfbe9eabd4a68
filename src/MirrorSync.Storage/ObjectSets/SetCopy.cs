using System.Buffers.Binary;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>
/// The bytes of a set on its way to another node. Cell 0, under the fleet's key, is the checksum of all ids.
/// </summary>
/// <remarks>
/// <code>
///     0  8    "msobjcpy"
///     8  1    u8   version: 1
///     9  1    u8   object format
///    10  6         zeros
///    16  8    u64  sequence
///    24  48        cell 0: XOR of the ids, u64 XOR of the checksums, i64 count of the ids
///    72            the ids, 20 or 32 bytes each, in byte order, each once
/// </code>
/// </remarks>
internal static class SetCopy
{
    private const byte Version = 1;
    private const int HeadLength = 24 + CellBytes.Length;
    private const int IdsAtATime = 4096;

    private static ReadOnlySpan<byte> Magic => "msobjcpy"u8;

    /// <summary>Writes all of a snapshot.</summary>
    public static async Task WriteAsync(ObjectSetSnapshot set, Stream stream, CancellationToken cancellation)
    {
        byte[] head = new byte[HeadLength];
        Magic.CopyTo(head);
        head[8] = Version;
        head[9] = (byte)set.Format;
        BinaryPrimitives.WriteUInt64LittleEndian(head.AsSpan(16), set.Sequence);
        CellBytes.Write(head.AsSpan(24), set.Cell);
        await stream.WriteAsync(head, cancellation).ConfigureAwait(false);
        int idLength = set.Format.RawLength();
        byte[] buffer = new byte[IdsAtATime * idLength];
        int length = 0;
        foreach (ObjectId id in set.Enumerate())
        {
            id.AsSpan(set.Format).CopyTo(buffer.AsSpan(length));
            length += idLength;
            if (length == buffer.Length)
            {
                await stream.WriteAsync(buffer, cancellation).ConfigureAwait(false);
                length = 0;
            }
        }

        await stream.WriteAsync(buffer.AsMemory(0, length), cancellation).ConfigureAwait(false);
    }

    /// <summary>Reads a copy into a run; returns its sequence.</summary>
    /// <exception cref="InvalidDataException">It is no copy, is cut off, or its ids are not those that its cell counts.</exception>
    public static async Task<ulong> ReadAsync(Stream stream, ObjectFormat format, RunWriter writer, CancellationToken cancellation)
    {
        byte[] head = new byte[HeadLength];
        await ReadExactlyAsync(stream, head, cancellation).ConfigureAwait(false);
        SketchCell cell = CellBytes.Read(head.AsSpan(24));
        if (!head.AsSpan().StartsWith(Magic) || head[8] != Version || head[9] != (byte)format || cell.Count is < 0 or > uint.MaxValue)
        {
            throw new InvalidDataException($"this is no copy of an object set of {format.GitName()} ids");
        }

        int idLength = format.RawLength();
        byte[] buffer = new byte[IdsAtATime * idLength];
        for (long left = cell.Count; left > 0;)
        {
            int ids = (int)Math.Min(left, IdsAtATime);
            await ReadExactlyAsync(stream, buffer.AsMemory(0, ids * idLength), cancellation).ConfigureAwait(false);
            for (int i = 0; i < ids; i++)
            {
                writer.Add(ObjectId.FromRaw(buffer.AsSpan(i * idLength, idLength)));
            }

            left -= ids;
        }

        return writer.Cell == cell ? BinaryPrimitives.ReadUInt64LittleEndian(head.AsSpan(16))
            : throw new InvalidDataException("the ids of an object set's copy are not those that its cell 0 is made of");
    }

    private static async Task ReadExactlyAsync(Stream stream, Memory<byte> buffer, CancellationToken cancellation)
    {
        if (await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false) < buffer.Length)
        {
            throw new InvalidDataException("the copy of an object set is cut off");
        }
    }
}
