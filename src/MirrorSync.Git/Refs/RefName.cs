using System.Text;

namespace MirrorSync.Git.Refs;

/// <summary>The name of a ref: bytes, in no particular encoding, ordered as bytes (as git orders packed-refs).</summary>
public readonly struct RefName : IEquatable<RefName>, IComparable<RefName>
{
    /// <summary>The longest name that is accepted, in bytes: Linux's PATH_MAX, the limit of a loose ref.</summary>
    public const int MaxLength = 4096;

    private readonly byte[]? bytes;

    private RefName(byte[] bytes) => this.bytes = bytes;

    /// <summary>The name <c>HEAD</c>.</summary>
    public static RefName Head { get; } = new("HEAD"u8.ToArray());

    /// <summary>The name's bytes; empty for the default value.</summary>
    public ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>The name's bytes as memory; empty for the default value.</summary>
    public ReadOnlyMemory<byte> Memory => bytes;

    /// <summary>True for the default value, which names no ref.</summary>
    public bool IsEmpty => bytes is null || bytes.Length == 0;

    /// <summary>Copies the bytes. Whether they are a name that git accepts is asked with <see cref="IsValid"/>.</summary>
    public static RefName FromBytes(ReadOnlySpan<byte> name) => new(name.ToArray());

    /// <summary>The name's UTF-8 bytes.</summary>
    public static RefName FromString(string name) => new(Encoding.UTF8.GetBytes(name));

    /// <summary>
    /// True for a name below <c>refs/</c> that git-check-ref-format(1) accepts and that is no longer than
    /// <see cref="MaxLength"/>. <c>HEAD</c> is not one of them.
    /// </summary>
    public static bool IsValid(ReadOnlySpan<byte> name) =>
        name.Length <= MaxLength && name.StartsWith("refs/"u8) && IsValidPath(name);

    /// <summary>
    /// The rules of git-check-ref-format(1) for each component and for what stands between them, whatever the length: true
    /// also for what follows <c>refs/</c> or another valid beginning that ends in a slash.
    /// </summary>
    internal static bool IsValidPath(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty || name[^1] is (byte)'/' or (byte)'.')
        {
            return false;
        }

        int start = 0;
        for (int i = 0; i <= name.Length; i++)
        {
            if (i == name.Length || name[i] == '/')
            {
                ReadOnlySpan<byte> component = name[start..i];
                if (component.IsEmpty || component[0] == '.' || component.EndsWith(".lock"u8))
                {
                    return false;
                }

                start = i + 1;
                continue;
            }

            if (name[i] is <= 0x20 or 0x7f or (byte)'~' or (byte)'^' or (byte)':' or (byte)'?' or (byte)'*' or (byte)'[' or (byte)'\\')
            {
                return false;
            }

            if (i > 0 && ((name[i] == '.' && name[i - 1] == '.') || (name[i] == '{' && name[i - 1] == '@')))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public bool Equals(RefName other) => Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is RefName other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.AddBytes(Bytes);
        return hash.ToHashCode();
    }

    /// <summary>Byte order.</summary>
    public int CompareTo(RefName other) => Bytes.SequenceCompareTo(other.Bytes);

    /// <summary>The name as text for people; bytes that are not UTF-8 show as U+FFFD.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Bytes);

    /// <summary>Value equality.</summary>
    public static bool operator ==(RefName left, RefName right) => left.Equals(right);

    /// <summary>Value inequality.</summary>
    public static bool operator !=(RefName left, RefName right) => !left.Equals(right);

    /// <summary>Byte order.</summary>
    public static bool operator <(RefName left, RefName right) => left.CompareTo(right) < 0;

    /// <summary>Byte order.</summary>
    public static bool operator >(RefName left, RefName right) => left.CompareTo(right) > 0;

    /// <summary>Byte order.</summary>
    public static bool operator <=(RefName left, RefName right) => left.CompareTo(right) <= 0;

    /// <summary>Byte order.</summary>
    public static bool operator >=(RefName left, RefName right) => left.CompareTo(right) >= 0;
}
