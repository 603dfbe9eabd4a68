using System.Numerics;
using System.Runtime.CompilerServices;

namespace MirrorSync.Git.Hashing;

/// <summary>SHA-1's steps for one message, whose schedule the vectors have made.</summary>
internal static unsafe class Sha1Scalar
{
    /// <summary>
    /// Hashes a block: <paramref name="words"/> are the 80 of the schedule with the constants of their steps added,
    /// <paramref name="stride"/> apart. Reads the 5 words of <paramref name="before"/> and writes those of
    /// <paramref name="after"/>, as far apart.
    /// </summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Compress(uint* words, nint stride, uint* before, uint* after)
    {
        uint a = before[0];
        uint b = before[stride];
        uint c = before[2 * stride];
        uint d = before[3 * stride];
        uint e = before[4 * stride];
        uint* word = words;
        for (int i = 0; i < 4; i++, word += 5 * stride)
        {
            Step(a, ref b, ref e, d ^ (b & (c ^ d)), word[0]);
            Step(e, ref a, ref d, c ^ (a & (b ^ c)), word[stride]);
            Step(d, ref e, ref c, b ^ (e & (a ^ b)), word[2 * stride]);
            Step(c, ref d, ref b, a ^ (d & (e ^ a)), word[3 * stride]);
            Step(b, ref c, ref a, e ^ (c & (d ^ e)), word[4 * stride]);
        }

        for (int i = 0; i < 4; i++, word += 5 * stride)
        {
            Step(a, ref b, ref e, b ^ c ^ d, word[0]);
            Step(e, ref a, ref d, a ^ b ^ c, word[stride]);
            Step(d, ref e, ref c, e ^ a ^ b, word[2 * stride]);
            Step(c, ref d, ref b, d ^ e ^ a, word[3 * stride]);
            Step(b, ref c, ref a, c ^ d ^ e, word[4 * stride]);
        }

        // The majority as a sum of two terms without common bits: the second does not wait for the newest word.
        for (int i = 0; i < 4; i++, word += 5 * stride)
        {
            Step(a, ref b, ref e, (b & (c ^ d)) + (c & d), word[0]);
            Step(e, ref a, ref d, (a & (b ^ c)) + (b & c), word[stride]);
            Step(d, ref e, ref c, (e & (a ^ b)) + (a & b), word[2 * stride]);
            Step(c, ref d, ref b, (d & (e ^ a)) + (e & a), word[3 * stride]);
            Step(b, ref c, ref a, (c & (d ^ e)) + (d & e), word[4 * stride]);
        }

        for (int i = 0; i < 4; i++, word += 5 * stride)
        {
            Step(a, ref b, ref e, b ^ c ^ d, word[0]);
            Step(e, ref a, ref d, a ^ b ^ c, word[stride]);
            Step(d, ref e, ref c, e ^ a ^ b, word[2 * stride]);
            Step(c, ref d, ref b, d ^ e ^ a, word[3 * stride]);
            Step(b, ref c, ref a, c ^ d ^ e, word[4 * stride]);
        }

        after[0] = before[0] + a;
        after[stride] = before[stride] + b;
        after[2 * stride] = before[2 * stride] + c;
        after[3 * stride] = before[3 * stride] + d;
        after[4 * stride] = before[4 * stride] + e;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step(uint a, ref uint b, ref uint e, uint f, uint word)
    {
        e = e + word + f + BitOperations.RotateLeft(a, 5);
        b = BitOperations.RotateLeft(b, 30);
    }
}
