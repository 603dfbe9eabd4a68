using MirrorSync.Storage.Scrubbing;

namespace MirrorSync.Replication.Scrubbing;

/// <summary>What a node's scrub did and found since the node started. Any thread.</summary>
internal sealed class ScrubCounts
{
    /// <summary>The kind of a damaged log or spool in the counts.</summary>
    public const string LogKind = "log";

    private readonly Lock gate = new();
    private readonly Dictionary<string, long> faults = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Repository, string Unit), IReadOnlyList<ScrubFault>> standing = [];
    private IReadOnlyList<string> log = [];
    private long cycles;
    private long rebuilt;
    private long bytes;

    /// <summary>A cycle is over.</summary>
    public void EndCycle() => Interlocked.Increment(ref cycles);

    /// <summary>Derived files were made anew.</summary>
    public void Rebuilt(int files) => Interlocked.Add(ref rebuilt, files);

    /// <summary>Bytes were read.</summary>
    public void Read(long read) => Interlocked.Add(ref bytes, read);

    /// <summary>What was found in a unit; what was found there before counts no more as standing.</summary>
    public void Found(string repository, string unit, IReadOnlyList<ScrubFault> found, bool count)
    {
        lock (gate)
        {
            foreach (ScrubFault fault in count ? found : [])
            {
                faults[fault.Kind.Name()] = faults.GetValueOrDefault(fault.Kind.Name()) + 1;
            }

            if (found.Count == 0)
            {
                standing.Remove((repository, unit));
            }
            else
            {
                standing[(repository, unit)] = found;
            }
        }
    }

    /// <summary>What was found in the log and the spool.</summary>
    public void FoundInLog(IReadOnlyList<string> found)
    {
        lock (gate)
        {
            log = found;
            if (found.Count > 0)
            {
                faults[LogKind] = faults.GetValueOrDefault(LogKind) + found.Count;
            }
        }
    }

    /// <summary>Forgets the faults of units that are not there any more.</summary>
    public void Keep(string repository, IReadOnlyCollection<string> units)
    {
        lock (gate)
        {
            foreach ((string Repository, string Unit) gone in standing.Keys.Where(k => k.Repository == repository && !units.Contains(k.Unit)).ToArray())
            {
                standing.Remove(gone);
            }
        }
    }

    /// <summary>The faults of a repository that are not known to be gone.</summary>
    public IReadOnlyList<ScrubFault> Standing(string repository)
    {
        lock (gate)
        {
            return [.. standing.Where(s => s.Key.Repository == repository).SelectMany(static s => s.Value)];
        }
    }

    /// <summary>The totals.</summary>
    public ScrubTotals Totals(DateTimeOffset? cycleBegan, double? oldestSeconds)
    {
        lock (gate)
        {
            return new ScrubTotals(
                Interlocked.Read(ref cycles), cycleBegan, Interlocked.Read(ref bytes), new Dictionary<string, long>(faults),
                Interlocked.Read(ref rebuilt), oldestSeconds, log);
        }
    }
}
