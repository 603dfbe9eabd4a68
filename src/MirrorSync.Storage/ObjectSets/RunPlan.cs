namespace MirrorSync.Storage.ObjectSets;

/// <summary>Chooses the runs to be merged: afterwards each has at least three times the ids of all younger ones, so they are few.</summary>
internal static class RunPlan
{
    private const int Factor = 3;

    /// <summary>The place of the oldest run that is to be merged, with all younger ones; the number of runs when none is.</summary>
    /// <param name="runs">The oldest first.</param>
    /// <param name="younger">Ids that come as one more run; 0 when none come.</param>
    /// <param name="limit">Most ids of the merged run.</param>
    public static int FirstToMerge(IReadOnlyList<SetRun> runs, long younger, long limit)
    {
        int first = runs.Count;
        int next = runs.Count - 1;
        long total = younger;
        if (younger == 0 && next >= 0)
        {
            // The youngest one is not merged with itself.
            total = runs[next--].Count;
        }

        for (; next >= 0 && runs[next].Count < Factor * total && runs[next].Count + total <= limit; next--)
        {
            total += runs[next].Count;
            first = next;
        }

        return first;
    }
}
