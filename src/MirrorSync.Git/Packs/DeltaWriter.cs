namespace MirrorSync.Git.Packs;

/// <summary>Writes a delta's sizes and instructions into a given room, and remembers when they do not fit.</summary>
/// <param name="room">As long as the delta may be.</param>
internal ref struct DeltaWriter(Span<byte> room)
{
    // What git itself never exceeds in one instruction, though the format has room for more.
    private const int LongestCopy = 0x10000;
    private const int LongestInsert = 0x7f;

    private readonly Span<byte> room = room;

    /// <summary>Bytes written.</summary>
    public int Length { get; private set; }

    /// <summary>False once something did not fit; nothing is written from then on.</summary>
    public bool Fits { get; private set; } = true;

    /// <summary>Writes one of the two sizes: 7 bits at a time, lowest first.</summary>
    public void WriteSize(int size)
    {
        uint rest = (uint)size;
        Span<byte> bytes = stackalloc byte[5];
        int length = 0;
        while (rest > 0x7f)
        {
            bytes[length++] = (byte)(0x80 | (rest & 0x7f));
            rest >>= 7;
        }

        bytes[length++] = (byte)rest;
        Write(bytes[..length]);
    }

    /// <summary>Copies a stretch of the base, which may be empty.</summary>
    public void Copy(int offset, int length)
    {
        Span<byte> bytes = stackalloc byte[DeltaInstruction.MaxLength];
        while (length > 0 && Fits)
        {
            int part = Math.Min(length, LongestCopy);
            Write(bytes[..EncodeCopy((uint)offset, part == LongestCopy ? 0 : (uint)part, bytes)]);
            offset += part;
            length -= part;
        }
    }

    /// <summary>Inserts bytes, of which there may be none.</summary>
    public void Insert(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && Fits)
        {
            int part = Math.Min(bytes.Length, LongestInsert);
            Write([(byte)part]);
            Write(bytes[..part]);
            bytes = bytes[part..];
        }
    }

    private static int EncodeCopy(uint offset, uint length, Span<byte> bytes)
    {
        int command = 0x80;
        int at = 1;
        for (int bit = 0; bit < 4; bit++, offset >>= 8)
        {
            if ((offset & 0xff) != 0)
            {
                bytes[at++] = (byte)offset;
                command |= 1 << bit;
            }
        }

        for (int bit = 4; bit < 7; bit++, length >>= 8)
        {
            if ((length & 0xff) != 0)
            {
                bytes[at++] = (byte)length;
                command |= 1 << bit;
            }
        }

        bytes[0] = (byte)command;
        return at;
    }

    private void Write(scoped ReadOnlySpan<byte> bytes)
    {
        Fits &= bytes.TryCopyTo(room[Length..]);
        Length += Fits ? bytes.Length : 0;
    }
}
