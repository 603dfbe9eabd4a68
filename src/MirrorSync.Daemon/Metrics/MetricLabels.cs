using System.Globalization;
using System.Text;

namespace MirrorSync.Daemon.Metrics;

/// <summary>The small print of the Prometheus text format, version 0.0.4: labels, numbers, escapes.</summary>
internal static class MetricLabels
{
    /// <summary>Labels as <c>a="x",b="y"</c>, in the order of their names, so that equal sets make equal text.</summary>
    public static string Format(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.Length == 0)
        {
            return string.Empty;
        }

        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, object? value) in tags)
        {
            labels[MetricName.Clean(name)] = Convert.ToString(value, CultureInfo.InvariantCulture) ?? string.Empty;
        }

        var text = new StringBuilder();
        foreach ((string name, string value) in labels)
        {
            text.Append(text.Length == 0 ? string.Empty : ",").Append(name).Append("=\"").Append(EscapeValue(value)).Append('"');
        }

        return text.ToString();
    }

    /// <summary>A number as Go reads it.</summary>
    public static string Number(double value) => value switch
    {
        double.PositiveInfinity => "+Inf",
        double.NegativeInfinity => "-Inf",
        double.NaN => "NaN",
        _ => value.ToString("R", CultureInfo.InvariantCulture),
    };

    /// <summary>A label's value: backslash, quote and line feed are escaped.</summary>
    public static string EscapeValue(string value) =>
        EscapeHelp(value).Replace("\"", "\\\"", StringComparison.Ordinal);

    /// <summary>A HELP text: backslash and line feed are escaped.</summary>
    public static string EscapeHelp(string help) =>
        help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
