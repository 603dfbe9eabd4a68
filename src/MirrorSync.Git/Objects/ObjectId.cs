using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MirrorSync.Git.Objects;

/// <summary>
/// The name of a git object: 32 blittable bytes. An id of a sha1 repository fills the first 20, the rest is zero, so
/// that equality and order need no format; whoever writes an id says in which format.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = Size)]
public readonly struct ObjectId : IEquatable<ObjectId>, IComparable<ObjectId>
{
    /// <summary>Bytes that the value takes in memory, whatever the format.</summary>
    public const int Size = 32;

    private readonly Vector256<byte> bytes;

    private ObjectId(Vector256<byte> bytes) => this.bytes = bytes;

    /// <summary>The 32 bytes as little-endian words.</summary>
    internal (ulong First, ulong Second, ulong Third, ulong Fourth) Words
    {
        get
        {
            Debug.Assert(BitConverter.IsLittleEndian, "sketches are defined over little-endian words");
            Vector256<ulong> words = bytes.AsUInt64();
            return (words[0], words[1], words[2], words[3]);
        }
    }

    /// <summary>The id of all zeros: git's word for "no object".</summary>
    public static ObjectId Zero => default;

    /// <summary>True for the id of all zeros.</summary>
    public bool IsZero => bytes == Vector256<byte>.Zero;

    /// <summary>Takes an id of 20 (sha1) or 32 (sha256) bytes; any other length is the caller's error.</summary>
    public static ObjectId FromRaw(ReadOnlySpan<byte> raw)
    {
        if (raw.Length is not (20 or 32))
        {
            ThrowLength(raw.Length);
        }

        Span<byte> padded = stackalloc byte[Size];
        padded.Clear();
        raw.CopyTo(padded);
        return new ObjectId(Vector256.Create<byte>(padded));
    }

    /// <summary>Parses exactly 40 or 64 hex digits, as the format says, in either case; false for anything else.</summary>
    public static bool TryParseHex(ReadOnlySpan<byte> hex, ObjectFormat format, out ObjectId id)
    {
        id = default;
        if (hex.Length != format.HexLength())
        {
            return false;
        }

        Span<byte> padded = stackalloc byte[Size];
        padded.Clear();
        if (Convert.FromHexString(hex, padded, out _, out _) != System.Buffers.OperationStatus.Done)
        {
            return false;
        }

        id = new ObjectId(Vector256.Create<byte>(padded));
        return true;
    }

    /// <summary>Parses hex text; see <see cref="TryParseHex(ReadOnlySpan{byte}, ObjectFormat, out ObjectId)"/>.</summary>
    public static bool TryParseHex(ReadOnlySpan<char> hex, ObjectFormat format, out ObjectId id)
    {
        Span<byte> ascii = stackalloc byte[64];
        id = default;
        return hex.Length <= 64
            && System.Text.Ascii.FromUtf16(hex, ascii, out int written) == System.Buffers.OperationStatus.Done
            && TryParseHex(ascii[..written], format, out id);
    }

    /// <summary>The id's bytes in the given format; the span lives as long as the value that it was taken from.</summary>
    [UnscopedRef]
    public ReadOnlySpan<byte> AsSpan(ObjectFormat format) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<Vector256<byte>>(in bytes))[..format.RawLength()];

    /// <summary>Writes 40 or 64 lower-case hex digits and returns how many; a shorter destination is the caller's error.</summary>
    public int WriteHex(Span<byte> destination, ObjectFormat format)
    {
        if (!Convert.TryToHexStringLower(AsSpan(format), destination, out int written))
        {
            ThrowDestination(destination.Length);
        }

        return written;
    }

    /// <summary>The id as lower-case hex text in the given format.</summary>
    public string ToHex(ObjectFormat format) => Convert.ToHexStringLower(AsSpan(format));

    /// <inheritdoc/>
    public bool Equals(ObjectId other) => bytes == other.bytes;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ObjectId other && Equals(other);

    /// <summary>The leading bytes: a cryptographic hash needs no second hashing.</summary>
    public override int GetHashCode() => bytes.AsInt32()[0];

    /// <summary>Byte order, the order of git's indexes.</summary>
    public int CompareTo(ObjectId other) =>
        AsSpan(ObjectFormat.Sha256).SequenceCompareTo(other.AsSpan(ObjectFormat.Sha256));

    /// <summary>All 64 digits without trailing padding of a sha1 id: for debuggers and test output.</summary>
    public override string ToString() =>
        Vector128.EqualsAll(bytes.GetUpper() & PaddingMask, Vector128<byte>.Zero)
            ? ToHex(ObjectFormat.Sha1) : ToHex(ObjectFormat.Sha256);

    /// <summary>Value equality.</summary>
    public static bool operator ==(ObjectId left, ObjectId right) => left.Equals(right);

    /// <summary>Value inequality.</summary>
    public static bool operator !=(ObjectId left, ObjectId right) => !left.Equals(right);

    /// <summary>Byte order.</summary>
    public static bool operator <(ObjectId left, ObjectId right) => left.CompareTo(right) < 0;

    /// <summary>Byte order.</summary>
    public static bool operator >(ObjectId left, ObjectId right) => left.CompareTo(right) > 0;

    /// <summary>Byte order.</summary>
    public static bool operator <=(ObjectId left, ObjectId right) => left.CompareTo(right) <= 0;

    /// <summary>Byte order.</summary>
    public static bool operator >=(ObjectId left, ObjectId right) => left.CompareTo(right) >= 0;

    /// <summary>The bytes of two ids, XORed: a sum of ids in a sketch, not an id.</summary>
    internal static ObjectId Xor(in ObjectId left, in ObjectId right) => new(left.bytes ^ right.bytes);

    private static Vector128<byte> PaddingMask =>
        Vector128.Create(0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255);

    [DoesNotReturn]
    private static void ThrowDestination(int length) =>
        throw new ArgumentException($"{length} bytes do not hold an object id's digits");

    [DoesNotReturn]
    private static void ThrowLength(int length) =>
        throw new ArgumentException($"an object id has 20 or 32 bytes, not {length}");
}
