using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MirrorSync.Git.Hashing;

/// <summary>16 lanes on AVX-512 (F and BW).</summary>
internal readonly unsafe struct Lanes512 : ILaneOps<Vector512<uint>>
{
    // The tables of vpternlogd: the result for the inputs (a, b, c) is bit 4a + 2b + c.
    private const byte XorTable = 0x96;
    private const byte SelectTable = 0xCA;
    private const byte MajorityTable = 0xE8;
    private const byte OrXorTable = 0xF6;
    private const byte OrXnorTable = 0xF9;
    private const byte OrAndTable = 0xF8;
    private const byte OrAndNotTable = 0xF4;

    public static bool IsSupported => Avx512F.IsSupported && Avx512BW.IsSupported;

    public static int Lanes => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Create(uint value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Add(Vector512<uint> left, Vector512<uint> right) => left + right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Subtract(Vector512<uint> left, Vector512<uint> right) => left - right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> And(Vector512<uint> left, Vector512<uint> right) => left & right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Xor(Vector512<uint> left, Vector512<uint> right) => left ^ right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Or(Vector512<uint> left, Vector512<uint> right) => left | right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Xor(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Avx512F.TernaryLogic(a, b, c, XorTable);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Select(Vector512<uint> mask, Vector512<uint> ones, Vector512<uint> zeros) =>
        Avx512F.TernaryLogic(mask, ones, zeros, SelectTable);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Majority(Vector512<uint> a, Vector512<uint> b, Vector512<uint> c) =>
        Avx512F.TernaryLogic(a, b, c, MajorityTable);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> OrXor(Vector512<uint> sum, Vector512<uint> a, Vector512<uint> b) =>
        Avx512F.TernaryLogic(sum, a, b, OrXorTable);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> OrXnor(Vector512<uint> sum, Vector512<uint> a, Vector512<uint> b) =>
        Avx512F.TernaryLogic(sum, a, b, OrXnorTable);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> OrAnd(Vector512<uint> sum, Vector512<uint> mask, Vector512<uint> a) =>
        Avx512F.TernaryLogic(sum, mask, a, OrAndTable);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> OrAndNot(Vector512<uint> sum, Vector512<uint> mask, Vector512<uint> a) =>
        Avx512F.TernaryLogic(sum, mask, a, OrAndNotTable);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> AndNot(Vector512<uint> mask, Vector512<uint> a) =>
        mask & ~a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> RotateLeft(Vector512<uint> value, [ConstantExpected] byte count) => Avx512F.RotateLeft(value, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NonZeroLanes(Vector512<uint> value) =>
        (uint)(~Vector512.Equals(value, Vector512<uint>.Zero)).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> LoadRows(byte** rows, int first, long offset)
    {
        Vector256<byte> low = Vector256.Create(
            Vector128.Load(rows[first] + offset), Vector128.Load(rows[first + 4] + offset));
        Vector256<byte> high = Vector256.Create(
            Vector128.Load(rows[first + 8] + offset), Vector128.Load(rows[first + 12] + offset));
        return Avx512BW.Shuffle(low.ToVector512Unsafe().WithUpper(high), ReverseWords()).AsUInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> InterleaveLow(Vector512<uint> left, Vector512<uint> right) =>
        Avx512F.UnpackLow(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> InterleaveHigh(Vector512<uint> left, Vector512<uint> right) =>
        Avx512F.UnpackHigh(left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> InterleaveLowPairs(Vector512<uint> left, Vector512<uint> right) =>
        Avx512F.UnpackLow(left.AsUInt64(), right.AsUInt64()).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> InterleaveHighPairs(Vector512<uint> left, Vector512<uint> right) =>
        Avx512F.UnpackHigh(left.AsUInt64(), right.AsUInt64()).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> ReverseWords() =>
        Vector512.Create(0x04050607_00010203UL, 0x0C0D0E0F_08090A0BUL, 0x04050607_00010203UL, 0x0C0D0E0F_08090A0BUL,
            0x04050607_00010203UL, 0x0C0D0E0F_08090A0BUL, 0x04050607_00010203UL, 0x0C0D0E0F_08090A0BUL).AsByte();
}
