namespace MirrorSync.Replication.Maintenance;

/// <summary>
/// Keeps background work within its share of the time, and out of the way: it rests after each piece of work, and pauses
/// while apply has a backlog or the machine has more to do than processors to do it, for a quarter of an hour at most, so
/// that a node that is always busy is maintained too.
/// </summary>
/// <param name="share">The share of the time in which work goes on.</param>
/// <param name="isBehind">Whether apply has a backlog.</param>
/// <param name="load">How many processes want a processor.</param>
/// <param name="time">The clock.</param>
internal sealed class MaintenancePacer(double share, Func<bool> isBehind, Func<double> load, TimeProvider time)
{
    private const double LoadPerProcessor = 1.5;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(15);

    // Shorter rests are not worth a timer: they add up until one is.
    private static readonly TimeSpan ShortestRest = TimeSpan.FromMilliseconds(20);

    private long workedSince = time.GetTimestamp();
    private long pausedSince;

    /// <summary>Begins to count work.</summary>
    public void Begin() => workedSince = time.GetTimestamp();

    /// <summary>A piece of work is done: returns when the next may begin.</summary>
    public async ValueTask PaceAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        TimeSpan rest = time.GetElapsedTime(workedSince) * ((1 / share) - 1);
        if (rest < ShortestRest && !IsBusy())
        {
            return;
        }

        if (rest >= ShortestRest)
        {
            await Task.Delay(rest, time, cancellation).ConfigureAwait(false);
        }

        await WaitQuietAsync(cancellation).ConfigureAwait(false);
        Begin();
    }

    /// <summary>Waits as long as others come first.</summary>
    public async ValueTask WaitQuietAsync(CancellationToken cancellation)
    {
        pausedSince = time.GetTimestamp();
        while (IsBusy() && time.GetElapsedTime(pausedSince) < LongestPause)
        {
            await Task.Delay(Look, time, cancellation).ConfigureAwait(false);
        }
    }

    private bool IsBusy() => isBehind() || load() > LoadPerProcessor * Environment.ProcessorCount;
}
