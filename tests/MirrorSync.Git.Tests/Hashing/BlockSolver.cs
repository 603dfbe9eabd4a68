using System.Numerics;

namespace MirrorSync.Git.Tests.Hashing;

/// <summary>
/// Finds blocks that satisfy chosen conditions: the schedule is linear over GF(2) in the 512 bits of the block, hence
/// every condition is a linear equation.
/// </summary>
internal static class BlockSolver
{
    private const int Bits = 512;

    // Which bits of the block a bit of the schedule is the sum of.
    private static readonly BigInteger[] Sums = BuildSums();

    /// <summary>
    /// A block, random but for the conditions: all of them hold except that with the index <paramref name="broken"/>
    /// (none for -1). Null where the others imply it.
    /// </summary>
    public static uint[]? Solve(Random random, List<PublishedCondition> conditions, int broken)
    {
        List<(BigInteger Sum, bool Value, int Pivot)> rows = [];
        for (int i = 0; i < conditions.Count; i++)
        {
            PublishedCondition condition = conditions[i];
            BigInteger sum = Sums[condition.Word * 32 + condition.Bit] ^ Sums[condition.OtherWord * 32 + condition.OtherBit];
            bool value = condition.Differ ^ (i == broken);
            foreach ((BigInteger other, bool otherValue, int pivot) in rows)
            {
                if (!((sum >> pivot) & 1).IsZero)
                {
                    sum ^= other;
                    value ^= otherValue;
                }
            }

            if (sum.IsZero)
            {
                if (value)
                {
                    return null;
                }

                continue;
            }

            rows.Add((sum, value, (int)(sum.GetBitLength() - 1)));
        }

        byte[] bytes = new byte[Bits / 8 + 1];
        random.NextBytes(bytes.AsSpan(0, Bits / 8));
        BigInteger block = new(bytes);
        for (int i = rows.Count - 1; i >= 0; i--)
        {
            (BigInteger sum, bool value, int pivot) = rows[i];
            if (Parity(sum & block) != value)
            {
                block ^= BigInteger.One << pivot;
            }
        }

        uint[] words = new uint[16];
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = (uint)((block >> (32 * i)) & uint.MaxValue);
        }

        return words;
    }

    private static bool Parity(BigInteger value)
    {
        int count = 0;
        foreach (byte part in value.ToByteArray())
        {
            count += BitOperations.PopCount(part);
        }

        return count % 2 != 0;
    }

    private static BigInteger[] BuildSums()
    {
        BigInteger[] sums = new BigInteger[80 * 32];
        for (int i = 0; i < sums.Length; i++)
        {
            int word = i / 32;
            int rotated = (i + 31) % 32;
            sums[i] = word < 16
                ? BigInteger.One << i
                : sums[(word - 3) * 32 + rotated] ^ sums[(word - 8) * 32 + rotated]
                    ^ sums[(word - 14) * 32 + rotated] ^ sums[(word - 16) * 32 + rotated];
        }

        return sums;
    }
}
