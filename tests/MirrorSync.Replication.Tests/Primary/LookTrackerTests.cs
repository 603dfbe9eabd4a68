using MirrorSync.Replication.Primary;
using MirrorSync.Testing;

namespace MirrorSync.Replication.Tests.Primary;

public sealed class LookTrackerTests
{
    private readonly ManualTimeProvider time = new();
    private readonly LookTracker looks;
    private readonly TaskCompletionSource firstScan = new();

    public LookTrackerTests()
    {
        looks = new LookTracker(time);
        Assert.Equal(TimeSpan.MaxValue, looks.Age);
        looks.ScanEnded(looks.ScanBegins(), [firstScan.Task]);
    }

    [Fact]
    public void Age_FirstScanNotOver_IsForEver() => Assert.Equal(TimeSpan.MaxValue, looks.Age);

    [Fact]
    public void Age_WatchSpeaksBeforeTheFirstScan_IsForEver()
    {
        LookTracker fresh = new(time);
        fresh.Note(time.GetTimestamp(), []);
        Assert.Equal(TimeSpan.MaxValue, fresh.Age);
    }

    [Fact]
    public void Age_WatchWasBlind_CountsAgainOnlyAfterAScanThatBeganLater()
    {
        firstScan.SetResult();
        (long BeganAt, ulong MakesUp) tooEarly = looks.ScanBegins();
        looks.Blind();
        time.Advance(TimeSpan.FromSeconds(1));
        looks.Note(time.GetTimestamp(), []);
        Assert.Equal(TimeSpan.FromSeconds(1), looks.Age);
        looks.ScanEnded(tooEarly, []);
        looks.Note(time.GetTimestamp(), []);
        Assert.Equal(TimeSpan.FromSeconds(1), looks.Age);

        looks.ScanEnded(looks.ScanBegins(), []);
        Assert.Equal(TimeSpan.Zero, looks.Age);
        time.Advance(TimeSpan.FromSeconds(1));
        looks.Note(time.GetTimestamp(), []);
        Assert.Equal(TimeSpan.Zero, looks.Age);
    }

    [Fact]
    public void Age_CaptureHangsForDays_StaysBoundedAndCatchesUp()
    {
        firstScan.SetResult();
        TaskCompletionSource slow = new();
        for (int i = 0; i < 100_000; i++)
        {
            looks.Note(time.GetTimestamp(), [slow.Task]);
            time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(TimeSpan.FromSeconds(100_000), looks.Age);
        slow.SetResult();
        Assert.True(looks.Age < TimeSpan.FromSeconds(100_000));
        looks.Note(time.GetTimestamp(), []);
        Assert.Equal(TimeSpan.Zero, looks.Age);
    }

    [Fact]
    public void Age_NothingToCapture_CountsFromTheTouch()
    {
        firstScan.SetResult();
        long touched = time.GetTimestamp();
        time.Advance(TimeSpan.FromSeconds(2));
        looks.Note(touched, []);
        Assert.Equal(TimeSpan.FromSeconds(2), looks.Age);
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(TimeSpan.FromSeconds(5), looks.Age);
    }

    [Fact]
    public void Age_CaptureUnderWay_CountsOnlyOnceItIsOver()
    {
        firstScan.SetResult();
        TaskCompletionSource capture = new();
        looks.Note(time.GetTimestamp(), []);
        time.Advance(TimeSpan.FromSeconds(1));
        looks.Note(time.GetTimestamp(), [capture.Task, Task.CompletedTask]);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromSeconds(2), looks.Age);
        capture.SetResult();
        Assert.Equal(TimeSpan.FromSeconds(1), looks.Age);
    }

    [Fact]
    public void Age_LaterLookOverBeforeAnEarlier_WaitsForTheEarlier()
    {
        TaskCompletionSource slow = new();
        looks.Note(time.GetTimestamp(), [slow.Task]);
        time.Advance(TimeSpan.FromSeconds(1));
        looks.Note(time.GetTimestamp(), [slow.Task]);
        Assert.Equal(TimeSpan.MaxValue, looks.Age);
        firstScan.SetResult();
        Assert.Equal(TimeSpan.FromSeconds(1), looks.Age);
        slow.SetResult();
        Assert.Equal(TimeSpan.Zero, looks.Age);
    }

    [Fact]
    public void Age_LookThatBeganEarlierComesLater_DoesNotGoBack()
    {
        firstScan.SetResult();
        long earlier = time.GetTimestamp();
        time.Advance(TimeSpan.FromSeconds(5));
        looks.Note(time.GetTimestamp(), []);
        Assert.Equal(TimeSpan.Zero, looks.Age);
        looks.Note(earlier, []);
        Assert.Equal(TimeSpan.Zero, looks.Age);
    }
}
