using System.Runtime.CompilerServices;

namespace MirrorSync.Git.Packs;

/// <summary>One instruction of a delta: copy a stretch of the base, or insert the bytes that follow.</summary>
/// <remarks>
/// <code>
/// 1sssoooo  o o o o  s s s     copy: a set bit says that this byte of offset or size follows, lowest first; size 0 is 0x10000
/// 0nnnnnnn  n bytes            insert; n = 0 is reserved
/// </code>
/// </remarks>
/// <param name="IsCopy">Copies from the base; otherwise inserts.</param>
/// <param name="Offset">Where in the base to copy from; 0 for an insertion.</param>
/// <param name="Length">Bytes copied or inserted, 1 to 0xffffff.</param>
public readonly record struct DeltaInstruction(bool IsCopy, uint Offset, uint Length)
{
    /// <summary>The longest instruction, without inserted bytes.</summary>
    public const int MaxLength = 8;

    /// <summary>
    /// Decodes the instruction at the start of <paramref name="bytes"/>, which are not empty. Returns its length without
    /// the inserted bytes, or 0 when it is reserved or cut off.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TryDecode(ReadOnlySpan<byte> bytes, out DeltaInstruction instruction)
    {
        uint command = bytes[0];
        if ((command & 0x80) == 0)
        {
            instruction = new DeltaInstruction(false, 0, command);
            return command == 0 ? 0 : 1;
        }

        return TryDecodeCopy(bytes, command, out instruction);
    }

    /// <summary>Whether a copy stays within a base of so many bytes; always true for an insertion.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool ReadsWithin(long baseSize) => !IsCopy || (long)((ulong)Offset + Length) <= baseSize;

    private static int TryDecodeCopy(ReadOnlySpan<byte> bytes, uint command, out DeltaInstruction instruction)
    {
        instruction = default;
        int needed = 1 + System.Numerics.BitOperations.PopCount(command & 0x7f);
        if (bytes.Length < needed)
        {
            return 0;
        }

        int at = 1;
        uint offset = 0;
        for (int shift = 0, bit = 1; bit <= 0x08; bit <<= 1, shift += 8)
        {
            if ((command & bit) != 0)
            {
                offset |= (uint)bytes[at++] << shift;
            }
        }

        uint length = 0;
        for (int shift = 0, bit = 0x10; bit <= 0x40; bit <<= 1, shift += 8)
        {
            if ((command & bit) != 0)
            {
                length |= (uint)bytes[at++] << shift;
            }
        }

        instruction = new DeltaInstruction(true, offset, length == 0 ? 0x10000 : length);
        return needed;
    }
}
