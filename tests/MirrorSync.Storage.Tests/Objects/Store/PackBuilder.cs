using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>Writes packs and indexes as git never would.</summary>
internal static class PackBuilder
{
    /// <summary>A pack of the given entries.</summary>
    public static byte[] Pack(ObjectFormat format, params byte[][] entries)
    {
        byte[] head = new byte[PackHeader.Length];
        new PackHeader(2, (uint)entries.Length).Encode(head);
        return WithChecksum(format, [.. head, .. entries.SelectMany(static e => e)]);
    }

    /// <summary>An entry of a whole object, or of a delta by offset without its distance.</summary>
    public static byte[] Whole(PackEntryType type, byte[] content, byte[]? deflated = null)
    {
        byte[] head = new byte[PackEntryHeader.MaxLength];
        int length = PackEntryHeader.EncodeWhole(type, content.Length, head);
        return [.. head[..length], .. deflated ?? Deflate(content)];
    }

    /// <summary>An entry of a delta against the object of an id.</summary>
    public static byte[] RefDelta(ObjectFormat format, ObjectId source, byte[] delta) =>
        Whole(PackEntryType.RefDelta, delta, [.. source.AsSpan(format), .. Deflate(delta)]);

    public static byte[] Deflate(byte[] content)
    {
        using MemoryStream deflated = new();
        using (ZLibStream zlib = new(deflated, CompressionLevel.Fastest, leaveOpen: true))
        {
            zlib.Write(content);
        }

        return deflated.ToArray();
    }

    /// <summary>A zlib stream in which each byte is a stored block (RFC 1951, 3.2.4) of its own: six times as long.</summary>
    public static byte[] StoreByteByByte(byte[] content)
    {
        List<byte> stream = [0x78, 0x01];
        uint a = 1;
        uint b = 0;
        for (int i = 0; i < content.Length; i++)
        {
            stream.AddRange([i == content.Length - 1 ? (byte)1 : (byte)0, 1, 0, 0xfe, 0xff, content[i]]);
            a = (a + content[i]) % 65521;
            b = (b + a) % 65521;
        }

        return [.. stream, (byte)(b >> 8), (byte)b, (byte)(a >> 8), (byte)a];
    }

    /// <summary>An index of version 2, or 1, for the given ids and offsets.</summary>
    public static byte[] Index(ObjectFormat format, int version, IEnumerable<(ObjectId Id, uint Offset)> entries, ReadOnlySpan<byte> packChecksum)
    {
        (ObjectId Id, uint Offset)[] ordered = [.. entries.OrderBy(static e => e.Id)];
        using MemoryStream index = new();
        if (version == 2)
        {
            index.Write([0xff, (byte)'t', (byte)'O', (byte)'c', 0, 0, 0, 2]);
        }

        int[] counts = new int[256];
        foreach ((ObjectId id, _) in ordered)
        {
            counts[id.AsSpan(format)[0]]++;
        }

        uint sum = 0;
        foreach (int count in counts)
        {
            Number(sum += (uint)count);
        }

        foreach ((ObjectId id, uint offset) in ordered)
        {
            if (version == 1)
            {
                Number(offset);
            }

            index.Write(id.AsSpan(format));
        }

        if (version == 2)
        {
            index.Write(new byte[sizeof(uint) * ordered.Length]);
            foreach ((_, uint offset) in ordered)
            {
                Number(offset);
            }
        }

        index.Write(packChecksum);
        return WithChecksum(format, index.ToArray());

        void Number(uint value)
        {
            Span<byte> bytes = stackalloc byte[sizeof(uint)];
            BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
            index.Write(bytes);
        }
    }

    // git's own checksums, not a secret.
#pragma warning disable CA5350
    private static byte[] WithChecksum(ObjectFormat format, byte[] bytes) =>
        [.. bytes, .. format == ObjectFormat.Sha256 ? SHA256.HashData(bytes) : SHA1.HashData(bytes)];
#pragma warning restore CA5350
}
