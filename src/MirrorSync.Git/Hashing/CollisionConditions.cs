using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace MirrorSync.Git.Hashing;

/// <summary>
/// Which disturbance vectors a block may belong to: examines the unavoidable conditions of Stevens and Shumow, each of
/// which says whether two bits of the expanded message are equal or differ, without knowledge of the attack's other
/// message. A vector whose conditions hold is never missed; a few of the least telling conditions are left out.
/// </summary>
/// <remarks>
/// <para>
/// The conditions of one type of vector are the same for every K, shifted by K words. So the bits that they are about
/// are gathered along the time: <c>Slide</c> moves what it has by two places and puts two bits of the next word in,
/// one at an odd place, one at an even, so that a register holds both bits of the last 16 words. The register after
/// word C + d then holds that of word K + d at a place that depends on C - K only, and one operation tells for all K
/// whether two bits are equal: 200 operations, 330 of the 373 conditions, 6.4 % of random blocks left with a vector
/// (all would leave 4.9 %). To examine condition after condition, each for the vectors that share it, takes 300.
/// </para>
/// <para>
/// For b = 0 the bits are 29 and 4, C is 56, and K has place 29 + 2(C - K) modulo 32; for b = 2 they are 1 and 6, C is
/// 51, and the place is 1 + 2(C - K). An r at the end of a name: moved from the even places to the odd ones. The masks
/// are the places of the K that a condition is for, where not for all; Odd and Even say where the result counts, 1 and
/// 2 for which type of vector.
/// </para>
/// </remarks>
internal static unsafe class CollisionConditions<TVector, TOps>
    where TVector : unmanaged
    where TOps : struct, ILaneOps<TVector>
{
    // The places of type I, and those of type II, whose results are moved by one to lie between.
    private const uint Odd = 0xAAAAAAAA;

    // Move what is at the places of the lower bit to those of the higher, and of bit 6 to those of bit 1.
    private const byte EvenToOdd29 = 29 - 4;
    private const byte EvenToOdd1 = 32 + 1 - 6;

    /// <summary>
    /// From the schedule of every lane, the vectors left: <paramref name="survivors"/>[0] for b = 0, [1] for b = 2, a
    /// bit for each, <see cref="BitOf"/>. Returns the lanes that have any, as bits.
    /// </summary>
    // Both gatherings in one, so that their chains (a rotation and a selection for each word) run side by side.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static uint Check(TVector* words, TVector* survivors)
    {
        TVector bits29And4 = TOps.Create(1u << 29 | 1u << 4);
        TVector bits1And6 = TOps.Create(1u << 1 | 1u << 6);
        TVector aOdd1 = TOps.Create(0), aEven1 = aOdd1, aOdd2 = aOdd1, aEven2 = aOdd1;
        TVector bOdd1 = aOdd1, bEven1 = aOdd1, bOdd2 = aOdd1, bEven2 = aOdd1;
        TVector a35 = TOps.And(words[35], bits29And4);
        TVector b35 = TOps.And(words[35], bits1And6);
        TVector a36 = Slide(a35, words[36], bits29And4);
        TVector b36 = Slide(b35, words[36], bits1And6);
        TVector a37 = Slide(a36, words[37], bits29And4);
        TVector b37 = Slide(b36, words[37], bits1And6);
        TVector a38 = Slide(a37, words[38], bits29And4);
        TVector b38 = Slide(b37, words[38], bits1And6);
        TVector b38r = TOps.RotateLeft(b38, EvenToOdd1);
        Differ(ref bOdd1, b37, b38r, 0x0000002A); // K 49 to 51
        TVector a39 = Slide(a38, words[39], bits29And4);
        TVector b39 = Slide(b38, words[39], bits1And6);
        TVector a40 = Slide(a39, words[40], bits29And4);
        TVector b40 = Slide(b39, words[40], bits1And6);
        TVector a41 = Slide(a40, words[41], bits29And4);
        TVector b41 = Slide(b40, words[41], bits1And6);
        TVector b41r = TOps.RotateLeft(b41, EvenToOdd1);
        Differ(ref bOdd1, b40, b41r);
        TVector a42 = Slide(a41, words[42], bits29And4);
        TVector a42r = TOps.RotateLeft(a42, EvenToOdd29);
        Differ(ref aEven2, a40, a42, 0x00001550); // K 52 to 56
        TVector b42 = Slide(b41, words[42], bits1And6);
        TVector b42r = TOps.RotateLeft(b42, EvenToOdd1);
        Differ(ref bOdd1, b40, b42, 0x0000002A); // K 49 to 51
        Differ(ref bOdd2, b41, b42r);
        TVector a43 = Slide(a42, words[43], bits29And4);
        TVector a43r = TOps.RotateLeft(a43, EvenToOdd29);
        Differ(ref aOdd2, a42r, a43, 0xA000000A); // K 53 to 56
        TVector b43 = Slide(b42, words[43], bits1And6);
        Differ(ref bOdd2, b41, b43, 0x0000002A); // K 49 to 51
        TVector a44 = Slide(a43, words[44], bits29And4);
        TVector a44r = TOps.RotateLeft(a44, EvenToOdd29);
        TVector b44 = Slide(b43, words[44], bits1And6);
        TVector a45 = Slide(a44, words[45], bits29And4);
        TVector b45 = Slide(b44, words[45], bits1And6);
        TVector b45r = TOps.RotateLeft(b45, EvenToOdd1);
        Differ(ref bOdd1, b44, b45r);
        TVector a46 = Slide(a45, words[46], bits29And4);
        TVector a46r = TOps.RotateLeft(a46, EvenToOdd29);
        TVector b46 = Slide(b45, words[46], bits1And6);
        TVector a47 = Slide(a46, words[47], bits29And4);
        TVector a47r = TOps.RotateLeft(a47, EvenToOdd29);
        Equal(ref aOdd1, a43r, a47, 0x00002AA0); // K 48 to 52
        TVector b47 = Slide(b46, words[47], bits1And6);
        TVector b47r = TOps.RotateLeft(b47, EvenToOdd1);
        Equal(ref bEven1, b45, b47);
        Differ(ref bOdd2, b46, b47r);
        TVector a48 = Slide(a47, words[48], bits29And4);
        Equal(ref aOdd2, a44r, a48, 0xA000AAAA); // K 47 to 56
        TVector b48 = Slide(b47, words[48], bits1And6);
        Differ(ref bOdd2, b46, b48);
        TVector a49 = Slide(a48, words[49], bits29And4);
        Equal(ref aOdd1, a48, a49, 0x00002AA0); // K 48 to 52
        TVector b49 = Slide(b48, words[49], bits1And6);
        Equal(ref bEven1, b47, b49);
        TVector a50 = Slide(a49, words[50], bits29And4);
        Equal(ref aOdd1, a46r, a50, 0x000AAAA0); // K 45 to 52
        Equal(ref aOdd1, a49, a50, 0x0000AAA0); // K 47 to 52
        Equal(ref aOdd2, a49, a50, 0xA000AAAA); // K 47 to 56
        TVector b50 = Slide(b49, words[50], bits1And6);
        TVector a51 = Slide(a50, words[51], bits29And4);
        Equal(ref aOdd2, a47r, a51);
        Equal(ref aOdd2, a50, a51, 0xA002AAAA); // K 46 to 56
        TVector b51 = Slide(b50, words[51], bits1And6);
        Equal(ref bEven1, b49, b51);
        TVector a52 = Slide(a51, words[52], bits29And4);
        TVector a52r = TOps.RotateLeft(a52, EvenToOdd29);
        Differ(ref aEven1, a50, a52);
        TVector b52 = Slide(b51, words[52], bits1And6);
        Differ(ref bOdd1, b44, b52);
        TVector a53 = Slide(a52, words[53], bits29And4);
        Differ(ref aOdd1, a52r, a53);
        Equal(ref aOdd1, a52, a53, 0x002AAAA0); // K 44 to 52
        TVector b53 = Slide(b52, words[53], bits1And6);
        TVector b53r = TOps.RotateLeft(b53, EvenToOdd1);
        Differ(ref bOdd2, b52, b53r);
        TVector a54 = Slide(a53, words[54], bits29And4);
        Differ(ref aEven1, a52, a54);
        Equal(ref aOdd2, a52r, a54);
        TVector b54 = Slide(b53, words[54], bits1And6);
        TVector a55 = Slide(a54, words[55], bits29And4);
        Differ(ref aOdd1, a53, a55);
        Equal(ref aOdd2, a54, a55);
        TVector b55 = Slide(b54, words[55], bits1And6);
        Equal(ref bEven2, b53, b55);
        TVector a56 = Slide(a55, words[56], bits29And4);
        Differ(ref aEven1, a54, a56);
        Equal(ref aOdd2, a55, a56);
        TVector b56 = Slide(b55, words[56], bits1And6);
        Differ(ref bOdd2, b52, b56);
        TVector a57 = Slide(a56, words[57], bits29And4);
        Differ(ref aOdd1, a55, a57);
        TVector a58 = Slide(a57, words[58], bits29And4);
        TVector a58r = TOps.RotateLeft(a58, EvenToOdd29);
        TVector a59 = Slide(a58, words[59], bits29And4);
        Differ(ref aOdd1, a57, a59);
        TVector a60 = Slide(a59, words[60], bits29And4);
        TVector a60r = TOps.RotateLeft(a60, EvenToOdd29);
        Equal(ref aOdd1, a59, a60);
        Equal(ref aOdd2, a58r, a60, 0x800AAAAA); // K 45 to 55
        Differ(ref aEven2, a58, a60, 0x05555400); // K 45 to 53
        TVector a61 = Slide(a60, words[61], bits29And4);
        Equal(ref aOdd2, a60, a61, 0x000AAAAA); // K 45 to 54
        TVector a62 = Slide(a61, words[62], bits29And4);
        TVector a63 = Slide(a62, words[63], bits29And4);
        TVector a64 = Slide(a63, words[64], bits29And4);
        Equal(ref aOdd2, a60r, a64);
        Equal(ref aOdd2, a63, a64, 0x000AAAA0); // K 45 to 52

        // Bit 2 of word K + 15 and bit 7 of the next, moved to the places of the former.
        TVector bits2And7 = TOps.Create(1u << 2 | 1u << 7);
        TVector d63 = Slide(Slide(TOps.And(words[61], bits2And7), words[62], bits2And7), words[63], bits2And7);
        TVector d64 = Slide(d63, words[64], bits2And7);
        d63 = TOps.RotateLeft(d63, 5);
        Differ(ref bOdd1, d63, d64, 0x00000A80); // K 46 to 48
        Differ(ref bOdd2, d63, d64, 0x00000800); // K 46

        // Bits 0 of word K - 13, 5 of the next and 30 of word K - 8.
        TVector bits0And5 = TOps.Create(1u << 0 | 1u << 5);
        TVector e38 = Slide(Slide(TOps.And(words[36], bits0And5), words[37], bits0And5), words[38], bits0And5);
        TVector e39 = TOps.RotateLeft(Slide(e38, words[39], bits0And5), 32 + 1 - 5);
        e38 = TOps.RotateLeft(e38, 1);
        Differ(ref bOdd2, e38, e39, 0x0000002A); // K 49 to 51
        TVector bit30 = TOps.Create(1u << 30);
        TVector f43 = Slide(Slide(TOps.And(words[41], bit30), words[42], bit30), words[43], bit30);
        Differ(ref bOdd2, e38, TOps.RotateLeft(f43, 3), 0x0000002A); // K 49 to 51
        survivors[0] = Left(aOdd1, aEven1, aOdd2, aEven2, EvenToOdd29, 0x40BFFFF5);
        survivors[1] = Left(bOdd1, bEven1, bOdd2, bEven2, EvenToOdd1, 0x00001AFE);
        return TOps.NonZeroLanes(TOps.Or(survivors[0], survivors[1]));
    }

    /// <summary>The vector's bit in its survivors' word.</summary>
    public static int BitOf(DisturbanceVector vector) =>
        ((vector.B == 0 ? 29 + 2 * (56 - vector.K) : 1 + 2 * (51 - vector.K)) + vector.Type - 1) & 31;

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
        TVector odd1, TVector even1, TVector odd2, TVector even2, [ConstantExpected] byte evenToOdd, uint places)
    {
        odd1 = TOps.Or(odd1, TOps.RotateLeft(even1, evenToOdd));
        odd2 = TOps.RotateLeft(TOps.Or(odd2, TOps.RotateLeft(even2, evenToOdd)), 1);
        return TOps.AndNot(TOps.Create(places), TOps.Select(TOps.Create(Odd), odd1, odd2));
    }
}
