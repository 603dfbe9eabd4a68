using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MirrorSync.Git.Packs;

/// <summary>
/// Where the blocks of a delta's base lie: a hash table over blocks of <see cref="BlockBytes"/>, kept from one base to the
/// next. Takes up to 12 bytes of memory for each block. One thread at a time.
/// </summary>
public sealed class DeltaIndex
{
    /// <summary>Bytes of one block: what is shorter and equal is found only beside another match.</summary>
    public const int BlockBytes = 16;

    /// <summary>The longest base.</summary>
    public const int MaxSourceLength = 64 << 20;

    // In small bases blocks overlap: names and ids of a tree are short. In large ones that would take too much room.
    private const int DenseBelow = 4 << 10;
    private const int HalfDenseBelow = 64 << 10;
    private const int HalfDenseStep = 4;

    private const ulong Multiplier1 = 0x9E3779B97F4A7C15;
    private const ulong Multiplier2 = 0xC2B2AE3D27D4EB4F;

    private int[] heads = [];
    private int[] nexts = [];
    private int shift;
    private int step;

    /// <summary>Indexes a base, which the caller keeps and gives again with each question.</summary>
    public void Build(ReadOnlySpan<byte> source)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(source.Length, MaxSourceLength);
        step = source.Length <= DenseBelow ? 1 : source.Length <= HalfDenseBelow ? HalfDenseStep : BlockBytes;
        int blocks = source.Length < BlockBytes ? 0 : ((source.Length - BlockBytes) / step) + 1;
        int bits = Math.Max(4, BitOperations.Log2((uint)Math.Max(blocks, 1)) + 1);
        shift = 64 - bits;
        Grow(ref heads, 1 << bits);
        Grow(ref nexts, blocks);
        heads.AsSpan(0, 1 << bits).Clear();
        // From the end, so that a chain begins with the first of equal blocks.
        for (int block = blocks - 1; block >= 0; block--)
        {
            ref int head = ref heads[Hash(source[(block * step)..])];
            // Of a run of equal bytes only the beginning is kept: all others would lead to shorter matches.
            nexts[block] = head == block + 2 && IsSame(source, block, block + 1) ? nexts[block + 1] : head;
            head = block + 1;
        }
    }

    /// <summary>The first place to look at for a block, -1 when there is none. Chains are not checked: compare.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int First(ReadOnlySpan<byte> block) => (heads[Hash(block)] - 1) * step;

    /// <summary>The next place after one, negative when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Next(int place) => (nexts[place / step] - 1) * step;

    private static void Grow(ref int[] table, int length)
    {
        if (table.Length < length)
        {
            table = GC.AllocateUninitializedArray<int>((int)BitOperations.RoundUpToPowerOf2((uint)length));
        }
    }

    private bool IsSame(ReadOnlySpan<byte> source, int block, int other) =>
        source.Slice(block * step, BlockBytes).SequenceEqual(source.Slice(other * step, BlockBytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Hash(ReadOnlySpan<byte> block)
    {
        ulong low = MemoryMarshal.Read<ulong>(block);
        ulong high = MemoryMarshal.Read<ulong>(block[sizeof(ulong)..]);
        ulong mixed = (low * Multiplier1) ^ BitOperations.RotateLeft(high * Multiplier2, 29);
        return (int)((mixed * Multiplier1) >> shift);
    }
}
