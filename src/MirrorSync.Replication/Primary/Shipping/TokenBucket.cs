namespace MirrorSync.Replication.Primary.Shipping;

/// <summary>Lets so many bytes a second pass, over all that take from it together. Any thread.</summary>
/// <param name="bytesPerSecond">The rate.</param>
/// <param name="time">The clock.</param>
internal sealed class TokenBucket(long bytesPerSecond, TimeProvider time)
{
    // What was not used in a quiet moment may be used later, but no more than this.
    private static readonly TimeSpan Burst = TimeSpan.FromMilliseconds(100);

    private readonly Lock gate = new();

    // When all that was taken so far will have passed.
    private long passedAt = time.GetTimestamp();

    /// <summary>How many bytes are best taken at once: an eighth of a second's, between 4 and 128 KiB.</summary>
    public int Portion { get; } = (int)Math.Clamp(bytesPerSecond / 8, 4 << 10, 128 << 10);

    /// <summary>Completes when the bytes may be sent.</summary>
    public Task TakeAsync(int bytes, CancellationToken cancellation)
    {
        long now = time.GetTimestamp();
        long wait;
        lock (gate)
        {
            long earliest = now - (long)(Burst.TotalSeconds * time.TimestampFrequency);
            passedAt = Math.Max(passedAt, earliest) + (long)((double)bytes * time.TimestampFrequency / bytesPerSecond);
            wait = passedAt - now;
        }

        return wait <= 0 ? Task.CompletedTask : Task.Delay(TimeSpan.FromSeconds((double)wait / time.TimestampFrequency), time, cancellation);
    }
}
