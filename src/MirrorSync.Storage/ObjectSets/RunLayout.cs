using System.Buffers.Binary;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Log;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>
/// Where the parts of a sorted run lie: ids in byte order, each once, in blocks of 4,096 bytes, so that one read of a page
/// looks an id up and every byte is under a checksum. Numbers are little endian.
/// </summary>
/// <remarks>
/// <code>
/// block 0      0  8    "msobjrun"
///              8  1    u8   version: 1
///              9  1    u8   object format
///             10  6         zeros
///             16  8    u64  the run's number
///             24  8    u64  ids, less than 2^32
///             32  1024 u32  256 times: how many ids have a first byte of at most this
/// block b     204 ids of 20 bytes or 127 of 32, zeros behind the last
/// each      4092  4    u32  CRC-32C over the bytes before it, XORed with the block's number
/// </code>
/// </remarks>
internal static class RunLayout
{
    /// <summary>Bytes of a block.</summary>
    public const int BlockBytes = 4096;

    /// <summary>Bytes of a block before its checksum.</summary>
    public const int ContentBytes = BlockBytes - sizeof(uint);

    /// <summary>Entries of the fan-out.</summary>
    public const int FanoutEntries = 256;

    private const int FanoutAt = 32;
    private const byte Version = 1;

    private static ReadOnlySpan<byte> Magic => "msobjrun"u8;

    /// <summary>Ids of a full block.</summary>
    public static int IdsPerBlock(ObjectFormat format) => ContentBytes / format.RawLength();

    /// <summary>Bytes of a run's file.</summary>
    public static long FileBytes(long count, ObjectFormat format)
    {
        int perBlock = IdsPerBlock(format);
        return (1 + ((count + perBlock - 1) / perBlock)) * BlockBytes;
    }

    /// <summary>Fills in a block's checksum.</summary>
    public static void Seal(Span<byte> block, long number) =>
        BinaryPrimitives.WriteUInt32LittleEndian(block[ContentBytes..], Crc32C.Compute(block[..ContentBytes]) ^ (uint)number);

    /// <summary>Whether a block is as it was sealed.</summary>
    public static bool IsSealed(ReadOnlySpan<byte> block, long number) =>
        BinaryPrimitives.ReadUInt32LittleEndian(block[ContentBytes..]) == (Crc32C.Compute(block[..ContentBytes]) ^ (uint)number);

    /// <summary>Writes and seals block 0.</summary>
    public static void WriteHead(Span<byte> block, ObjectFormat format, ulong number, long count, ReadOnlySpan<uint> fanout)
    {
        block.Clear();
        Magic.CopyTo(block);
        block[8] = Version;
        block[9] = (byte)format;
        BinaryPrimitives.WriteUInt64LittleEndian(block[16..], number);
        BinaryPrimitives.WriteInt64LittleEndian(block[24..], count);
        for (int i = 0; i < FanoutEntries; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(block[(FanoutAt + (i * sizeof(uint)))..], fanout[i]);
        }

        Seal(block, 0);
    }

    /// <summary>Reads block 0; returns what is wrong, or null.</summary>
    public static string? ReadHead(ReadOnlySpan<byte> block, ObjectFormat format, ulong number, long count, Span<uint> fanout)
    {
        if (!IsSealed(block, 0) || !block.StartsWith(Magic) || block[8] != Version)
        {
            return "its first block is damaged";
        }

        uint last = 0;
        for (int i = 0; i < FanoutEntries; i++)
        {
            uint entry = BinaryPrimitives.ReadUInt32LittleEndian(block[(FanoutAt + (i * sizeof(uint)))..]);
            if (entry < last)
            {
                return "its fan-out goes down";
            }

            fanout[i] = last = entry;
        }

        return block[9] != (byte)format || BinaryPrimitives.ReadUInt64LittleEndian(block[16..]) != number
            || BinaryPrimitives.ReadInt64LittleEndian(block[24..]) != count || last != count
            ? $"it is not run {number} of {count} {format.GitName()} ids" : null;
    }
}
