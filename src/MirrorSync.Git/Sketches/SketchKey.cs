using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Sketches;

/// <summary>
/// The secret of a fleet under which ids are hashed for sketches: 128 bits, the same on every node. Who does not know it
/// can make no object whose id hides another's in a sketch.
/// </summary>
/// <remarks>The hash is SipHash-2-4 (Aumasson and Bernstein, 2012) over the id's 32 bytes, a sha1 id padded with zeros.</remarks>
public readonly struct SketchKey : IEquatable<SketchKey>
{
    /// <summary>Bytes of a key.</summary>
    public const int Length = 16;

    private readonly ulong low;
    private readonly ulong high;

    private SketchKey(ulong low, ulong high) => (this.low, this.high) = (low, high);

    /// <summary>Takes exactly 16 bytes, in the order of the SipHash paper.</summary>
    public static SketchKey FromBytes(ReadOnlySpan<byte> bytes) => bytes.Length == Length
        ? new SketchKey(BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]))
        : throw new ArgumentException($"a sketch key has {Length} bytes, not {bytes.Length}", nameof(bytes));

    /// <summary>The checksum of an id; it also says to which cells the id belongs (<see cref="SketchMapping"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Checksum(in ObjectId id)
    {
        (ulong w0, ulong w1, ulong w2, ulong w3) = id.Words;
        ulong v0 = low ^ 0x736f6d6570736575;
        ulong v1 = high ^ 0x646f72616e646f6d;
        ulong v2 = low ^ 0x6c7967656e657261;
        ulong v3 = high ^ 0x7465646279746573;
        Compress(w0, ref v0, ref v1, ref v2, ref v3);
        Compress(w1, ref v0, ref v1, ref v2, ref v3);
        Compress(w2, ref v0, ref v1, ref v2, ref v3);
        Compress(w3, ref v0, ref v1, ref v2, ref v3);
        // The last word holds the input's length, modulo 256, in its highest byte.
        Compress((ulong)ObjectId.Size << 56, ref v0, ref v1, ref v2, ref v3);
        v2 ^= 0xff;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        return v0 ^ v1 ^ v2 ^ v3;
    }

    /// <inheritdoc/>
    public bool Equals(SketchKey other) => low == other.low && high == other.high;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is SketchKey other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(low, high);

    /// <summary>Says only that there is a key: it is a secret.</summary>
    public override string ToString() => nameof(SketchKey);

    /// <summary>Value equality.</summary>
    public static bool operator ==(SketchKey left, SketchKey right) => left.Equals(right);

    /// <summary>Value inequality.</summary>
    public static bool operator !=(SketchKey left, SketchKey right) => !left.Equals(right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Compress(ulong word, ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v3 ^= word;
        Round(ref v0, ref v1, ref v2, ref v3);
        Round(ref v0, ref v1, ref v2, ref v3);
        v0 ^= word;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Round(ref ulong v0, ref ulong v1, ref ulong v2, ref ulong v3)
    {
        v0 += v1;
        v1 = BitOperations.RotateLeft(v1, 13) ^ v0;
        v0 = BitOperations.RotateLeft(v0, 32);
        v2 += v3;
        v3 = BitOperations.RotateLeft(v3, 16) ^ v2;
        v0 += v3;
        v3 = BitOperations.RotateLeft(v3, 21) ^ v0;
        v2 += v1;
        v1 = BitOperations.RotateLeft(v1, 17) ^ v2;
        v2 = BitOperations.RotateLeft(v2, 32);
    }
}
