namespace MirrorSync.Bench.IndexPack.Making;

/// <summary>
/// SplitMix64: the same seed throws the same numbers on every runtime and for ever, which <see cref="Random"/> does not
/// promise. Not for secrets.
/// </summary>
/// <param name="seed">Any number.</param>
internal sealed class Dice(ulong seed)
{
    private ulong state = seed;

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>At least 0 and below 1.</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>At least 0 and below the limit.</summary>
    public int Below(int limit) => (int)Math.BigMul(Next(), (ulong)limit, out _);

    /// <summary>Both ends included.</summary>
    public int Between(int least, int most) => least + Below(most - least + 1);

    /// <summary>True so many times out of one.</summary>
    public bool Chance(double probability) => Unit() < probability;

    /// <summary>One of them, each as likely.</summary>
    public T Of<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    /// <summary>One of them, the first far more often than the last: what is used much is used ever more.</summary>
    public T Favoured<T>(IReadOnlyList<T> items, double skew = 2) => items[(int)(Math.Pow(Unit(), skew) * items.Count)];

    /// <summary>A log-normal number: many small, few large.</summary>
    public double LogNormal(double median, double sigma)
    {
        // Box and Muller; 1 - u keeps the logarithm away from zero.
        double normal = Math.Sqrt(-2 * Math.Log(1 - Unit())) * Math.Cos(2 * Math.PI * Unit());
        return median * Math.Exp(sigma * normal);
    }
}
