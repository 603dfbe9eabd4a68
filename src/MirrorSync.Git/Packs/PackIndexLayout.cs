using System.Buffers.Binary;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Packs;

/// <summary>
/// Where the parts of a pack's index lie (gitformat-pack(5)). Both versions are ordered by id; all offsets are in bytes
/// from the file's start, all numbers big-endian.
/// </summary>
/// <remarks>
/// <code>
/// version 1: fan-out 256 x 4 | (offset 4, id) x n                                             | pack checksum | index checksum
/// version 2: "\377tOc" 2 | fan-out 256 x 4 | id x n | crc 4 x n | offset 4 x n | offset 8 x m | pack checksum | index checksum
/// </code>
/// An offset of version 2 with its highest bit set counts into the 8-byte offsets.
/// </remarks>
public readonly record struct PackIndexLayout
{
    /// <summary>Bytes at the file's start that <see cref="TryDecode"/> needs; every index is longer.</summary>
    public const int HeadLength = 8 + FanoutLength;

    /// <summary>Entries of the fan-out table.</summary>
    public const int FanoutEntries = 256;

    private const int FanoutLength = FanoutEntries * sizeof(uint);
    private const uint Signature = 0xff744f63;

    /// <summary>1 or 2.</summary>
    public int Version { get; private init; }

    /// <summary>Objects in the pack.</summary>
    public uint Count { get; private init; }

    /// <summary>Bytes of an id.</summary>
    public int IdLength { get; private init; }

    /// <summary>Bytes from one id to the next.</summary>
    public int Stride => Version == 1 ? IdLength + sizeof(uint) : IdLength;

    /// <summary>8-byte offsets in the file.</summary>
    public uint LargeOffsets { get; private init; }

    /// <summary>Where the pack's own checksum is repeated.</summary>
    public long PackChecksum { get; private init; }

    /// <summary>Where the checksum of all that comes before it is.</summary>
    public long IndexChecksum => PackChecksum + IdLength;

    private static long V2Ids => HeadLength;

    private long V2Crcs => V2Ids + ((long)Count * IdLength);

    /// <summary>Where the id at a position (0 to <see cref="Count"/> - 1) is.</summary>
    public long Id(uint position) =>
        Version == 1 ? FanoutLength + ((long)position * Stride) + sizeof(uint) : V2Ids + ((long)position * IdLength);

    /// <summary>Where the CRC-32 of the entry at a position is; version 2 only.</summary>
    public long Crc(uint position) => V2Crcs + ((long)position * sizeof(uint));

    /// <summary>Where the 4-byte offset of the entry at a position is.</summary>
    public long Offset(uint position) => Version == 1
        ? FanoutLength + ((long)position * Stride)
        : V2Crcs + (((long)Count + position) * sizeof(uint));

    /// <summary>Where an 8-byte offset (0 to <see cref="LargeOffsets"/> - 1) is.</summary>
    public long LargeOffset(uint number) => V2Crcs + ((long)Count * 2 * sizeof(uint)) + ((long)number * sizeof(ulong));

    /// <summary>Decodes version, fan-out and number of objects, and checks them against the file's length.</summary>
    /// <param name="head">The first <see cref="HeadLength"/> bytes.</param>
    /// <param name="fileLength">Bytes of the whole file.</param>
    /// <param name="format">Says how long ids and checksums are.</param>
    /// <param name="fanout">
    /// Room for <see cref="FanoutEntries"/> numbers: how many ids have a first byte of at most the entry's. They never go
    /// down, and the last one is <see cref="Count"/>.
    /// </param>
    /// <param name="layout">The layout; every offset that it gives for a position in range lies within the file.</param>
    public static PackIndexFault TryDecode(
        ReadOnlySpan<byte> head, long fileLength, ObjectFormat format, Span<uint> fanout, out PackIndexLayout layout)
    {
        layout = default;
        int idLength = format.RawLength();
        if (head.Length < HeadLength || fileLength < FanoutLength + (2 * idLength))
        {
            return PackIndexFault.Truncated;
        }

        // Version 1 has no signature: it begins with its fan-out, whose first number is never that large.
        int version = 1;
        if (BinaryPrimitives.ReadUInt32BigEndian(head) == Signature)
        {
            version = 2;
            if (BinaryPrimitives.ReadUInt32BigEndian(head[4..]) != 2)
            {
                return PackIndexFault.Version;
            }

            head = head[8..];
        }

        uint count = 0;
        for (int i = 0; i < FanoutEntries; i++)
        {
            uint next = BinaryPrimitives.ReadUInt32BigEndian(head[(i * sizeof(uint))..]);
            if (next < count)
            {
                return PackIndexFault.Fanout;
            }

            fanout[i] = count = next;
        }

        long shortest = version == 1
            ? FanoutLength + ((long)count * (idLength + sizeof(uint))) + (2 * idLength)
            : HeadLength + ((long)count * (idLength + (2 * sizeof(uint)))) + (2 * idLength);
        long large = (fileLength - shortest) / sizeof(ulong);
        // As git: the pack's first entry never needs a large offset.
        long mostLarge = version == 1 || count == 0 ? 0 : count - 1;
        if (fileLength < shortest || large > mostLarge || fileLength != shortest + (large * sizeof(ulong)))
        {
            return PackIndexFault.Length;
        }

        layout = new PackIndexLayout
        {
            Version = version,
            Count = count,
            IdLength = idLength,
            LargeOffsets = (uint)large,
            PackChecksum = fileLength - (2 * idLength),
        };
        return PackIndexFault.None;
    }
}
