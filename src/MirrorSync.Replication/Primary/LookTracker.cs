namespace MirrorSync.Replication.Primary;

/// <summary>
/// When the primary last saw all of its disk. A look begins with a touch of the sentinel (or with a scan) and is over
/// once everything noticed before it has been captured.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class LookTracker(TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly Queue<(long BeganAt, Task Captured)> pending = [];
    private long? lastLook;

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

    /// <summary>Notes a look and the captures that were under way when its event came.</summary>
    /// <param name="beganAt">A timestamp of the clock.</param>
    /// <param name="captures">The captures under way.</param>
    public void Note(long beganAt, IEnumerable<Task> captures)
    {
        Task[] running = [.. captures.Where(static t => !t.IsCompleted)];
        lock (gate)
        {
            pending.Enqueue((beganAt, running.Length == 0 ? Task.CompletedTask : Task.WhenAll(running)));
        }
    }
}
