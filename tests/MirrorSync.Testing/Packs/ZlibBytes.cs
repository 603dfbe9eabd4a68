using System.IO.Compression;

namespace MirrorSync.Testing.Packs;

/// <summary>zlib streams by the platform.</summary>
public static class ZlibBytes
{
    /// <summary>The zlib stream of the bytes.</summary>
    public static byte[] Deflate(ReadOnlySpan<byte> bytes, int level)
    {
        using MemoryStream deflated = new();
        using (ZLibStream stream = new(deflated, new ZLibCompressionOptions { CompressionLevel = level }, leaveOpen: true))
        {
            stream.Write(bytes);
        }

        // The platform writes nothing at all for nothing.
        return deflated.Length > 0 ? deflated.ToArray() : [0x78, 0x9c, 0x03, 0x00, 0x00, 0x00, 0x00, 0x01];
    }

    /// <summary>A zlib stream of given deflate blocks, with the checksum of what they hold.</summary>
    public static byte[] Frame(ReadOnlySpan<byte> blocks, ReadOnlySpan<byte> content)
    {
        byte[] framed = new byte[2 + blocks.Length + 4];
        framed[0] = 0x78;
        framed[1] = 0x9c;
        blocks.CopyTo(framed.AsSpan(2));
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(framed.AsSpan(2 + blocks.Length), Adler32(content));
        return framed;
    }

    /// <summary>What deflate blocks hold, as far as the platform reads them; null when that is nothing.</summary>
    public static byte[]? InflateRaw(byte[] blocks)
    {
        using MemoryStream inflated = new();
        using DeflateStream stream = new(new MemoryStream(blocks), CompressionMode.Decompress);
        try
        {
            stream.CopyTo(inflated);
            return inflated.ToArray();
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>The zlib stream of so many MiB of zeros, without deflating them all.</summary>
    public static byte[] Zeros(int mebibytes)
    {
        // A flush ends each piece at a whole byte, and from the second on all are alike.
        byte[] piece = new byte[1 << 20];
        using MemoryStream blocks = new();
        using (DeflateStream stream = new(blocks, CompressionLevel.Fastest, leaveOpen: true))
        {
            stream.Write(piece);
            stream.Flush();
            long first = blocks.Length;
            stream.Write(piece);
            stream.Flush();
            byte[] again = blocks.GetBuffer()[(int)first..(int)blocks.Length];
            for (int i = 2; i < mebibytes; i++)
            {
                blocks.Write(again);
            }
        }

        // The sum of n zeros: the low half stays 1, the high half counts.
        byte[] framed = Frame(blocks.GetBuffer().AsSpan(0, (int)blocks.Length), []);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(framed.AsSpan(framed.Length - 4), (ushort)(((long)mebibytes << 20) % 65521));
        return framed;
    }

    /// <summary>zlib's checksum (RFC 1950).</summary>
    public static uint Adler32(ReadOnlySpan<byte> bytes)
    {
        uint low = 1;
        uint high = 0;
        foreach (byte value in bytes)
        {
            low = (low + value) % 65521;
            high = (high + low) % 65521;
        }

        return (high << 16) | low;
    }
}
