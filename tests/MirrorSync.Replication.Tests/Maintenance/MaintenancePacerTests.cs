using MirrorSync.Replication.Maintenance;
using MirrorSync.Testing;

namespace MirrorSync.Replication.Tests.Maintenance;

/// <summary>When background work goes on, and when it waits.</summary>
public sealed class MaintenancePacerTests
{
    private readonly ManualTimeProvider time = new();
    private bool isBehind;
    private double load;

    [Fact]
    public async Task PaceAsync_AfterWork_RestsForTheOthersShare()
    {
        MaintenancePacer pacer = Pacer(share: 0.25);
        time.Advance(TimeSpan.FromSeconds(1));
        Task resting = pacer.PaceAsync(CancellationToken.None).AsTask();
        time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(resting.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.1));
        await resting.WaitAsync(Patience.Deadline);
        Assert.True(pacer.PaceAsync(CancellationToken.None).AsTask().IsCompletedSuccessfully);
    }

    [Fact]
    public void PaceAsync_WholeShareAndNobodyElse_NeverRests()
    {
        MaintenancePacer pacer = Pacer(share: 1);
        time.Advance(TimeSpan.FromHours(1));
        Assert.True(pacer.PaceAsync(CancellationToken.None).AsTask().IsCompletedSuccessfully);
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1000)]
    public async Task WaitQuietAsync_OthersComeFirst_WaitsForTheirEnd(bool behind, double busy)
    {
        (isBehind, load) = (behind, busy);
        Task waiting = Pacer(share: 1).WaitQuietAsync(CancellationToken.None).AsTask();
        time.Advance(TimeSpan.FromMinutes(14));
        Assert.False(waiting.IsCompleted);
        (isBehind, load) = (false, 0);
        await EndsAsync(waiting);
    }

    [Fact]
    public async Task WaitQuietAsync_NeverQuiet_GoesOnAfterAQuarterOfAnHour()
    {
        isBehind = true;
        DateTimeOffset began = time.GetUtcNow();
        Task waiting = Pacer(share: 1).WaitQuietAsync(CancellationToken.None).AsTask();
        await EndsAsync(waiting);
        Assert.InRange(time.GetUtcNow() - began, TimeSpan.FromMinutes(15), TimeSpan.MaxValue);
    }

    [Fact]
    public async Task PaceAsync_Cancelled_Throws()
    {
        using CancellationTokenSource stop = new();
        MaintenancePacer pacer = Pacer(share: 0.5);
        time.Advance(TimeSpan.FromSeconds(1));
        Task resting = pacer.PaceAsync(stop.Token).AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => resting);
    }

    /// <summary>Lets the clock run until a wait is over.</summary>
    private Task EndsAsync(Task waiting) => Patience.UntilAsync(
        _ =>
        {
            time.Advance(TimeSpan.FromMinutes(1));
            return Task.FromResult(waiting.IsCompletedSuccessfully ? null : "still waits");
        },
        "the end of a pause");

    private MaintenancePacer Pacer(double share) => new(share, () => isBehind, () => load, time);
}
