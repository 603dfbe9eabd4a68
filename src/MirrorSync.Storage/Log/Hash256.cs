using System.Runtime.CompilerServices;

namespace MirrorSync.Storage.Log;

/// <summary>A SHA-256 value: a chain value, or the name of a spooled body.</summary>
public readonly struct Hash256 : IEquatable<Hash256>
{
    /// <summary>Bytes of a value.</summary>
    public const int Length = 32;

    private readonly Bytes bytes;

    private Hash256(ReadOnlySpan<byte> value) => value.CopyTo(bytes);

    /// <summary>All zeros: the chain before the first record.</summary>
    public static Hash256 Zero => default;

    /// <summary>Takes exactly 32 bytes.</summary>
    public static Hash256 FromBytes(ReadOnlySpan<byte> value) => value.Length == Length
        ? new Hash256(value) : throw new ArgumentException($"a SHA-256 value has 32 bytes, not {value.Length}", nameof(value));

    /// <summary>Parses 64 hex digits; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> hex, out Hash256 hash)
    {
        Span<byte> raw = stackalloc byte[Length];
        bool good = hex.Length == 2 * Length
            && Convert.FromHexString(hex, raw, out _, out _) == System.Buffers.OperationStatus.Done;
        hash = good ? new Hash256(raw) : default;
        return good;
    }

    /// <summary>Copies the 32 bytes out.</summary>
    public void CopyTo(Span<byte> destination) => ((ReadOnlySpan<byte>)bytes).CopyTo(destination);

    /// <inheritdoc/>
    public bool Equals(Hash256 other) => ((ReadOnlySpan<byte>)bytes).SequenceEqual(other.bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Hash256 other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => System.Buffers.Binary.BinaryPrimitives.ReadInt32LittleEndian(bytes);

    /// <summary>64 lower-case hex digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(bytes);

    /// <summary>Value equality.</summary>
    public static bool operator ==(Hash256 left, Hash256 right) => left.Equals(right);

    /// <summary>Value inequality.</summary>
    public static bool operator !=(Hash256 left, Hash256 right) => !left.Equals(right);

    [InlineArray(Length)]
    private struct Bytes
    {
        private byte first;
    }
}
