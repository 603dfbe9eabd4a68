using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace MirrorSync.Git.Hashing;

/// <summary>
/// Which disturbance vectors a block may belong to: the unavoidable conditions of Stevens and Shumow, of which each
/// says whether two bits of the expanded message are equal or differ. Without knowledge of the attack's other message.
/// </summary>
/// <remarks>
/// <para>
/// The conditions of one type of vector are the same for every K, shifted by K words. So the bits that they are about
/// are gathered along the time: <c>Slide</c> moves what it has by two places and puts two bits of the next word in,
/// one at an odd place, one at an even, so that a register holds both bits of the last 16 words. The register after
/// word C + d then holds that of word K + d at a place that depends on C - K only, and one operation tells for all K
/// whether two bits are equal: 175 operations for all but the rarest conditions (<see cref="RareCondition"/>), where
/// one condition after the other, for the vectors that share it, takes 320 and more.
/// </para>
/// <para>
/// For b = 0 the bits are 29 and 4, C is 56, and K has place 29 + 2(C - K) modulo 32; for b = 2 they are 1 and 6, C is
/// 51, and the place is 1 + 2(C - K). The masks are the K that a condition is for, where not for all.
/// </para>
/// </remarks>
internal static unsafe class CollisionConditions<TVector, TOps>
    where TVector : unmanaged
    where TOps : struct, ILaneOps<TVector>
{
    // The places of type I, and those of type II, whose results are moved by one to lie between.
    private const uint Odd = 0xAAAAAAAA;

    /// <summary>
    /// From the 80 words of every lane, the vectors left: <paramref name="survivors"/>[0] for b = 0, [1] for b = 2, a
    /// bit for each, <see cref="BitOf"/>. Returns the lanes that have any, as bits.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static uint Check(TVector* words, TVector* survivors)
    {
        survivors[0] = CheckBits29And4(words);
        survivors[1] = CheckBits1And6(words);
        return TOps.NonZeroLanes(TOps.Or(survivors[0], survivors[1]));
    }

    /// <summary>The vector's bit in its survivors' word.</summary>
    public static int BitOf(DisturbanceVector vector) =>
        ((vector.B == 0 ? 29 + 2 * (56 - vector.K) : 1 + 2 * (51 - vector.K)) + vector.Type - 1) & 31;

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static TVector CheckBits29And4(TVector* words)
    {
        const byte LowToHigh = 29 - 4;
        TVector bits = TOps.Create(1u << 29 | 1u << 4);
        TVector first = TOps.Create(0), firstLow = first, second = first, secondLow = first;
        TVector a35 = TOps.And(words[35], bits);
        TVector a36 = Slide(a35, words[36], bits);
        TVector a37 = Slide(a36, words[37], bits);
        TVector a38 = Slide(a37, words[38], bits);
        TVector a39 = Slide(a38, words[39], bits);
        TVector a40 = Slide(a39, words[40], bits);
        TVector a41 = Slide(a40, words[41], bits);
        TVector a42 = Slide(a41, words[42], bits);
        TVector a42r = TOps.RotateLeft(a42, LowToHigh);
        Differ(ref secondLow, a40, a42, 0x00001550); // K 52 to 56
        TVector a43 = Slide(a42, words[43], bits);
        TVector a43r = TOps.RotateLeft(a43, LowToHigh);
        Differ(ref second, a42r, a43, 0xA000000A); // K 53 to 56
        TVector a44 = Slide(a43, words[44], bits);
        TVector a44r = TOps.RotateLeft(a44, LowToHigh);
        TVector a45 = Slide(a44, words[45], bits);
        TVector a46 = Slide(a45, words[46], bits);
        TVector a46r = TOps.RotateLeft(a46, LowToHigh);
        TVector a47 = Slide(a46, words[47], bits);
        TVector a47r = TOps.RotateLeft(a47, LowToHigh);
        Equal(ref first, a43r, a47, 0x00002AA0); // K 48 to 52
        TVector a48 = Slide(a47, words[48], bits);
        Equal(ref second, a44r, a48, 0xA000AAAA); // K 47 to 56
        TVector a49 = Slide(a48, words[49], bits);
        Equal(ref first, a48, a49, 0x00002AA0); // K 48 to 52
        TVector a50 = Slide(a49, words[50], bits);
        Equal(ref first, a46r, a50, 0x000AAAA0); // K 45 to 52
        Equal(ref first, a49, a50, 0x0000AAA0); // K 47 to 52
        Equal(ref second, a49, a50, 0xA000AAAA); // K 47 to 56
        TVector a51 = Slide(a50, words[51], bits);
        Equal(ref second, a47r, a51);
        Equal(ref second, a50, a51, 0xA002AAAA); // K 46 to 56
        TVector a52 = Slide(a51, words[52], bits);
        TVector a52r = TOps.RotateLeft(a52, LowToHigh);
        Differ(ref firstLow, a50, a52);
        TVector a53 = Slide(a52, words[53], bits);
        Differ(ref first, a52r, a53);
        Equal(ref first, a52, a53, 0x002AAAA0); // K 44 to 52
        TVector a54 = Slide(a53, words[54], bits);
        Differ(ref firstLow, a52, a54);
        Equal(ref second, a52r, a54);
        TVector a55 = Slide(a54, words[55], bits);
        Differ(ref first, a53, a55);
        Equal(ref second, a54, a55);
        TVector a56 = Slide(a55, words[56], bits);
        Differ(ref firstLow, a54, a56);
        Equal(ref second, a55, a56);
        TVector a57 = Slide(a56, words[57], bits);
        Differ(ref first, a55, a57);
        TVector a58 = Slide(a57, words[58], bits);
        TVector a58r = TOps.RotateLeft(a58, LowToHigh);
        TVector a59 = Slide(a58, words[59], bits);
        Differ(ref first, a57, a59);
        TVector a60 = Slide(a59, words[60], bits);
        TVector a60r = TOps.RotateLeft(a60, LowToHigh);
        Equal(ref first, a59, a60);
        Equal(ref second, a58r, a60, 0x800AAAAA); // K 45 to 55
        Differ(ref secondLow, a58, a60, 0x05555400); // K 45 to 53
        TVector a61 = Slide(a60, words[61], bits);
        Equal(ref second, a60, a61, 0x000AAAAA); // K 45 to 54
        TVector a62 = Slide(a61, words[62], bits);
        TVector a63 = Slide(a62, words[63], bits);
        TVector a64 = Slide(a63, words[64], bits);
        Equal(ref second, a60r, a64);
        Equal(ref second, a63, a64, 0x000AAAA0); // K 45 to 52
        return Left(first, firstLow, second, secondLow, LowToHigh, 0x40BFFFF5);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static TVector CheckBits1And6(TVector* words)
    {
        const byte LowToHigh = 32 + 1 - 6;
        TVector bits = TOps.Create(1u << 1 | 1u << 6);
        TVector first = TOps.Create(0), firstLow = first, second = first, secondLow = first;
        TVector b35 = TOps.And(words[35], bits);
        TVector b36 = Slide(b35, words[36], bits);
        TVector b37 = Slide(b36, words[37], bits);
        TVector b38 = Slide(b37, words[38], bits);
        TVector b38r = TOps.RotateLeft(b38, LowToHigh);
        Differ(ref first, b37, b38r, 0x0000002A); // K 49 to 51
        TVector b39 = Slide(b38, words[39], bits);
        TVector b40 = Slide(b39, words[40], bits);
        TVector b41 = Slide(b40, words[41], bits);
        TVector b41r = TOps.RotateLeft(b41, LowToHigh);
        Differ(ref first, b40, b41r);
        TVector b42 = Slide(b41, words[42], bits);
        TVector b42r = TOps.RotateLeft(b42, LowToHigh);
        Differ(ref first, b40, b42, 0x0000002A); // K 49 to 51
        Differ(ref second, b41, b42r);
        TVector b43 = Slide(b42, words[43], bits);
        Differ(ref second, b41, b43, 0x0000002A); // K 49 to 51
        TVector b44 = Slide(b43, words[44], bits);
        TVector b45 = Slide(b44, words[45], bits);
        TVector b45r = TOps.RotateLeft(b45, LowToHigh);
        Differ(ref first, b44, b45r);
        TVector b46 = Slide(b45, words[46], bits);
        TVector b47 = Slide(b46, words[47], bits);
        TVector b47r = TOps.RotateLeft(b47, LowToHigh);
        Equal(ref firstLow, b45, b47);
        Differ(ref second, b46, b47r);
        TVector b48 = Slide(b47, words[48], bits);
        Differ(ref second, b46, b48);
        TVector b49 = Slide(b48, words[49], bits);
        Equal(ref firstLow, b47, b49);
        TVector b50 = Slide(b49, words[50], bits);
        TVector b51 = Slide(b50, words[51], bits);
        Equal(ref firstLow, b49, b51);
        TVector b52 = Slide(b51, words[52], bits);
        Differ(ref first, b44, b52);
        TVector b53 = Slide(b52, words[53], bits);
        TVector b53r = TOps.RotateLeft(b53, LowToHigh);
        Differ(ref second, b52, b53r);
        TVector b54 = Slide(b53, words[54], bits);
        TVector b55 = Slide(b54, words[55], bits);
        Equal(ref secondLow, b53, b55);
        TVector b56 = Slide(b55, words[56], bits);
        Differ(ref second, b52, b56);

        // Bit 2 of word K + 15 and bit 7 of the next, moved to the same places.
        TVector last = TOps.Create(1u << 2 | 1u << 7);
        TVector d63 = Slide(Slide(TOps.And(words[61], last), words[62], last), words[63], last);
        TVector d64 = Slide(d63, words[64], last);
        d63 = TOps.RotateLeft(d63, 5);
        Differ(ref first, d63, d64, 0x00000A80); // K 46 to 48
        Differ(ref second, d63, d64, 0x00000800); // K 46
        return Left(first, firstLow, second, secondLow, LowToHigh, 0x00001AFE);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Slide(TVector gathered, TVector word, TVector bits) =>
        TOps.Select(bits, word, TOps.RotateLeft(gathered, 2));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Equal(ref TVector broken, TVector left, TVector right) =>
        broken = TOps.OrXor(broken, left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Equal(ref TVector broken, TVector left, TVector right, uint mask) =>
        broken = TOps.OrAnd(broken, TOps.Create(mask), TOps.Xor(left, right));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Differ(ref TVector broken, TVector left, TVector right) =>
        broken = TOps.OrXnor(broken, left, right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Differ(ref TVector broken, TVector left, TVector right, uint mask) =>
        broken = TOps.OrAndNot(broken, TOps.Create(mask), TOps.Xor(left, right));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Left(
        TVector first, TVector firstLow, TVector second, TVector secondLow, [ConstantExpected] byte lowToHigh, uint places)
    {
        first = TOps.Or(first, TOps.RotateLeft(firstLow, lowToHigh));
        second = TOps.RotateLeft(TOps.Or(second, TOps.RotateLeft(secondLow, lowToHigh)), 1);
        return TOps.AndNot(TOps.Create(places), TOps.Select(TOps.Create(Odd), first, second));
    }
}
