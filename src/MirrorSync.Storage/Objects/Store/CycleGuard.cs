namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// Notices that a walk goes round in a circle, in constant memory (Brent's algorithm): a mark is put down after 1, 2, 4, ...
/// steps, and a walk that comes by the mark again is a circle. Deltas by id can form one in a damaged pack.
/// </summary>
internal struct CycleGuard(long start)
{
    private long mark = start;
    private long steps;
    private long until = 1;

    /// <summary>Takes a step; true once the walk is known to be a circle.</summary>
    public bool Repeats(long at)
    {
        if (at == mark)
        {
            return true;
        }

        if (++steps == until)
        {
            mark = at;
            steps = 0;
            until *= 2;
        }

        return false;
    }
}
