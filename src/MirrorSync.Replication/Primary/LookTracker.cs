namespace MirrorSync.Replication.Primary;

/// <summary>
/// When the primary last saw all of its disk. A look begins with a touch of the sentinel (or with a scan) and is over
/// once everything noticed before it has been captured.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class LookTracker(TimeProvider time)
{
    // With so many looks waiting for one capture, finer steps tell nothing.
    private const int MaxPending = 64;

    private readonly Lock gate = new();
    private readonly Queue<(long BeganAt, Task Captured)> pending = [];
    private long? lastLook;

    // How often the watch was blind so far, the time before the first scan being the first; and up to which of these
    // times a scan has made up for it.
    private ulong blind = 1;
    private ulong madeUp;

    /// <summary>How long ago the last look that is over began; <see cref="TimeSpan.MaxValue"/> before the first.</summary>
    public TimeSpan Age
    {
        get
        {
            lock (gate)
            {
                while (pending.TryPeek(out (long BeganAt, Task Captured) look) && look.Captured.IsCompleted)
                {
                    lastLook = Math.Max(lastLook ?? look.BeganAt, look.BeganAt);
                    pending.Dequeue();
                }

                return lastLook is { } beganAt ? time.GetElapsedTime(beganAt) : TimeSpan.MaxValue;
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

    /// <summary>A scan begins; the result is for <see cref="ScanEnded"/>.</summary>
    public (long BeganAt, ulong MakesUp) ScanBegins()
    {
        lock (gate)
        {
            return (time.GetTimestamp(), blind);
        }
    }

    /// <summary>
    /// A scan of the folders that the watch could not vouch for is over. That is no look at everything: the watch's next
    /// word is.
    /// </summary>
    /// <param name="scan">The result of <see cref="ScanBegins"/>.</param>
    public void FoldersScanned((long BeganAt, ulong MakesUp) scan)
    {
        lock (gate)
        {
            madeUp = Math.Max(madeUp, scan.MakesUp);
        }
    }

    /// <summary>A scan has looked at everything.</summary>
    /// <param name="scan">The result of <see cref="ScanBegins"/>.</param>
    /// <param name="captures">The captures under way.</param>
    public void ScanEnded((long BeganAt, ulong MakesUp) scan, IEnumerable<Task> captures)
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
    public void Note(long beganAt, IEnumerable<Task> captures)
    {
        lock (gate)
        {
            if (madeUp == blind)
            {
                Add(beganAt, captures);
            }
        }
    }

    private void Add(long beganAt, IEnumerable<Task> captures)
    {
        if (pending.Count < MaxPending)
        {
            Task[] running = [.. captures.Where(static t => !t.IsCompleted)];
            pending.Enqueue((beganAt, running.Length == 0 ? Task.CompletedTask : Task.WhenAll(running)));
        }
    }
}
