using System.Diagnostics.Metrics;
using System.Text;

namespace MirrorSync.Daemon.Metrics;

/// <summary>
/// Hears every <see cref="Meter"/> whose name begins with <c>MirrorSync</c> and tells their instruments in the Prometheus
/// text format. The floors below know nothing of it: they only have Meters, as any other exporter would want them.
/// </summary>
internal sealed class MetricsListener : IDisposable
{
    /// <summary>The content type of the text.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly object? scope;
    private readonly MeterListener listener = new();
    private readonly Lock scrape = new();
    private readonly Lock gate = new();
    private readonly SortedDictionary<string, MetricFamily> families = new(StringComparer.Ordinal);

    /// <summary>Begins to listen.</summary>
    /// <param name="scope">Meters made for another scope are left out, so that two nodes in one process stay apart.</param>
    public MetricsListener(object? scope)
    {
        this.scope = scope;
        listener.InstrumentPublished = Subscribe;
        listener.SetMeasurementEventCallback<byte>(static (i, v, t, s) => Record(i, v, t, s));
        listener.SetMeasurementEventCallback<short>(static (i, v, t, s) => Record(i, v, t, s));
        listener.SetMeasurementEventCallback<int>(static (i, v, t, s) => Record(i, v, t, s));
        listener.SetMeasurementEventCallback<long>(static (i, v, t, s) => Record(i, v, t, s));
        listener.SetMeasurementEventCallback<float>(static (i, v, t, s) => Record(i, v, t, s));
        listener.SetMeasurementEventCallback<double>(static (i, v, t, s) => Record(i, v, t, s));
        listener.SetMeasurementEventCallback<decimal>(static (i, v, t, s) => Record(i, (double)v, t, s));
        listener.Start();
    }

    /// <summary>The text of all metrics as of now.</summary>
    public string Expose()
    {
        // One scrape at a time: observed values are cleared and asked for anew.
        lock (scrape)
        {
            MetricFamily[] all;
            lock (gate)
            {
                all = [.. families.Values];
            }

            foreach (MetricFamily family in all.Where(static f => f.Observed))
            {
                family.Clear();
            }

            listener.RecordObservableInstruments();
            var text = new StringBuilder();
            foreach (MetricFamily family in all)
            {
                family.WriteTo(text);
            }

            return text.ToString();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => listener.Dispose();

    private static void Record(
        Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        var family = (MetricFamily)state!;
        bool isAbsolute = family.Type == MetricType.Gauge && IsSet(instrument);
        family.Record(value, isAbsolute, tags);
    }

    private static bool IsSet(Instrument instrument) => Kind(instrument) is "ObservableGauge`1" or "Gauge`1";

    private static string Kind(Instrument instrument) => instrument.GetType().Name;

    private void Subscribe(Instrument instrument, MeterListener hearing)
    {
        if (!instrument.Meter.Name.StartsWith("MirrorSync", StringComparison.Ordinal)
            || (instrument.Meter.Scope is object other && other != scope))
        {
            return;
        }

        MetricType? type = Kind(instrument) switch
        {
            "Counter`1" or "ObservableCounter`1" => MetricType.Counter,
            "UpDownCounter`1" or "ObservableUpDownCounter`1" or "Gauge`1" or "ObservableGauge`1" => MetricType.Gauge,
            "Histogram`1" => MetricType.Histogram,
            _ => null,
        };
        if (type is MetricType known && FamilyFor(instrument, known) is MetricFamily family)
        {
            hearing.EnableMeasurementEvents(instrument, family);
        }
    }

    /// <summary>The instrument's family; null when its name is taken by a family of another kind, as a name has one TYPE.</summary>
    private MetricFamily? FamilyFor(Instrument instrument, MetricType type)
    {
        string name = MetricName.Of(instrument, type);
        lock (gate)
        {
            if (families.TryGetValue(name, out MetricFamily? family))
            {
                return family.Type == type && family.Observed == instrument.IsObservable ? family : null;
            }

            double[] bounds = type != MetricType.Histogram ? [] : instrument switch
            {
                Instrument<double> of => MetricFamily.BoundsOf(of),
                Instrument<float> of => MetricFamily.BoundsOf(of),
                Instrument<long> of => MetricFamily.BoundsOf(of),
                Instrument<int> of => MetricFamily.BoundsOf(of),
                _ => [],
            };
            family = new MetricFamily(name, type, instrument.IsObservable, instrument.Description ?? instrument.Name, bounds);
            families.Add(name, family);
            return family;
        }
    }
}
