namespace MirrorSync.Storage.Scrubbing;

/// <summary>
/// Keeps reading below a rate: a bucket of one second's bytes, which fills as time passes. Whoever takes more than is there
/// owes it, and waits until it is paid. One thread at a time.
/// </summary>
public sealed class ReadBudget
{
    private readonly TimeProvider time;
    private readonly long bytesPerSecond;
    private double available;
    private long filledAt;

    /// <summary>A full bucket.</summary>
    /// <param name="bytesPerSecond">The rate; above 0.</param>
    /// <param name="time">The clock.</param>
    public ReadBudget(long bytesPerSecond, TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytesPerSecond);
        this.bytesPerSecond = bytesPerSecond;
        this.time = time;
        available = bytesPerSecond;
        filledAt = time.GetTimestamp();
    }

    /// <summary>Takes so many bytes, and returns when that is within the rate; blocks the thread meanwhile.</summary>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public void Take(long bytes, CancellationToken cancellation)
    {
        ValueTask taken = TakeAsync(bytes, cancellation);
        if (!taken.IsCompletedSuccessfully)
        {
            taken.AsTask().GetAwaiter().GetResult();
        }
    }

    /// <summary>Takes so many bytes, and returns when that is within the rate.</summary>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async ValueTask TakeAsync(long bytes, CancellationToken cancellation)
    {
        Fill();
        available -= bytes;
        while (available < 0)
        {
            // Never less than a millisecond, for what is owed may be less than a timer's tick.
            TimeSpan wait = TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling(-available * 1000 / bytesPerSecond)));
            await Task.Delay(wait, time, cancellation).ConfigureAwait(false);
            Fill();
        }
    }

    private void Fill()
    {
        long now = time.GetTimestamp();
        available = Math.Min(bytesPerSecond, available + (time.GetElapsedTime(filledAt, now).TotalSeconds * bytesPerSecond));
        filledAt = now;
    }
}
