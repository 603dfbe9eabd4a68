using System.Buffers.Binary;

namespace MirrorSync.Git.Compression;

/// <summary>
/// The first bytes of a zlib stream (RFC 1950, 1951) whose first block is of the simple kinds: stored, or of the fixed
/// code. So are most deltas in a pack, which are short; whoever only wants to know what they declare need not set up a
/// decoder for each.
/// </summary>
public static class InflateStart
{
    private const int HeadBytes = 2;
    private const int StoredHeadBytes = 5;

    /// <summary>
    /// Reads until the room is full, the block ends or something is repeated, and says how many bytes that was: 0 for
    /// other kinds of blocks. Nothing is checked that a decoder of the whole would only find out at the stream's end.
    /// </summary>
    public static int Read(ReadOnlySpan<byte> stream, Span<byte> room)
    {
        // Deflate with a window of at most 32 KiB, and no dictionary.
        if (stream.Length <= HeadBytes || (stream[0] & 0x0f) != 8 || stream[0] >> 4 > 7 || (stream[1] & 0x20) != 0
            || BinaryPrimitives.ReadUInt16BigEndian(stream) % 31 != 0)
        {
            return 0;
        }

        stream = stream[HeadBytes..];
        return ((stream[0] >> 1) & 3) switch
        {
            0 => ReadStored(stream, room),
            1 => ReadFixed(stream, room),
            _ => 0,
        };
    }

    private static int ReadStored(ReadOnlySpan<byte> block, Span<byte> room)
    {
        if (block.Length < StoredHeadBytes)
        {
            return 0;
        }

        int length = BinaryPrimitives.ReadUInt16LittleEndian(block[1..]);
        if ((length ^ 0xffff) != BinaryPrimitives.ReadUInt16LittleEndian(block[3..]))
        {
            return 0;
        }

        block = block[StoredHeadBytes..];
        length = Math.Min(length, Math.Min(room.Length, block.Length));
        block[..length].CopyTo(room);
        return length;
    }

    /// <summary>
    /// Codes come with their highest bit first, in bytes that are filled from the lowest bit: 00110000 to 10111111 are
    /// the bytes below 144, 110010000 to 111111111 those from there on; all other codes are shorter (RFC 1951, 3.2.6), but
    /// for 11000000 to 11000111, which are repetitions too.
    /// </summary>
    private static int ReadFixed(ReadOnlySpan<byte> block, Span<byte> room)
    {
        int produced = 0;
        int position = 3;
        while (produced < room.Length && (position >> 3) + sizeof(ushort) <= block.Length)
        {
            int bits = BinaryPrimitives.ReadUInt16LittleEndian(block[(position >> 3)..]) >> (position & 7);
            int code = Reverse(bits);
            if (code is >= 0b0011_0000 and <= 0b1011_1111)
            {
                room[produced++] = (byte)(code - 0b0011_0000);
                position += 8;
            }
            else if (code >= 0b1100_1000)
            {
                code = (code << 1) | ((bits >> 8) & 1);
                room[produced++] = (byte)(code - 0b1_1001_0000 + 144);
                position += 9;
            }
            else
            {
                break;
            }
        }

        return produced;
    }

    // The lowest eight bits in the opposite order.
    private static int Reverse(int bits) => (int)((((uint)bits & 0xff) * 0x0202020202UL & 0x010884422010UL) % 1023);
}
