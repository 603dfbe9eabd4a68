using MirrorSync.Replication.Mirror;
using MirrorSync.Testing;

namespace MirrorSync.Replication.Tests.Mirror;

public sealed class BackoffTests
{
    private readonly ManualTimeProvider time = new();

    [Fact]
    public async Task WaitAsync_AgainAndAgain_DoublesUpToTenSecondsWithJitter()
    {
        Backoff backoff = new(time);
        double expected = 0.25;
        for (int i = 0; i < 12; i++)
        {
            TimeSpan waited = await MeasureAsync(backoff);
            Assert.InRange(waited.TotalSeconds, (expected / 2) - 0.02, expected + 0.02);
            expected = Math.Min(10, expected * 2);
        }

        backoff.Reset();
        Assert.InRange((await MeasureAsync(backoff)).TotalSeconds, 0.1, 0.27);
    }

    [Fact]
    public async Task WaitAsync_Cancelled_Ends()
    {
        using CancellationTokenSource cancel = new();
        Task waiting = new Backoff(time).WaitAsync(cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    /// <summary>Moves the clock in steps of 10 ms until the wait is over.</summary>
    private async Task<TimeSpan> MeasureAsync(Backoff backoff)
    {
        DateTimeOffset began = time.GetUtcNow();
        Task waiting = backoff.WaitAsync(CancellationToken.None);
        while (time.WaitingTimers > 0)
        {
            time.Advance(TimeSpan.FromMilliseconds(10));
        }

        await waiting;
        return time.GetUtcNow() - began;
    }
}
