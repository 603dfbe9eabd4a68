using MirrorSync.Git.Refs;
using MirrorSync.Storage.Refs;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>
/// Reads refs that no hook vouches for: git renames the refs of one push one by one, so what changed counts only when a
/// second reading, a moment later, shows the same and no <c>*.lock</c> was seen.
/// </summary>
/// <param name="reader">Reads.</param>
/// <param name="time">The clock.</param>
internal sealed class SettledReading(RefReader reader, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    // So long one attempt takes at most: ended pushes of the same repository wait meanwhile.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(250);

    // A lock file that a dead git left behind must not stop capture for ever: with the refs equal all the while, it is
    // stale.
    private static readonly TimeSpan StaleLockAfter = TimeSpan.FromSeconds(5);

    private List<RefUpdate> last = [];
    private long unchangedSince;

    /// <summary>Reads until two readings agree; null when they do not for a while, to be tried again after other work.</summary>
    /// <param name="differences">What a reading shows to have changed, as far as it matters.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<RefReading?> ReadAsync(Func<RefReading, List<RefUpdate>> differences, CancellationToken cancellation)
    {
        long began = time.GetTimestamp();
        bool first = true;
        while (true)
        {
            RefReading reading = reader.ReadAll();
            List<RefUpdate> now = differences(reading);
            now.Sort(static (a, b) => a.Name.CompareTo(b.Name));
            if (!now.SequenceEqual(last))
            {
                last = now;
                unchangedSince = time.GetTimestamp();
            }
            else if (!first && (!reading.Locked || time.GetElapsedTime(unchangedSince) > StaleLockAfter))
            {
                return reading;
            }

            if (time.GetElapsedTime(began) > Patience)
            {
                return null;
            }

            first = false;
            await Task.Delay(Pause, time, cancellation).ConfigureAwait(false);
        }
    }
}
