namespace MirrorSync.Testing;

/// <summary>Percentiles of measurements.</summary>
public static class Percentile
{
    /// <summary>The nearest-rank percentile in milliseconds, to the hundredth; NaN without measurements.</summary>
    /// <param name="samples">In any order.</param>
    /// <param name="fraction">0.5 for the median.</param>
    public static double Milliseconds(IEnumerable<TimeSpan> samples, double fraction)
    {
        TimeSpan[] sorted = [.. samples.Order()];
        return sorted.Length == 0
            ? double.NaN
            : Math.Round(sorted[Math.Max(0, (int)Math.Ceiling(fraction * sorted.Length) - 1)].TotalMilliseconds, 2);
    }
}
