using System.Diagnostics.CodeAnalysis;

namespace MirrorSync.Git.Hashing;

/// <summary>
/// What the SHA-1 kernels need of a vector with one 32-bit word of each lane. Implemented by empty structs, so that a
/// kernel generic over them is compiled once per width with every call inlined to the instruction.
/// </summary>
internal unsafe interface ILaneOps<TVector>
    where TVector : unmanaged
{
    /// <summary>Words in the vector: 16, 8 or 4.</summary>
    static abstract int Lanes { get; }

    /// <summary>The value in every lane.</summary>
    static abstract TVector Create(uint value);

    static abstract TVector Add(TVector left, TVector right);

    static abstract TVector Subtract(TVector left, TVector right);

    static abstract TVector And(TVector left, TVector right);

    static abstract TVector Xor(TVector left, TVector right);

    static abstract TVector Or(TVector left, TVector right);

    static abstract TVector Xor(TVector a, TVector b, TVector c);

    /// <summary>Where <paramref name="mask"/> has a one the bit of <paramref name="ones"/>, else that of the other.</summary>
    static abstract TVector Select(TVector mask, TVector ones, TVector zeros);

    /// <summary>The bit that two or three of the three have.</summary>
    static abstract TVector Majority(TVector a, TVector b, TVector c);

    /// <summary>sum | (a ^ b).</summary>
    static abstract TVector OrXor(TVector sum, TVector a, TVector b);

    /// <summary>sum | ~(a ^ b).</summary>
    static abstract TVector OrXnor(TVector sum, TVector a, TVector b);

    /// <summary>sum | (mask &amp; a).</summary>
    static abstract TVector OrAnd(TVector sum, TVector mask, TVector a);

    /// <summary>sum | (mask &amp; ~a).</summary>
    static abstract TVector OrAndNot(TVector sum, TVector mask, TVector a);

    /// <summary>mask &amp; ~a.</summary>
    static abstract TVector AndNot(TVector mask, TVector a);

    static abstract TVector RotateLeft(TVector value, [ConstantExpected] byte count);

    /// <summary>One bit per lane: whether its word is not zero.</summary>
    static abstract uint NonZeroLanes(TVector value);

    /// <summary>
    /// 16 bytes at <paramref name="offset"/> of the rows <paramref name="first"/>, first + 4, first + 8 and first + 12
    /// (as many as there are lanes for), read as four big-endian words each.
    /// </summary>
    static abstract TVector LoadRows(byte** rows, int first, long offset);

    /// <summary>The low words of both, interleaved, in every 128 bits.</summary>
    static abstract TVector InterleaveLow(TVector left, TVector right);

    static abstract TVector InterleaveHigh(TVector left, TVector right);

    /// <summary>The low pairs of words of both, in every 128 bits.</summary>
    static abstract TVector InterleaveLowPairs(TVector left, TVector right);

    static abstract TVector InterleaveHighPairs(TVector left, TVector right);
}
