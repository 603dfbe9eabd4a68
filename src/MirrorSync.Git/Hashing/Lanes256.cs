using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MirrorSync.Git.Hashing;

/// <summary>8 lanes on AVX2.</summary>
internal readonly unsafe struct Lanes256 : ILaneOps<Vector256<uint>>
{
    public static bool IsSupported => Avx2.IsSupported;

    public static int Lanes => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Create(uint value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Add(Vector256<uint> left, Vector256<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Subtract(Vector256<uint> left, Vector256<uint> right) => left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> And(Vector256<uint> left, Vector256<uint> right) => left & right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Xor(Vector256<uint> left, Vector256<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Or(Vector256<uint> left, Vector256<uint> right) => left | right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Xor(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c) =>
        a ^ b ^ c;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Select(Vector256<uint> mask, Vector256<uint> ones, Vector256<uint> zeros) =>
        zeros ^ (mask & (ones ^ zeros));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Majority(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c) =>
        (a & b) | (c & (a | b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> OrXor(Vector256<uint> sum, Vector256<uint> a, Vector256<uint> b) =>
        sum | (a ^ b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> OrXnor(Vector256<uint> sum, Vector256<uint> a, Vector256<uint> b) =>
        sum | ~(a ^ b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> OrAnd(Vector256<uint> sum, Vector256<uint> mask, Vector256<uint> a) =>
        sum | (mask & a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> OrAndNot(Vector256<uint> sum, Vector256<uint> mask, Vector256<uint> a) =>
        sum | (mask & ~a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> AndNot(Vector256<uint> mask, Vector256<uint> a) =>
        mask & ~a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RotateLeft(Vector256<uint> value, [ConstantExpected] byte count) =>
        (value << count) | (value >>> (32 - count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NonZeroLanes(Vector256<uint> value) =>
        (~Vector256.Equals(value, Vector256<uint>.Zero)).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> LoadRows(byte** rows, int first, long offset)
    {
        Vector256<byte> bytes = Vector256.Create(
            Vector128.Load(rows[first] + offset), Vector128.Load(rows[first + 4] + offset));
        return Avx2.Shuffle(bytes, ReverseWords()).AsUInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> InterleaveLow(Vector256<uint> left, Vector256<uint> right) =>
        Avx2.UnpackLow(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> InterleaveHigh(Vector256<uint> left, Vector256<uint> right) =>
        Avx2.UnpackHigh(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> InterleaveLowPairs(Vector256<uint> left, Vector256<uint> right) =>
        Avx2.UnpackLow(left.AsUInt64(), right.AsUInt64()).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> InterleaveHighPairs(Vector256<uint> left, Vector256<uint> right) =>
        Avx2.UnpackHigh(left.AsUInt64(), right.AsUInt64()).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<byte> ReverseWords() =>
        Vector256.Create(0x04050607_00010203UL, 0x0C0D0E0F_08090A0BUL, 0x04050607_00010203UL, 0x0C0D0E0F_08090A0BUL)
            .AsByte();
}
