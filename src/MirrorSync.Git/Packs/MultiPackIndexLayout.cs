using System.Buffers.Binary;
using System.Text;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Packs;

/// <summary>
/// Where the parts of a multi-pack-index lie (gitformat-pack(5)): the ids of many packs in one order, each with one pack
/// that has it, and where. All offsets are in bytes from the file's start, all numbers big-endian.
/// </summary>
/// <remarks>
/// <code>
/// "MIDX" | version 1 | id version 1 | chunks 1 | base files 1 | packs 4
/// (chunk id 4, offset 8) x (chunks + 1), the last with id 0 and the end of the chunks
/// PNAM  pack names, each with a zero byte behind it, in byte order, padded with zero bytes
/// OIDF  fan-out 256 x 4
/// OIDL  id x n
/// OOFF  (pack 4, offset 4) x n
/// LOFF  offset 8 x m, where there are offsets of 2 GiB and more: a 4-byte offset with its highest bit set counts into it
/// others are of no concern here
/// checksum of all that comes before it
/// </code>
/// </remarks>
public readonly record struct MultiPackIndexLayout
{
    /// <summary>The longest head with its table of chunks: they are 255 at most.</summary>
    public const int MaxTableEnd = HeadLength + (256 * ChunkRowLength);

    private const int HeadLength = 12;
    private const int PlaceLength = 2 * sizeof(uint);
    private const int ChunkRowLength = sizeof(uint) + sizeof(ulong);
    private const int FanoutLength = PackIndexLayout.FanoutEntries * sizeof(uint);
    private const uint Signature = 0x4d494458;
    private const uint PackNamesChunk = 0x504e414d;
    private const uint FanoutChunk = 0x4f494446;
    private const uint IdsChunk = 0x4f49444c;
    private const uint PlacesChunk = 0x4f4f4646;
    private const uint LargeOffsetsChunk = 0x4c4f4646;

    /// <summary>Packs that it covers.</summary>
    public uint Packs { get; private init; }

    /// <summary>Objects in it.</summary>
    public uint Count { get; private init; }

    /// <summary>Where the names of the packs are.</summary>
    public long PackNames { get; private init; }

    /// <summary>Bytes of the names of the packs.</summary>
    public long PackNamesLength { get; private init; }

    /// <summary>Where the fan-out table is: <see cref="PackIndexLayout.FanoutEntries"/> numbers.</summary>
    public long Fanout { get; private init; }

    /// <summary>Where the first id is; they follow each other closely.</summary>
    public long Ids { get; private init; }

    /// <summary>8-byte offsets in the file; without any, a 4-byte offset is one with all its bits.</summary>
    public uint LargeOffsets { get; private init; }

    private long Places { get; init; }

    private long FirstLargeOffset { get; init; }

    /// <summary>Where the number (4 bytes) of the pack is that has the object at a position, 0 to <see cref="Count"/> - 1; its offset there (4 bytes) follows.</summary>
    public long PackNumber(uint position) => Places + ((long)position * PlaceLength);

    /// <summary>Where an 8-byte offset (0 to <see cref="LargeOffsets"/> - 1) is.</summary>
    public long LargeOffset(uint number) => FirstLargeOffset + ((long)number * sizeof(ulong));

    /// <summary>Decodes head and table of chunks, and checks them against the file's length.</summary>
    /// <param name="head">The file's first bytes: <see cref="MaxTableEnd"/> are always enough.</param>
    /// <param name="fileLength">Bytes of the whole file.</param>
    /// <param name="format">Says how long ids and checksum are.</param>
    /// <param name="layout">
    /// The layout; every offset that it gives for a position below <see cref="Count"/> lies within the file. The number of
    /// objects is told by the length of the table of ids; <see cref="TryReadFanout"/> checks that the fan-out agrees.
    /// </param>
    public static MultiPackIndexFault TryDecode(ReadOnlySpan<byte> head, long fileLength, ObjectFormat format, out MultiPackIndexLayout layout)
    {
        layout = default;
        int table = head.Length < HeadLength ? 0 : HeadLength + ((head[6] + 1) * ChunkRowLength);
        if (table == 0 || head.Length < table || fileLength < table + format.RawLength())
        {
            return MultiPackIndexFault.Truncated;
        }

        if (BinaryPrimitives.ReadUInt32BigEndian(head) != Signature)
        {
            return MultiPackIndexFault.Signature;
        }

        if (head[4] != 1)
        {
            return MultiPackIndexFault.Version;
        }

        if (head[5] != (format == ObjectFormat.Sha256 ? 2 : 1))
        {
            return MultiPackIndexFault.ObjectFormat;
        }

        if (head[7] != 0)
        {
            return MultiPackIndexFault.Chain;
        }

        return TryDecodeChunks(head[HeadLength..table], table, fileLength - format.RawLength(), format.RawLength(), out layout)
            ? With(ref layout, BinaryPrimitives.ReadUInt32BigEndian(head[8..]))
            : MultiPackIndexFault.Chunks;
    }

    /// <summary>Reads the fan-out table and checks that it never goes down and ends with <see cref="Count"/>.</summary>
    /// <param name="bytes">The table's bytes, 1024.</param>
    /// <param name="fanout">Room for its <see cref="PackIndexLayout.FanoutEntries"/> numbers.</param>
    public MultiPackIndexFault TryReadFanout(ReadOnlySpan<byte> bytes, Span<uint> fanout)
    {
        if (bytes.Length < FanoutLength)
        {
            return MultiPackIndexFault.Truncated;
        }

        uint count = 0;
        for (int i = 0; i < PackIndexLayout.FanoutEntries; i++)
        {
            uint next = BinaryPrimitives.ReadUInt32BigEndian(bytes[(i * sizeof(uint))..]);
            if (next < count)
            {
                return MultiPackIndexFault.Fanout;
            }

            fanout[i] = count = next;
        }

        return count == Count ? MultiPackIndexFault.None : MultiPackIndexFault.Fanout;
    }

    /// <summary>Reads the names of the packs, without <c>.idx</c> or <c>.pack</c> at their ends.</summary>
    /// <param name="bytes">All <see cref="PackNamesLength"/> bytes.</param>
    /// <param name="names">The names, each byte one character; a pack's number is its place here.</param>
    public MultiPackIndexFault TryReadPackNames(ReadOnlySpan<byte> bytes, out string[] names)
    {
        names = [];
        // Each name takes its zero byte, an extension and a character at the least.
        if (bytes.Length / 6 < Packs)
        {
            return MultiPackIndexFault.PackNames;
        }

        string[] read = new string[Packs];
        for (uint i = 0; i < Packs; i++)
        {
            int end = bytes.IndexOf((byte)0);
            if (end < 0)
            {
                return MultiPackIndexFault.PackNames;
            }

            ReadOnlySpan<byte> name = bytes[..end];
            name = name.EndsWith(".idx"u8) ? name[..^4] : name.EndsWith(".pack"u8) ? name[..^5] : default;
            if (name.IsEmpty || name.Contains((byte)'/'))
            {
                return MultiPackIndexFault.PackNames;
            }

            read[i] = Encoding.Latin1.GetString(name);
            bytes = bytes[(end + 1)..];
        }

        names = read;
        return MultiPackIndexFault.None;
    }

    private static MultiPackIndexFault With(ref MultiPackIndexLayout layout, uint packs)
    {
        layout = layout with { Packs = packs };
        return MultiPackIndexFault.None;
    }

    private static bool TryDecodeChunks(ReadOnlySpan<byte> rows, long table, long end, int idLength, out MultiPackIndexLayout layout)
    {
        layout = default;
        long names = 0, namesLength = 0, fanout = 0, fanoutLength = 0, ids = 0, idsLength = 0, places = 0, placesLength = 0, large = 0, largeLength = 0;
        long before = table;
        for (; rows.Length > ChunkRowLength; rows = rows[ChunkRowLength..])
        {
            uint id = BinaryPrimitives.ReadUInt32BigEndian(rows);
            long start = BinaryPrimitives.ReadInt64BigEndian(rows[sizeof(uint)..]);
            long next = BinaryPrimitives.ReadInt64BigEndian(rows[(ChunkRowLength + sizeof(uint))..]);
            // They follow each other in the order of the table.
            if (start < before || next < start || next > end)
            {
                return false;
            }

            before = start;
            bool taken = id switch
            {
                PackNamesChunk => Take(start, next, ref names, ref namesLength),
                FanoutChunk => Take(start, next, ref fanout, ref fanoutLength),
                IdsChunk => Take(start, next, ref ids, ref idsLength),
                PlacesChunk => Take(start, next, ref places, ref placesLength),
                LargeOffsetsChunk => Take(start, next, ref large, ref largeLength),
                _ => true,
            };
            if (!taken)
            {
                return false;
            }
        }

        long count = idsLength / idLength;
        if (names == 0 || fanout == 0 || ids == 0 || places == 0 || fanoutLength != FanoutLength || idsLength != count * idLength
            || count > uint.MaxValue || placesLength != count * PlaceLength || largeLength % sizeof(ulong) != 0
            || BinaryPrimitives.ReadUInt32BigEndian(rows) != 0)
        {
            return false;
        }

        layout = new MultiPackIndexLayout
        {
            Count = (uint)count,
            PackNames = names,
            PackNamesLength = namesLength,
            Fanout = fanout,
            Ids = ids,
            Places = places,
            LargeOffsets = (uint)Math.Min(largeLength / sizeof(ulong), uint.MaxValue),
            FirstLargeOffset = large,
        };
        return true;
    }

    // False when the chunk was there already.
    private static bool Take(long start, long next, ref long at, ref long length)
    {
        bool isFirst = at == 0;
        (at, length) = (start, next - start);
        return isFirst;
    }
}
