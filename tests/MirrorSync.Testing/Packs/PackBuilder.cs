using System.Buffers.Binary;
using System.Security.Cryptography;

namespace MirrorSync.Testing.Packs;

/// <summary>Builds packs byte by byte, right ones and wrong ones, without the code that is tested.</summary>
/// <param name="sha256">Ids and checksum are SHA-256.</param>
public sealed class PackBuilder(bool sha256 = false)
{
    private readonly List<long> offsets = [];

    /// <summary>The entries.</summary>
    public List<PackPart> Parts { get; init; } = [];

    /// <summary>The version in the header.</summary>
    public uint Version { get; set; } = 2;

    /// <summary>The count in the header; that of the parts unless given.</summary>
    public uint? Count { get; set; }

    /// <summary>Ids and checksum are SHA-256.</summary>
    public bool Sha256 => sha256;

    /// <summary>Bytes of an id.</summary>
    public int IdLength => sha256 ? 32 : 20;

    /// <summary>Where the parts begin, as last built.</summary>
    public IReadOnlyList<long> Offsets => offsets;

    /// <summary>Adds an entry as it is and returns its place.</summary>
    public int Add(PackPart part)
    {
        Parts.Add(part);
        return Parts.Count - 1;
    }

    /// <summary>Adds a whole object.</summary>
    public int Add(TestObject whole, int level = 6) => Add(new PackPart { Kind = whole.Type, Content = whole.Content, Level = level });

    /// <summary>Adds a delta against an entry before it.</summary>
    public int AddOffsetDelta(int onto, byte[] delta, int level = 6) =>
        Add(new PackPart { Kind = PackPart.OffsetDelta, Base = onto, Content = delta, Level = level });

    /// <summary>Adds a delta against an id.</summary>
    public int AddRefDelta(byte[] onto, byte[] delta, int level = 6) =>
        Add(new PackPart { Kind = PackPart.RefDelta, BaseId = onto, Content = delta, Level = level });

    /// <summary>The pack, with its checksum.</summary>
    public byte[] Build()
    {
        using MemoryStream pack = new();
        Span<byte> header = stackalloc byte[12];
        "PACK"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], Version);
        BinaryPrimitives.WriteUInt32BigEndian(header[8..], Count ?? (uint)Parts.Count);
        pack.Write(header);
        offsets.Clear();
        foreach (PackPart part in Parts)
        {
            offsets.Add(pack.Position);
            bool known = part.Base >= 0 && part.Base < offsets.Count;
            part.WriteTo(pack, known ? (ulong)(pack.Position - offsets[part.Base]) : 0);
        }

        pack.Write(Checksum(pack.GetBuffer().AsSpan(0, (int)pack.Length), sha256));
        return pack.ToArray();
    }

    /// <summary>Makes the last bytes of a pack the checksum of those before them.</summary>
    public static void FixChecksum(Span<byte> pack, bool sha256)
    {
        int length = sha256 ? 32 : 20;
        if (pack.Length > length)
        {
            Checksum(pack[..^length], sha256).CopyTo(pack[^length..]);
        }
    }

    private static byte[] Checksum(ReadOnlySpan<byte> bytes, bool sha256)
    {
#pragma warning disable CA5350 // git's own checksum, not a secret
        return sha256 ? SHA256.HashData(bytes) : SHA1.HashData(bytes);
#pragma warning restore CA5350
    }
}
