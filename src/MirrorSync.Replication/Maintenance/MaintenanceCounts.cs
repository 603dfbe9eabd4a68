using MirrorSync.Storage.Maintenance;

namespace MirrorSync.Replication.Maintenance;

/// <summary>What a node's maintenance did since the node started. Any thread.</summary>
internal sealed class MaintenanceCounts
{
    private readonly Lock gate = new();
    private MaintenanceTotals totals = new(0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>The counts, with the most packs that any repository has.</summary>
    public MaintenanceTotals Read(int maxPacks)
    {
        lock (gate)
        {
            return totals with { MaxPacks = maxPacks };
        }
    }

    /// <summary>A fold is done.</summary>
    public void Folded(TimeSpan took, MaintenanceGain gain) => Change(t => t with
    {
        Folds = t.Folds + 1,
        FoldSeconds = t.FoldSeconds + took.TotalSeconds,
        ReclaimedBytes = t.ReclaimedBytes + Math.Max(0, gain.Bytes),
    });

    /// <summary>A background run is done.</summary>
    public void Ran(TimeSpan took, MaintenanceGain gain, bool failed) => Change(t => t with
    {
        Runs = t.Runs + 1,
        RunSeconds = t.RunSeconds + took.TotalSeconds,
        ReclaimedBytes = t.ReclaimedBytes + Math.Max(0, gain.Bytes),
        Failures = t.Failures + (failed ? 1 : 0),
    });

    /// <summary>Dropped objects were deleted.</summary>
    public void Pruned(long bytes) => Change(t => t with { ReclaimedBytes = t.ReclaimedBytes + bytes });

    /// <summary>A fold or a look failed.</summary>
    public void Failed() => Change(static t => t with { Failures = t.Failures + 1 });

    /// <summary>Apply waits for a fold.</summary>
    public void ApplyWaited() => Change(static t => t with { ApplyWaits = t.ApplyWaits + 1 });

    private void Change(Func<MaintenanceTotals, MaintenanceTotals> change)
    {
        lock (gate)
        {
            totals = change(totals);
        }
    }
}
