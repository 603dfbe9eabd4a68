namespace MirrorSync.Git.Packs;

/// <summary>
/// A delta: the sizes of base and result, then instructions that copy from the base or insert their own bytes
/// (gitformat-pack(5), "Deltified representation").
/// </summary>
public readonly ref struct Delta
{
    /// <summary>git takes no delta of fewer bytes: two sizes and one instruction.</summary>
    public const int MinimumLength = 4;

    private readonly ReadOnlySpan<byte> instructions;

    private Delta(ReadOnlySpan<byte> instructions, long baseSize, long resultSize)
    {
        this.instructions = instructions;
        BaseSize = baseSize;
        ResultSize = resultSize;
    }

    /// <summary>Bytes of the object that it applies to.</summary>
    public long BaseSize { get; }

    /// <summary>Bytes of the object that it makes. Declared, not yet believed: see <see cref="MakesItsSize"/>.</summary>
    public long ResultSize { get; }

    /// <summary>Decodes the two sizes; false for what is too short or declares more than 2^63 - 1 bytes.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out Delta delta)
    {
        delta = default;
        int at = 0;
        if (bytes.Length < MinimumLength || !TryReadSize(bytes, ref at, out long baseSize) || !TryReadSize(bytes, ref at, out long resultSize))
        {
            return false;
        }

        delta = new Delta(bytes[at..], baseSize, resultSize);
        return true;
    }

    /// <summary>
    /// Reads one size of a delta's head at <paramref name="at"/>, which moves behind it; false when there is nothing, or
    /// when it is too large.
    /// </summary>
    /// <remarks>As lenient as git: zeros may pad a size to any length, and it may end with the bytes.</remarks>
    public static bool TryReadSize(ReadOnlySpan<byte> bytes, ref int at, out long size)
    {
        size = 0;
        bool any = (uint)at < (uint)bytes.Length;
        for (int shift = 0; (uint)at < (uint)bytes.Length; shift += 7)
        {
            uint current = bytes[at++];
            long part = current & 0x7f;
            if (shift <= 56)
            {
                size |= part << shift;
            }
            else if (part != 0)
            {
                return false;
            }

            if ((current & 0x80) == 0)
            {
                break;
            }
        }

        return any;
    }

    /// <summary>
    /// Whether the instructions are well formed, stay within the base and make exactly <see cref="ResultSize"/> bytes:
    /// asked before a large result is given room.
    /// </summary>
    public bool MakesItsSize()
    {
        ulong made = 0;
        int at = 0;
        while (at < instructions.Length)
        {
            int length = DeltaInstruction.TryDecode(instructions[at..], out DeltaInstruction instruction);
            if (length == 0 || !instruction.ReadsWithin(BaseSize))
            {
                return false;
            }

            // At most 2^31 instructions of 2^24 bytes each: this does not overflow.
            made += instruction.Length;
            at += length;
            if (!instruction.IsCopy)
            {
                if (instruction.Length > (uint)(instructions.Length - at))
                {
                    return false;
                }

                at += (int)instruction.Length;
            }
        }

        return made == (ulong)ResultSize;
    }

    /// <summary>
    /// Makes the result; false when the delta is malformed or reads or writes out of bounds, and the result is then
    /// undefined.
    /// </summary>
    /// <param name="source">The base, of <see cref="BaseSize"/> bytes.</param>
    /// <param name="result">Room for exactly <see cref="ResultSize"/> bytes.</param>
    public bool TryApply(ReadOnlySpan<byte> source, Span<byte> result)
    {
        if (source.Length != BaseSize || result.Length != ResultSize)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = instructions;
        while (!rest.IsEmpty)
        {
            int length = DeltaInstruction.TryDecode(rest, out DeltaInstruction instruction);
            if (length == 0 || instruction.Length > (uint)result.Length)
            {
                return false;
            }

            rest = rest[length..];
            int count = (int)instruction.Length;
            if (instruction.IsCopy)
            {
                if (!instruction.ReadsWithin(source.Length))
                {
                    return false;
                }

                source.Slice((int)instruction.Offset, count).CopyTo(result);
            }
            else
            {
                if (count > rest.Length)
                {
                    return false;
                }

                rest[..count].CopyTo(result);
                rest = rest[count..];
            }

            result = result[count..];
        }

        return result.IsEmpty;
    }
}
