using System.Runtime.CompilerServices;

namespace MirrorSync.Git.Hashing;

/// <summary>SHA-1's compression of one block in every lane (FIPS 180-4, 6.1.2).</summary>
/// <remarks>
/// 20 steps are written out in a method, so that the 16 words of the schedule in use and the 5 of the state stay in
/// the 32 registers of AVX-512; all 80 in one are more than the JIT inlines.
/// </remarks>
internal static unsafe class Sha1Kernel<TVector, TOps>
    where TVector : unmanaged
    where TOps : struct, ILaneOps<TVector>
{
    /// <summary>Words of the state.</summary>
    public const int StateWords = 5;

    /// <summary>Vectors of room for the schedule, with that for a state behind it.</summary>
    public const int RoomWords = 80 + StateWords;

    /// <summary>
    /// Hashes the 64 bytes at <paramref name="offset"/> of every row from the state <paramref name="before"/> to the
    /// state <paramref name="after"/>; they may be the same. The first 80 of the
    /// <see cref="RoomWords"/> vectors at <paramref name="words"/> receive the schedule.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(byte** rows, long offset, TVector* before, TVector* after, TVector* words)
    {
        LaneBlocks<TVector, TOps>.Load(rows, offset, words);
        TVector* state = words + 80;
        FirstRound(words, before, state);
        Round<Sha1Rounds<TVector, TOps>.Parity2>(words + 20, state);
        Round<Sha1Rounds<TVector, TOps>.Majority>(words + 40, state);
        Round<Sha1Rounds<TVector, TOps>.Parity4>(words + 60, state);
        for (int i = 0; i < StateWords; i++)
        {
            after[i] = TOps.Add(before[i], state[i]);
        }
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FirstRound(TVector* words, TVector* before, TVector* after)
    {
        TVector k = Sha1Rounds<TVector, TOps>.Choose.K;
        TVector a = before[0];
        TVector b = before[1];
        TVector c = before[2];
        TVector d = before[3];
        TVector e = before[4];
        TVector w0 = words[0];
        Step<Sha1Rounds<TVector, TOps>.Choose>(a, ref b, c, d, ref e, w0, k);
        TVector w1 = words[1];
        Step<Sha1Rounds<TVector, TOps>.Choose>(e, ref a, b, c, ref d, w1, k);
        TVector w2 = words[2];
        Step<Sha1Rounds<TVector, TOps>.Choose>(d, ref e, a, b, ref c, w2, k);
        TVector w3 = words[3];
        Step<Sha1Rounds<TVector, TOps>.Choose>(c, ref d, e, a, ref b, w3, k);
        TVector w4 = words[4];
        Step<Sha1Rounds<TVector, TOps>.Choose>(b, ref c, d, e, ref a, w4, k);
        TVector w5 = words[5];
        Step<Sha1Rounds<TVector, TOps>.Choose>(a, ref b, c, d, ref e, w5, k);
        TVector w6 = words[6];
        Step<Sha1Rounds<TVector, TOps>.Choose>(e, ref a, b, c, ref d, w6, k);
        TVector w7 = words[7];
        Step<Sha1Rounds<TVector, TOps>.Choose>(d, ref e, a, b, ref c, w7, k);
        TVector w8 = words[8];
        Step<Sha1Rounds<TVector, TOps>.Choose>(c, ref d, e, a, ref b, w8, k);
        TVector w9 = words[9];
        Step<Sha1Rounds<TVector, TOps>.Choose>(b, ref c, d, e, ref a, w9, k);
        TVector w10 = words[10];
        Step<Sha1Rounds<TVector, TOps>.Choose>(a, ref b, c, d, ref e, w10, k);
        TVector w11 = words[11];
        Step<Sha1Rounds<TVector, TOps>.Choose>(e, ref a, b, c, ref d, w11, k);
        TVector w12 = words[12];
        Step<Sha1Rounds<TVector, TOps>.Choose>(d, ref e, a, b, ref c, w12, k);
        TVector w13 = words[13];
        Step<Sha1Rounds<TVector, TOps>.Choose>(c, ref d, e, a, ref b, w13, k);
        TVector w14 = words[14];
        Step<Sha1Rounds<TVector, TOps>.Choose>(b, ref c, d, e, ref a, w14, k);
        TVector w15 = words[15];
        Step<Sha1Rounds<TVector, TOps>.Choose>(a, ref b, c, d, ref e, w15, k);
        w0 = Expand(w13, w8, w2, w0, words + 16);
        Step<Sha1Rounds<TVector, TOps>.Choose>(e, ref a, b, c, ref d, w0, k);
        w1 = Expand(w14, w9, w3, w1, words + 17);
        Step<Sha1Rounds<TVector, TOps>.Choose>(d, ref e, a, b, ref c, w1, k);
        w2 = Expand(w15, w10, w4, w2, words + 18);
        Step<Sha1Rounds<TVector, TOps>.Choose>(c, ref d, e, a, ref b, w2, k);
        w3 = Expand(w0, w11, w5, w3, words + 19);
        Step<Sha1Rounds<TVector, TOps>.Choose>(b, ref c, d, e, ref a, w3, k);
        after[0] = a;
        after[1] = b;
        after[2] = c;
        after[3] = d;
        after[4] = e;
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Round<TRound>(TVector* words, TVector* state)
        where TRound : struct, ISha1Round<TVector>
    {
        TVector k = TRound.K;
        TVector a = state[0];
        TVector b = state[1];
        TVector c = state[2];
        TVector d = state[3];
        TVector e = state[4];
        TVector w0 = words[-16];
        TVector w1 = words[-15];
        TVector w2 = words[-14];
        TVector w3 = words[-13];
        TVector w4 = words[-12];
        TVector w5 = words[-11];
        TVector w6 = words[-10];
        TVector w7 = words[-9];
        TVector w8 = words[-8];
        TVector w9 = words[-7];
        TVector w10 = words[-6];
        TVector w11 = words[-5];
        TVector w12 = words[-4];
        TVector w13 = words[-3];
        TVector w14 = words[-2];
        TVector w15 = words[-1];
        w0 = Expand(w13, w8, w2, w0, words + 0);
        Step<TRound>(a, ref b, c, d, ref e, w0, k);
        w1 = Expand(w14, w9, w3, w1, words + 1);
        Step<TRound>(e, ref a, b, c, ref d, w1, k);
        w2 = Expand(w15, w10, w4, w2, words + 2);
        Step<TRound>(d, ref e, a, b, ref c, w2, k);
        w3 = Expand(w0, w11, w5, w3, words + 3);
        Step<TRound>(c, ref d, e, a, ref b, w3, k);
        w4 = Expand(w1, w12, w6, w4, words + 4);
        Step<TRound>(b, ref c, d, e, ref a, w4, k);
        w5 = Expand(w2, w13, w7, w5, words + 5);
        Step<TRound>(a, ref b, c, d, ref e, w5, k);
        w6 = Expand(w3, w14, w8, w6, words + 6);
        Step<TRound>(e, ref a, b, c, ref d, w6, k);
        w7 = Expand(w4, w15, w9, w7, words + 7);
        Step<TRound>(d, ref e, a, b, ref c, w7, k);
        w8 = Expand(w5, w0, w10, w8, words + 8);
        Step<TRound>(c, ref d, e, a, ref b, w8, k);
        w9 = Expand(w6, w1, w11, w9, words + 9);
        Step<TRound>(b, ref c, d, e, ref a, w9, k);
        w10 = Expand(w7, w2, w12, w10, words + 10);
        Step<TRound>(a, ref b, c, d, ref e, w10, k);
        w11 = Expand(w8, w3, w13, w11, words + 11);
        Step<TRound>(e, ref a, b, c, ref d, w11, k);
        w12 = Expand(w9, w4, w14, w12, words + 12);
        Step<TRound>(d, ref e, a, b, ref c, w12, k);
        w13 = Expand(w10, w5, w15, w13, words + 13);
        Step<TRound>(c, ref d, e, a, ref b, w13, k);
        w14 = Expand(w11, w6, w0, w14, words + 14);
        Step<TRound>(b, ref c, d, e, ref a, w14, k);
        w15 = Expand(w12, w7, w1, w15, words + 15);
        Step<TRound>(a, ref b, c, d, ref e, w15, k);
        w0 = Expand(w13, w8, w2, w0, words + 16);
        Step<TRound>(e, ref a, b, c, ref d, w0, k);
        w1 = Expand(w14, w9, w3, w1, words + 17);
        Step<TRound>(d, ref e, a, b, ref c, w1, k);
        w2 = Expand(w15, w10, w4, w2, words + 18);
        Step<TRound>(c, ref d, e, a, ref b, w2, k);
        w3 = Expand(w0, w11, w5, w3, words + 19);
        Step<TRound>(b, ref c, d, e, ref a, w3, k);
        state[0] = a;
        state[1] = b;
        state[2] = c;
        state[3] = d;
        state[4] = e;
    }

    /// <summary>A step in place: e becomes the next a.</summary>
    /// <remarks>e + (w + k) + f first: only the rotated a is on the path from step to step.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Step<TRound>(TVector a, ref TVector b, TVector c, TVector d, ref TVector e, TVector w, TVector k)
        where TRound : struct, ISha1Round<TVector>
    {
        e = TOps.Add(TOps.Add(TOps.Add(e, TOps.Add(w, k)), TRound.F(b, c, d)), TOps.RotateLeft(a, 5));
        b = TOps.RotateLeft(b, 30);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Expand(TVector w3, TVector w8, TVector w14, TVector w16, TVector* place) =>
        *place = TOps.RotateLeft(TOps.Xor(TOps.Xor(w3, w8, w14), w16), 1);
}
