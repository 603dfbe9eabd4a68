using MirrorSync.Storage.Maintenance;

namespace MirrorSync.Replication.Maintenance;

/// <summary>Says when a repository wants background work.</summary>
internal static class DueWork
{
    // A primary's loose objects, as git's own gc.auto has it.
    private const int ManyLoose = 6700;
    private const int IntervalsWithAnyChange = 24;

    /// <summary>Why background work is due, a sentence each; empty when it is not.</summary>
    public static List<string> Describe(MaintenanceNeed need, NodeMaintenanceOptions options, DateTimeOffset now)
    {
        List<string> reasons = [];
        TimeSpan age = need.IndexedAt is { } at ? now - at : TimeSpan.MaxValue;
        if (need.Objects > 0 && need.IndexedAt is null)
        {
            reasons.Add("it has no multi-pack-index");
        }
        else if (need.FreshObjects * 10 >= need.Objects && need.FreshObjects > 0 && age >= options.Interval)
        {
            reasons.Add($"{need.FreshObjects} of {need.Objects} objects came since it was settled");
        }
        else if (need.FreshObjects > 0 && age >= IntervalsWithAnyChange * options.Interval)
        {
            reasons.Add($"{need.FreshObjects} objects came, and it was settled {age.TotalHours:0} h ago");
        }

        if (need.PruneDue)
        {
            reasons.Add("a Baseline replaced its object set: what that no longer holds is set aside");
        }

        if (need.DroppedDue > 0)
        {
            reasons.Add($"objects that were set aside for {options.Repository.PruneGrace.TotalDays:0.#} days go");
        }

        if (need.SettlePacks > 1 && need.Packs > options.Repository.FoldAt)
        {
            reasons.Add($"{need.SettlePacks} of {need.Packs} packs are to be one");
        }

        if (options.Repository.IsPushedTo && need.LooseObjects >= ManyLoose)
        {
            reasons.Add($"it has about {need.LooseObjects} loose objects");
        }

        return reasons;
    }
}
