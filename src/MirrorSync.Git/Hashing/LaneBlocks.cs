using System.Runtime.CompilerServices;

namespace MirrorSync.Git.Hashing;

/// <summary>Turns the blocks of all lanes into vectors of their words.</summary>
internal static unsafe class LaneBlocks<TVector, TOps>
    where TVector : unmanaged
    where TOps : struct, ILaneOps<TVector>
{
    /// <summary>
    /// Word i of the 64 bytes at <paramref name="offset"/> of every row goes to <paramref name="words"/>[i].
    /// </summary>
    /// <remarks>
    /// Quarters of four rows are laid side by side while loading, so that what is left is a transposition of 4 by 4
    /// words in each 128 bits: 8 shuffles for 4 vectors.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte** rows, long offset, TVector* words)
    {
        LoadQuarter(rows, offset, words);
        LoadQuarter(rows, offset + 16, words + 4);
        LoadQuarter(rows, offset + 32, words + 8);
        LoadQuarter(rows, offset + 48, words + 12);
    }

    /// <summary>Words 16 to 79 of the schedule, from the first 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Expand(TVector* words)
    {
        // The newest in registers: through memory the path from word to word is twice as long.
        TVector last1 = words[15];
        TVector last2 = words[14];
        TVector last3 = words[13];
        for (TVector* word = words + 16; word < words + 80; word++)
        {
            TVector older = TOps.Xor(word[-8], word[-14], word[-16]);
            TVector next = TOps.RotateLeft(TOps.Xor(last3, older), 1);
            *word = next;
            last3 = last2;
            last2 = last1;
            last1 = next;
        }
    }

    /// <summary>The words of the schedule with the constants of their steps added.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddConstants(TVector* words, TVector* sums)
    {
        AddConstant(words, sums, Sha1Rounds<TVector, TOps>.Choose.K);
        AddConstant(words + 20, sums + 20, Sha1Rounds<TVector, TOps>.Parity2.K);
        AddConstant(words + 40, sums + 40, Sha1Rounds<TVector, TOps>.Majority.K);
        AddConstant(words + 60, sums + 60, Sha1Rounds<TVector, TOps>.Parity4.K);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddConstant(TVector* words, TVector* sums, TVector k)
    {
        for (int i = 0; i < 20; i++)
        {
            sums[i] = TOps.Add(words[i], k);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadQuarter(byte** rows, long offset, TVector* words)
    {
        TVector row0 = TOps.LoadRows(rows, 0, offset);
        TVector row1 = TOps.LoadRows(rows, 1, offset);
        TVector row2 = TOps.LoadRows(rows, 2, offset);
        TVector row3 = TOps.LoadRows(rows, 3, offset);
        TVector low01 = TOps.InterleaveLow(row0, row1);
        TVector high01 = TOps.InterleaveHigh(row0, row1);
        TVector low23 = TOps.InterleaveLow(row2, row3);
        TVector high23 = TOps.InterleaveHigh(row2, row3);
        words[0] = TOps.InterleaveLowPairs(low01, low23);
        words[1] = TOps.InterleaveHighPairs(low01, low23);
        words[2] = TOps.InterleaveLowPairs(high01, high23);
        words[3] = TOps.InterleaveHighPairs(high01, high23);
    }
}
