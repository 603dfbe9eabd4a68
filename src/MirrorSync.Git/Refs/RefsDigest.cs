using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Refs;

/// <summary>32 bytes that stand for a whole set of refs, HEAD included: equal digests mean equal refs.</summary>
public readonly record struct RefsDigest
{
    /// <summary>Bytes of a digest.</summary>
    public const int Length = 32;

    private readonly ObjectId value;

    private RefsDigest(ObjectId value) => this.value = value;

    /// <summary>Takes 32 bytes.</summary>
    public static RefsDigest FromBytes(ReadOnlySpan<byte> bytes) => new(ObjectId.FromRaw(bytes[..Length]));

    /// <summary>Copies the 32 bytes out.</summary>
    public void CopyTo(Span<byte> destination) => value.AsSpan(ObjectFormat.Sha256).CopyTo(destination);

    /// <summary>64 lower-case hex digits.</summary>
    public override string ToString() => value.ToHex(ObjectFormat.Sha256);
}

/// <summary>
/// The incremental state behind a <see cref="RefsDigest"/>: LtHash16 of Lewi, Kim, Maykov and Weis, "Securing Update
/// Propagation with Homomorphic Hashing" (2019). A set of refs is the sum, lane by lane modulo 2^16, of 1,024 lanes
/// expanded from each ref by SHAKE256: a ref is added or taken away in constant time and in any order, and, unlike
/// with a XOR of hashes, two sets with the same sum cannot be found (more than 200 bits of security).
/// </summary>
/// <remarks>
/// One ref is expanded from: <c>"mirrorsync refs 1\0"</c>, format (1 byte), kind (1 byte), length of the name
/// (4 bytes, little endian), name, and the raw id or the target's name. Immutable.
/// </remarks>
public sealed class RefsHash
{
    private const int Lanes = 1024;

    private readonly ushort[] lanes;
    private readonly Lazy<RefsDigest> digest;

    private RefsHash(ushort[] lanes)
    {
        this.lanes = lanes;
        digest = new Lazy<RefsDigest>(() => RefsDigest.FromBytes(SHA256.HashData(MemoryMarshal.AsBytes(lanes.AsSpan()))));
    }

    /// <summary>The state of no refs at all.</summary>
    public static RefsHash Empty { get; } = new(new ushort[Lanes]);

    /// <summary>SHA-256 over the state: 1,024 lanes, little endian.</summary>
    public RefsDigest Digest => digest.Value;

    /// <summary>The state after the updates. Old and new values that do not exist count for nothing.</summary>
    public RefsHash With(ObjectFormat format, ReadOnlySpan<RefUpdate> updates)
    {
        Debug.Assert(BitConverter.IsLittleEndian, "the digest is defined over little-endian lanes");
        ushort[] next = (ushort[])lanes.Clone();
        Span<byte> expanded = stackalloc byte[Lanes * sizeof(ushort)];
        foreach (RefUpdate update in updates)
        {
            if (update.Old.Exists)
            {
                Expand(format, update.Name, update.Old, expanded);
                Combine(next, MemoryMarshal.Cast<byte, ushort>(expanded), add: false);
            }

            if (update.New.Exists)
            {
                Expand(format, update.Name, update.New, expanded);
                Combine(next, MemoryMarshal.Cast<byte, ushort>(expanded), add: true);
            }
        }

        return new RefsHash(next);
    }

    private static void Combine(Span<ushort> state, ReadOnlySpan<ushort> element, bool add)
    {
        Span<Vector<ushort>> into = MemoryMarshal.Cast<ushort, Vector<ushort>>(state);
        ReadOnlySpan<Vector<ushort>> from = MemoryMarshal.Cast<ushort, Vector<ushort>>(element);
        for (int i = 0; i < into.Length; i++)
        {
            into[i] = add ? into[i] + from[i] : into[i] - from[i];
        }
    }

    private static void Expand(ObjectFormat format, RefName name, RefValue value, Span<byte> expanded)
    {
        ReadOnlySpan<byte> domain = "mirrorsync refs 1\0"u8;
        ObjectId id = value.Id;
        ReadOnlySpan<byte> held = value.Kind == RefValueKind.Direct ? id.AsSpan(format) : value.Target.Bytes;
        int length = domain.Length + 6 + name.Bytes.Length + held.Length;
        Span<byte> input = length <= 1024 ? stackalloc byte[length] : new byte[length];
        domain.CopyTo(input);
        Span<byte> rest = input[domain.Length..];
        rest[0] = (byte)format;
        rest[1] = (byte)value.Kind;
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(rest[2..], name.Bytes.Length);
        name.Bytes.CopyTo(rest[6..]);
        held.CopyTo(rest[(6 + name.Bytes.Length)..]);
        Shake256.HashData(input, expanded);
    }
}
