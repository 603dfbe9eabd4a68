using System.Numerics;

namespace MirrorSync.Git.Tests.Hashing;

/// <summary>SHA-1 step by step as FIPS 180-4 writes it, in both directions: the safe twin of the kernels.</summary>
internal static class ReferenceSha1
{
    public static uint[] Expand(ReadOnlySpan<uint> block)
    {
        uint[] words = new uint[80];
        block.CopyTo(words);
        for (int t = 16; t < 80; t++)
        {
            words[t] = BitOperations.RotateLeft(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1);
        }

        return words;
    }

    /// <summary>The state after the steps from (inclusive) to (exclusive).</summary>
    public static uint[] Forward(uint[] state, uint[] words, int from, int to)
    {
        (uint a, uint b, uint c, uint d, uint e) = (state[0], state[1], state[2], state[3], state[4]);
        for (int t = from; t < to; t++)
        {
            uint next = BitOperations.RotateLeft(a, 5) + F(t, b, c, d) + e + K(t) + words[t];
            (a, b, c, d, e) = (next, a, BitOperations.RotateLeft(b, 30), c, d);
        }

        return [a, b, c, d, e];
    }

    /// <summary>The state before the step to, from that before the step from.</summary>
    public static uint[] Back(uint[] state, uint[] words, int from, int to)
    {
        (uint a, uint b, uint c, uint d, uint e) = (state[0], state[1], state[2], state[3], state[4]);
        for (int t = from - 1; t >= to; t--)
        {
            uint next = a;
            (a, b, c, d) = (b, BitOperations.RotateRight(c, 30), d, e);
            e = next - BitOperations.RotateLeft(a, 5) - F(t, b, c, d) - K(t) - words[t];
        }

        return [a, b, c, d, e];
    }

    private static uint F(int t, uint b, uint c, uint d) => (t / 20) switch
    {
        0 => (b & c) ^ (~b & d),
        2 => (b & c) ^ (b & d) ^ (c & d),
        _ => b ^ c ^ d,
    };

    private static uint K(int t) => (t / 20) switch
    {
        0 => 0x5a827999,
        1 => 0x6ed9eba1,
        2 => 0x8f1bbcdc,
        _ => 0xca62c1d6,
    };
}
