using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace MirrorSync.Daemon.Tests.Metrics;

/// <summary>
/// A strict reader of the text format 0.0.4: HELP and TYPE once per metric and before its samples, samples of one metric
/// together, no series twice, histograms cumulative, with +Inf equal to their count. Throws at the first thing that is wrong.
/// </summary>
internal sealed partial class PrometheusText
{
    private readonly Dictionary<string, string> types = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> helps = new(StringComparer.Ordinal);
    private readonly Dictionary<string, double> samples = new(StringComparer.Ordinal);
    private readonly HashSet<string> closed = new(StringComparer.Ordinal);
    private string? current;

    private PrometheusText()
    {
    }

    /// <summary>Types by metric.</summary>
    public IReadOnlyDictionary<string, string> Types => types;

    /// <summary>Help texts by metric, unescaped.</summary>
    public IReadOnlyDictionary<string, string> Helps => helps;

    /// <summary>Values by <c>name{a="b",c="d"}</c>, labels sorted, values unescaped.</summary>
    public IReadOnlyDictionary<string, double> Samples => samples;

    public static PrometheusText Parse(string text)
    {
        var parsed = new PrometheusText();
        Assert.True(text.Length == 0 || text.EndsWith('\n'), "the last line is not ended");
        foreach (string line in text.Split('\n').SkipLast(1))
        {
            parsed.ReadLine(line);
        }

        parsed.CheckHistograms();
        return parsed;
    }

    [GeneratedRegex("^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$")]
    private static partial Regex Comment();

    [GeneratedRegex("^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(.*)\\})? (\\S+)$", RegexOptions.Singleline)]
    private static partial Regex Sample();

    [GeneratedRegex("\\G([a-zA-Z_][a-zA-Z0-9_]*)=\"((?:[^\"\\\\]|\\\\[\\\\n\"])*)\"(,|$)", RegexOptions.Singleline)]
    private static partial Regex Label();

    private void ReadLine(string line)
    {
        if (line.StartsWith('#'))
        {
            Match comment = Comment().Match(line);
            Assert.True(comment.Success, $"bad comment: {line}");
            Open(comment.Groups[2].Value);
            bool added = comment.Groups[1].Value == "TYPE"
                ? types.TryAdd(current!, comment.Groups[3].Value) : helps.TryAdd(current!, Unescape(comment.Groups[3].Value));
            Assert.True(added, $"told twice: {line}");
            Assert.True(comment.Groups[1].Value == "HELP" || comment.Groups[3].Value is "counter" or "gauge" or "histogram", $"bad type: {line}");
            return;
        }

        Match sample = Sample().Match(line);
        Assert.True(sample.Success, $"bad sample: {line}");
        string name = sample.Groups[1].Value;
        Assert.True(current is not null && types.TryGetValue(current, out string? type) && helps.ContainsKey(current), $"no HELP or TYPE before: {line}");
        bool belongs = types[current] == "histogram"
            ? name == current + "_bucket" || name == current + "_sum" || name == current + "_count" : name == current;
        Assert.True(belongs, $"{line} does not belong to {current}");
        Assert.True(types[current] != "counter" || current.EndsWith("_total", StringComparison.Ordinal), $"counter without _total: {line}");
        string key = $"{name}{{{Labels(sample.Groups[2].Value)}}}";
        Assert.True(samples.TryAdd(key, Number(sample.Groups[3].Value)), $"series twice: {line}");
    }

    private void Open(string name)
    {
        if (name != current)
        {
            Assert.True(closed.Add(name), $"{name} is not in one piece");
            current = name;
        }
    }

    private static string Labels(string text)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        int at = 0;
        while (at < text.Length)
        {
            Match label = Label().Match(text, at);
            Assert.True(label.Success && label.Length > 0, $"bad labels: {text}");
            Assert.True(labels.TryAdd(label.Groups[1].Value, Unescape(label.Groups[2].Value)), $"label twice: {text}");
            at += label.Length;
        }

        return string.Join(',', labels.Select(static l => $"{l.Key}=\"{l.Value}\""));
    }

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        "NaN" => double.NaN,
        _ => double.Parse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture),
    };

    private static string Unescape(string text)
    {
        var plain = new StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            plain.Append(text[i] != '\\' ? text[i] : text[++i] == 'n' ? '\n' : text[i]);
        }

        return plain.ToString();
    }

    private void CheckHistograms()
    {
        foreach (string name in types.Where(static t => t.Value == "histogram").Select(static t => t.Key))
        {
            string prefix = name + "_bucket{";
            foreach (var series in samples.Where(s => s.Key.StartsWith(prefix, StringComparison.Ordinal))
                .Select(s => (Labels: LessOrEqual().Replace(s.Key[prefix.Length..^1], string.Empty), Le: LessOrEqual().Match(s.Key).Groups[1].Value, s.Value))
                .GroupBy(static s => s.Labels))
            {
                double[] bounds = [.. series.Select(static s => Number(s.Le))];
                double[] counts = [.. series.Select(static s => s.Value)];
                Assert.Equal(bounds.Order(), bounds);
                Assert.Equal(counts.Order(), counts);
                Assert.Equal(double.PositiveInfinity, bounds[^1]);
                Assert.Equal(counts[^1], samples[$"{name}_count{{{series.Key}}}"]);
                Assert.Contains($"{name}_sum{{{series.Key}}}", samples.Keys);
            }
        }
    }

    [GeneratedRegex(",?le=\"([^\"]*)\"")]
    private static partial Regex LessOrEqual();
}
