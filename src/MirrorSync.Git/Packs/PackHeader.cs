using System.Buffers.Binary;

namespace MirrorSync.Git.Packs;

/// <summary>The head of a pack (gitformat-pack(5)).</summary>
/// <remarks>
/// <code>
///  0        4         8         12
///  | "PACK" | version | objects |     version 2 or 3, all big-endian
/// </code>
/// </remarks>
public readonly record struct PackHeader(uint Version, uint Objects)
{
    /// <summary>Bytes of the header.</summary>
    public const int Length = 12;

    private static ReadOnlySpan<byte> Signature => "PACK"u8;

    /// <summary>Decodes the first <see cref="Length"/> bytes; anything but a pack of version 2 or 3 is an error.</summary>
    public static PackFault TryDecode(ReadOnlySpan<byte> bytes, out PackHeader header)
    {
        header = default;
        if (bytes.Length < Length)
        {
            return PackFault.Truncated;
        }

        if (!bytes[..4].SequenceEqual(Signature))
        {
            return PackFault.NotAPack;
        }

        uint version = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]);
        if (version is not (2 or 3))
        {
            return PackFault.Version;
        }

        header = new PackHeader(version, BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]));
        return PackFault.None;
    }

    /// <summary>Writes the header to the first <see cref="Length"/> bytes.</summary>
    public void Encode(Span<byte> destination)
    {
        Signature.CopyTo(destination);
        BinaryPrimitives.WriteUInt32BigEndian(destination[4..], Version);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], Objects);
    }
}
