namespace MirrorSync.Git.Packs;

/// <summary>How an entry stores its object; the values are those of the format.</summary>
public enum PackEntryType : byte
{
    /// <summary>A whole commit.</summary>
    Commit = 1,

    /// <summary>A whole tree.</summary>
    Tree = 2,

    /// <summary>A whole blob.</summary>
    Blob = 3,

    /// <summary>A whole tag.</summary>
    Tag = 4,

    /// <summary>A delta against the entry that begins a distance before this one.</summary>
    OffsetDelta = 6,

    /// <summary>A delta against the object of an id.</summary>
    RefDelta = 7,
}

/// <summary>The head of a pack's entry, up to the base's id of a <see cref="PackEntryType.RefDelta"/> (gitformat-pack(5)).</summary>
/// <remarks>
/// <code>
/// 1ttt ssss  1sss ssss ... 0sss ssss   type, then size: 4 bits, then 7 at a time, lowest first
/// 1ddd dddd ... 0ddd dddd              OffsetDelta: distance, 7 bits at a time, highest first, each step adding 1
/// id                                   RefDelta: 20 or 32 bytes, not decoded here
/// </code>
/// </remarks>
/// <param name="Type">How the object is stored.</param>
/// <param name="Size">Bytes of the object, or of the delta, once inflated.</param>
/// <param name="BaseDistance">How far back the base's entry begins; 0 unless an <see cref="PackEntryType.OffsetDelta"/>.</param>
/// <param name="Length">Bytes of this head.</param>
public readonly record struct PackEntryHeader(PackEntryType Type, long Size, long BaseDistance, int Length)
{
    /// <summary>The longest head: 9 bytes of size and 10 of distance.</summary>
    public const int MaxLength = 19;

    private const int LastShift = 53;
    private const int MaxDistanceLength = 10;

    /// <summary>
    /// Decodes the head at the start of <paramref name="bytes"/>; <see cref="PackFault.Truncated"/> means that more
    /// bytes are needed.
    /// </summary>
    public static PackFault TryDecode(ReadOnlySpan<byte> bytes, out PackEntryHeader header)
    {
        header = default;
        if (bytes.IsEmpty)
        {
            return PackFault.Truncated;
        }

        uint current = bytes[0];
        PackEntryType type = (PackEntryType)((current >> 4) & 7);
        ulong size = current & 15;
        int length = 1;
        for (int shift = 4; (current & 0x80) != 0; shift += 7)
        {
            if ((uint)length >= (uint)bytes.Length)
            {
                return PackFault.Truncated;
            }

            current = bytes[length++];
            ulong part = current & 0x7f;
            // git's index-pack takes longer heads, but no git reads the object then ("bad object header").
            if (shift > LastShift)
            {
                return PackFault.EntrySize;
            }

            size |= part << shift;
        }

        if (type is not (>= PackEntryType.Commit and <= PackEntryType.Tag or PackEntryType.OffsetDelta or PackEntryType.RefDelta))
        {
            return PackFault.EntryType;
        }

        ulong distance = 0;
        if (type == PackEntryType.OffsetDelta)
        {
            bool more = true;
            for (bool first = true; more; first = false)
            {
                if ((uint)length >= (uint)bytes.Length)
                {
                    return PackFault.Truncated;
                }

                if (!first && ++distance >= 1UL << 56)
                {
                    return PackFault.BaseOffset;
                }

                current = bytes[length++];
                distance = (distance << 7) | (current & 0x7f);
                more = (current & 0x80) != 0;
            }
        }

        header = new PackEntryHeader(type, (long)size, (long)distance, length);
        return PackFault.None;
    }

    /// <summary>
    /// Writes the head of a delta against the entry that begins a distance before this one; returns its length, at most
    /// <see cref="MaxLength"/> bytes.
    /// </summary>
    /// <param name="size">Bytes of the delta, less than 2^60.</param>
    /// <param name="distance">More than 0.</param>
    /// <param name="destination">Room for the head.</param>
    public static int EncodeOffsetDelta(long size, long distance, Span<byte> destination)
    {
        int length = EncodeWhole(PackEntryType.OffsetDelta, size, destination);
        Span<byte> digits = stackalloc byte[MaxDistanceLength];
        int first = digits.Length - 1;
        ulong rest = (ulong)distance;
        digits[first] = (byte)(rest & 0x7f);
        while ((rest >>= 7) != 0)
        {
            digits[--first] = (byte)(0x80 | (--rest & 0x7f));
        }

        digits[first..].CopyTo(destination[length..]);
        return length + digits.Length - first;
    }

    /// <summary>
    /// Writes the head of an entry that stores a whole object, of less than 2^60 bytes, or that part of a delta's head which
    /// is the same for all; returns its length, at most 9 bytes.
    /// </summary>
    public static int EncodeWhole(PackEntryType type, long size, Span<byte> destination)
    {
        ulong rest = (ulong)size >> 4;
        int length = 0;
        byte current = (byte)(((int)type << 4) | (int)(size & 15));
        while (rest != 0)
        {
            destination[length++] = (byte)(current | 0x80);
            current = (byte)(rest & 0x7f);
            rest >>= 7;
        }

        destination[length++] = current;
        return length;
    }
}
