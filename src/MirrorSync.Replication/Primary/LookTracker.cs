using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary;

/// <summary>A repository's captures that were under way when a look's event came.</summary>
internal readonly record struct CaptureUnderWay(RepositoryName Repository, Task Captured);

/// <summary>
/// When the primary last saw all of its disk. A look begins with a touch of the sentinel (or with a scan) and is over
/// once everything noticed before it has been captured. It waits for slow captures only so long: then it speaks for all
/// other repositories, and names those for which it does not.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class LookTracker(TimeProvider time)
{
    // With so many looks waiting, finer steps tell nothing.
    private const int MaxPending = 64;

    /// <summary>One large push must not make every other repository look stale.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private readonly Queue<(long BeganAt, CaptureUnderWay[] UnderWay)> pending = [];
    private long? lastLook;
    private CaptureUnderWay[] late = [];

    // How often the watch was blind so far, the time before the first scan being the first; and up to which of these
    // times a scan has made up for it.
    private ulong blind = 1;
    private ulong madeUp;
    private (long BeganAt, ulong Blind)? deferred;

    /// <summary>How long ago the last look that is over began; <see cref="TimeSpan.MaxValue"/> before the first.</summary>
    public TimeSpan Age => Standing.Age;

    /// <summary>The last look's age, and the repositories for which it does not speak.</summary>
    public (TimeSpan Age, IReadOnlyList<RepositoryName> Late) Standing
    {
        get
        {
            lock (gate)
            {
                Harvest();
                return lastLook is { } beganAt
                    ? (time.GetElapsedTime(beganAt), [.. late.Where(static u => !u.Captured.IsCompleted).Select(static u => u.Repository)])
                    : (TimeSpan.MaxValue, []);
            }
        }
    }

    /// <summary>The watch missed something: its word proves nothing until a scan that begins later is over.</summary>
    public void Blind()
    {
        lock (gate)
        {
            blind++;
        }
    }

    /// <summary>What was to be captured is dropped: looks that wait for it prove nothing any more.</summary>
    public void Drop()
    {
        lock (gate)
        {
            Harvest();
            pending.Clear();
            deferred = null;
            blind++;
        }
    }

    /// <summary>A scan begins; the result is for <see cref="ScanEnded"/> or <see cref="FoldersScanned"/>.</summary>
    public (long BeganAt, ulong MakesUp) ScanBegins()
    {
        lock (gate)
        {
            return (time.GetTimestamp(), blind);
        }
    }

    /// <summary>
    /// A scan of the folders that the watch could not vouch for is over. That is no look at everything: the watch's word
    /// is, and if it spoke before the scan began, it counts now.
    /// </summary>
    /// <param name="scan">The result of <see cref="ScanBegins"/>.</param>
    /// <param name="captures">The captures under way.</param>
    public void FoldersScanned((long BeganAt, ulong MakesUp) scan, IEnumerable<CaptureUnderWay> captures)
    {
        lock (gate)
        {
            madeUp = Math.Max(madeUp, scan.MakesUp);
            if (deferred is { } look && look.Blind <= scan.MakesUp)
            {
                deferred = null;
                Add(look.BeganAt, captures);
            }
        }
    }

    /// <summary>A scan has looked at everything.</summary>
    /// <param name="scan">The result of <see cref="ScanBegins"/>.</param>
    /// <param name="captures">The captures under way.</param>
    public void ScanEnded((long BeganAt, ulong MakesUp) scan, IEnumerable<CaptureUnderWay> captures)
    {
        lock (gate)
        {
            madeUp = Math.Max(madeUp, scan.MakesUp);
            Add(scan.BeganAt, captures);
        }
    }

    /// <summary>Notes a look of the watch and the captures that were under way when its event came.</summary>
    /// <param name="beganAt">A timestamp of the clock.</param>
    /// <param name="captures">The captures under way.</param>
    public void Note(long beganAt, IEnumerable<CaptureUnderWay> captures)
    {
        lock (gate)
        {
            if (madeUp == blind)
            {
                Add(beganAt, captures);
            }
            else
            {
                deferred ??= (beganAt, blind);
            }
        }
    }

    private void Harvest()
    {
        while (pending.TryPeek(out (long BeganAt, CaptureUnderWay[] UnderWay) look)
            && (Array.TrueForAll(look.UnderWay, static u => u.Captured.IsCompleted) || time.GetElapsedTime(look.BeganAt) >= Patience))
        {
            pending.Dequeue();
            if (lastLook is null || look.BeganAt >= lastLook)
            {
                lastLook = look.BeganAt;
                late = look.UnderWay;
            }
        }
    }

    private void Add(long beganAt, IEnumerable<CaptureUnderWay> captures)
    {
        Harvest();
        if (pending.Count < MaxPending)
        {
            pending.Enqueue((beganAt, [.. captures.Where(static u => !u.Captured.IsCompleted)]));
        }
    }
}
