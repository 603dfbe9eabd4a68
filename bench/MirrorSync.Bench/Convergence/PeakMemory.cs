using System.Globalization;

namespace MirrorSync.Bench.Convergence;

/// <summary>The most memory that the process had resident since a moment, beyond what it had then (proc(5), clear_refs and VmHWM).</summary>
internal sealed class PeakMemory
{
    private readonly long before;

    private PeakMemory() => before = Kilobytes("VmRSS:");

    /// <summary>Begins anew.</summary>
    public static PeakMemory Begin()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        File.WriteAllText("/proc/self/clear_refs", "5");
        return new PeakMemory();
    }

    /// <summary>MiB.</summary>
    public long End() => (Kilobytes("VmHWM:") - before) / 1024;

    private static long Kilobytes(string field)
    {
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line[field.Length..^2].Trim(), CultureInfo.InvariantCulture);
    }
}
