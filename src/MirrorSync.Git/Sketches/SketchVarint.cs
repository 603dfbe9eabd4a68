namespace MirrorSync.Git.Sketches;

/// <summary>LEB128: seven bits a byte, lowest first, the highest bit set on all but the last byte.</summary>
internal static class SketchVarint
{
    /// <summary>Most bytes of a number.</summary>
    public const int MaxLength = 10;

    /// <summary>Writes a number; returns its bytes.</summary>
    public static int Write(Span<byte> into, ulong value)
    {
        int length = 0;
        for (; value >= 0x80; value >>= 7)
        {
            into[length++] = (byte)(value | 0x80);
        }

        into[length++] = (byte)value;
        return length;
    }

    /// <summary>Reads a number of at most 63 bits; returns its bytes, 0 when it is cut off, too large or longer than needed.</summary>
    public static int TryRead(ReadOnlySpan<byte> bytes, out ulong value)
    {
        value = 0;
        for (int i = 0; i < Math.Min(bytes.Length, MaxLength - 1); i++)
        {
            value |= (ulong)(bytes[i] & 0x7f) << (7 * i);
            if (bytes[i] < 0x80)
            {
                return bytes[i] == 0 && i > 0 ? 0 : i + 1;
            }
        }

        return 0;
    }
}
