using MirrorSync.Storage.Refs;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>
/// Reads refs that no hook vouches for: git renames the refs of one push one by one, so a reading counts only when a
/// second one, a moment later, is equal and no <c>*.lock</c> was seen.
/// </summary>
internal static class SettledReading
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    // A lock file that a dead git left behind must not stop capture for ever: with the refs equal all the while, it is
    // stale.
    private static readonly TimeSpan StaleLockAfter = TimeSpan.FromSeconds(5);

    /// <summary>Reads until two readings agree.</summary>
    /// <param name="reader">Reads.</param>
    /// <param name="last">The first reading.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Gives up.</param>
    public static async Task<RefReading> ReadAsync(
        RefReader reader, RefReading last, TimeProvider time, CancellationToken cancellation)
    {
        long unchangedSince = time.GetTimestamp();
        while (true)
        {
            await Task.Delay(Pause, time, cancellation).ConfigureAwait(false);
            RefReading next = reader.ReadAll();
            if (!SameRefs(last, next))
            {
                unchangedSince = time.GetTimestamp();
            }
            else if ((!next.Locked && !last.Locked) || time.GetElapsedTime(unchangedSince) > StaleLockAfter)
            {
                return next;
            }

            last = next;
        }
    }

    private static bool SameRefs(RefReading a, RefReading b)
    {
        if (a.Head != b.Head || a.Values.Count != b.Values.Count || a.Problems.Count != b.Problems.Count)
        {
            return false;
        }

        foreach ((Git.Refs.RefName name, Git.Refs.RefValue value) in a.Values)
        {
            if (b.Values.GetValueOrDefault(name) != value)
            {
                return false;
            }
        }

        return true;
    }
}
