using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace MirrorSync.Git.Hashing;

/// <summary>4 lanes on whatever the platform has for 128 bits; correct everywhere.</summary>
internal readonly unsafe struct Lanes128 : ILaneOps<Vector128<uint>>
{
    public static int Lanes => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Create(uint value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Add(Vector128<uint> left, Vector128<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Subtract(Vector128<uint> left, Vector128<uint> right) => left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> And(Vector128<uint> left, Vector128<uint> right) => left & right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Xor(Vector128<uint> left, Vector128<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Or(Vector128<uint> left, Vector128<uint> right) => left | right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Xor(Vector128<uint> a, Vector128<uint> b, Vector128<uint> c) =>
        a ^ b ^ c;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Select(Vector128<uint> mask, Vector128<uint> ones, Vector128<uint> zeros) =>
        zeros ^ (mask & (ones ^ zeros));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Majority(Vector128<uint> a, Vector128<uint> b, Vector128<uint> c) =>
        (a & b) | (c & (a | b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> OrXor(Vector128<uint> sum, Vector128<uint> a, Vector128<uint> b) =>
        sum | (a ^ b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> OrXnor(Vector128<uint> sum, Vector128<uint> a, Vector128<uint> b) =>
        sum | ~(a ^ b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> OrAnd(Vector128<uint> sum, Vector128<uint> mask, Vector128<uint> a) =>
        sum | (mask & a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> OrAndNot(Vector128<uint> sum, Vector128<uint> mask, Vector128<uint> a) =>
        sum | (mask & ~a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> AndNot(Vector128<uint> mask, Vector128<uint> a) =>
        mask & ~a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RotateLeft(Vector128<uint> value, [ConstantExpected] byte count) =>
        (value << count) | (value >>> (32 - count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NonZeroLanes(Vector128<uint> value) =>
        (~Vector128.Equals(value, Vector128<uint>.Zero)).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> LoadRows(byte** rows, int first, long offset) =>
        Vector128.Shuffle(Vector128.Load(rows[first] + offset), ReverseWords()).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> InterleaveLow(Vector128<uint> left, Vector128<uint> right) =>
        Sse2.IsSupported ? Sse2.UnpackLow(left, right)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(left, right)
        : Vector128.Create(left[0], right[0], left[1], right[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> InterleaveHigh(Vector128<uint> left, Vector128<uint> right) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(left, right)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(left, right)
        : Vector128.Create(left[2], right[2], left[3], right[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> InterleaveLowPairs(Vector128<uint> left, Vector128<uint> right) =>
        Sse2.IsSupported ? Sse2.UnpackLow(left.AsUInt64(), right.AsUInt64()).AsUInt32()
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(left.AsUInt64(), right.AsUInt64()).AsUInt32()
        : Vector128.Create(left[0], left[1], right[0], right[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> InterleaveHighPairs(Vector128<uint> left, Vector128<uint> right) =>
        Sse2.IsSupported ? Sse2.UnpackHigh(left.AsUInt64(), right.AsUInt64()).AsUInt32()
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(left.AsUInt64(), right.AsUInt64()).AsUInt32()
        : Vector128.Create(left[2], left[3], right[2], right[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> ReverseWords() =>
        Vector128.Create(0x04050607_00010203UL, 0x0C0D0E0F_08090A0BUL).AsByte();
}
