using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace MirrorSync.Daemon.Metrics;

/// <summary>
/// All series of one metric name. Its lock guards its series: measurements come from any thread, each for the length of one addition.
/// </summary>
internal sealed class MetricFamily
{
    /// <summary>More label sets than this are not kept: a label that is not bounded must not eat the memory.</summary>
    public const int MaxSeries = 20_000;

    private static readonly double[] DefaultSeconds =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

    private static readonly double[] DefaultMilliseconds = [.. DefaultSeconds.Select(static s => s * 1000)];
    private static readonly double[] DefaultOther = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

    private readonly Lock gate = new();
    private readonly Dictionary<string, Series> series = new(StringComparer.Ordinal);
    private readonly double[] bounds;
    private readonly string help;

    /// <summary>Makes a family without series.</summary>
    /// <param name="name">Its name in Prometheus.</param>
    /// <param name="type">Its type.</param>
    /// <param name="observed">True when its values are asked for at each scrape, absolute, instead of added up.</param>
    /// <param name="help">Its description.</param>
    /// <param name="bounds">Upper bounds of a histogram's buckets, ascending; empty otherwise.</param>
    public MetricFamily(string name, MetricType type, bool observed, string help, double[] bounds)
    {
        Name = name;
        Type = type;
        Observed = observed;
        this.help = help;
        this.bounds = bounds;
    }

    /// <summary>The metric's name.</summary>
    public string Name { get; }

    /// <summary>The metric's type.</summary>
    public MetricType Type { get; }

    /// <summary>True when its values are asked for at each scrape.</summary>
    public bool Observed { get; }

    /// <summary>A histogram's buckets: those that the instrument advises, otherwise ones that suit its unit.</summary>
    public static double[] BoundsOf<T>(Instrument<T> instrument)
        where T : struct
    {
        IReadOnlyList<T>? advised = instrument.Advice?.HistogramBucketBoundaries;
        if (advised is null)
        {
            return instrument.Unit switch { "s" => DefaultSeconds, "ms" => DefaultMilliseconds, _ => DefaultOther };
        }

        return [.. advised.Select(static b => Convert.ToDouble(b, CultureInfo.InvariantCulture)).Where(double.IsFinite).Distinct().Order()];
    }

    /// <summary>Forgets all series: of an observed family only those count that are told of again.</summary>
    public void Clear()
    {
        lock (gate)
        {
            series.Clear();
        }
    }

    /// <summary>Takes one measurement: added up for counters, put into its bucket for histograms.</summary>
    /// <param name="value">The measured value.</param>
    /// <param name="isAbsolute">True for a gauge that is set rather than added to.</param>
    /// <param name="tags">Its labels.</param>
    public void Record(double value, bool isAbsolute, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string labels = MetricLabels.Format(tags);
        lock (gate)
        {
            if (!series.TryGetValue(labels, out Series? one))
            {
                if (series.Count >= MaxSeries)
                {
                    return;
                }

                series.Add(labels, one = new Series(bounds.Length));
            }

            one.Value = isAbsolute ? value : one.Value + value;
            if (Type == MetricType.Histogram)
            {
                one.Count++;
                int bucket = Array.FindIndex(bounds, b => value <= b);
                if (bucket >= 0)
                {
                    one.Buckets[bucket]++;
                }
            }
        }
    }

    /// <summary>Writes HELP, TYPE and all series; nothing for a family without series.</summary>
    public void WriteTo(StringBuilder text)
    {
        lock (gate)
        {
            if (series.Count == 0)
            {
                return;
            }

            text.Append("# HELP ").Append(Name).Append(' ').Append(MetricLabels.EscapeHelp(help)).Append('\n');
            text.Append("# TYPE ").Append(Name).Append(' ').Append(Word(Type)).Append('\n');
            foreach ((string labels, Series one) in series.OrderBy(static s => s.Key, StringComparer.Ordinal))
            {
                if (Type == MetricType.Histogram)
                {
                    WriteHistogram(text, labels, one);
                }
                else
                {
                    WriteSample(text, string.Empty, labels, one.Value);
                }
            }
        }
    }

    private static string Word(MetricType type) => type switch
    {
        MetricType.Counter => "counter",
        MetricType.Gauge => "gauge",
        _ => "histogram",
    };

    private void WriteHistogram(StringBuilder text, string labels, Series one)
    {
        // Buckets are cumulative in the text, not in memory.
        long below = 0;
        string separator = labels.Length == 0 ? string.Empty : ",";
        for (int i = 0; i < bounds.Length; i++)
        {
            below += one.Buckets[i];
            WriteSample(text, "_bucket", $"{labels}{separator}le=\"{MetricLabels.Number(bounds[i])}\"", below);
        }

        WriteSample(text, "_bucket", $"{labels}{separator}le=\"+Inf\"", one.Count);
        WriteSample(text, "_sum", labels, one.Value);
        WriteSample(text, "_count", labels, one.Count);
    }

    private void WriteSample(StringBuilder text, string suffix, string labels, double value)
    {
        text.Append(Name).Append(suffix);
        if (labels.Length > 0)
        {
            text.Append('{').Append(labels).Append('}');
        }

        text.Append(' ').Append(MetricLabels.Number(value)).Append('\n');
    }

    private sealed class Series(int buckets)
    {
        public double Value { get; set; }

        public long Count { get; set; }

        public long[] Buckets { get; } = new long[buckets];
    }
}
