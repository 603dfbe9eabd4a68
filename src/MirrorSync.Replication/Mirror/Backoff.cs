namespace MirrorSync.Replication.Mirror;

/// <summary>How long to wait before the next try: doubling from a quarter of a second to ten, with jitter so that a fleet does not return at once.</summary>
/// <param name="time">The clock.</param>
internal sealed class Backoff(TimeProvider time)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    private TimeSpan next = First;

    /// <summary>The last try worked.</summary>
    public void Reset() => next = First;

    /// <summary>Waits, longer each time.</summary>
    public async Task WaitAsync(CancellationToken cancellation)
    {
        TimeSpan jittered = next * (0.5 + (Random.Shared.NextDouble() / 2));
        next = next * 2 > Longest ? Longest : next * 2;
        await Task.Delay(jittered, time, cancellation).ConfigureAwait(false);
    }
}
