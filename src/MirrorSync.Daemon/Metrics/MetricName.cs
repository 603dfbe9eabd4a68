using System.Diagnostics.Metrics;
using System.Text;

namespace MirrorSync.Daemon.Metrics;

/// <summary>How instruments are called in Prometheus: <c>mirrorsync.lag</c> in <c>s</c> becomes <c>mirrorsync_lag_seconds</c>.</summary>
internal static class MetricName
{
    /// <summary>The metric's name: letters, digits and <c>_</c> only, the unit behind it, <c>_total</c> behind a counter.</summary>
    public static string Of(Instrument instrument, MetricType type)
    {
        string name = Clean(instrument.Name);
        string unit = instrument.Unit switch
        {
            "s" => "seconds",
            "ms" => "milliseconds",
            "By" => "bytes",
            "1" or null or "" => string.Empty,

            // {delta}, {repository}: an annotation, which the name says already.
            { } text when text.StartsWith('{') => string.Empty,
            { } text => Clean(text),
        };
        if (unit.Length > 0 && !name.EndsWith("_" + unit, StringComparison.Ordinal))
        {
            name += "_" + unit;
        }

        return type == MetricType.Counter && !name.EndsWith("_total", StringComparison.Ordinal) ? name + "_total" : name;
    }

    /// <summary>A text as a metric's or label's name.</summary>
    public static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            clean.Append(char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '_');
        }

        return clean.Length == 0 || char.IsAsciiDigit(clean[0]) ? clean.Insert(0, '_').ToString() : clean.ToString();
    }
}

/// <summary>The types of the text format.</summary>
internal enum MetricType
{
    /// <summary>Only grows.</summary>
    Counter,

    /// <summary>Goes up and down.</summary>
    Gauge,

    /// <summary>Counts per bucket.</summary>
    Histogram,
}
