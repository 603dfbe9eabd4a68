using MirrorSync.Replication.Primary;
using MirrorSync.Replication.Tests.Support;
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
        looks.ScanEnded(looks.ScanBegins(), [Of(firstScan.Task)]);
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
    public void Standing_CaptureHangs_SpeaksForAllOthersAndNamesIt()
    {
        firstScan.SetResult();
        TaskCompletionSource slow = new();
        for (int i = 0; i < 1_000; i++)
        {
            looks.Note(time.GetTimestamp(), [Of(slow.Task)]);
            time.Advance(TimeSpan.FromSeconds(1));
            Assert.True(looks.Age <= TimeSpan.FromSeconds(3));
        }

        Assert.Equal([Samples.Repo], looks.Standing.Late);
        slow.SetResult();
        Assert.Empty(looks.Standing.Late);
        looks.Note(time.GetTimestamp(), []);
        Assert.Equal(TimeSpan.Zero, looks.Age);
    }

    [Fact]
    public void Drop_WorkThatALookWaitedForIsNotDone_ProvesNothing()
    {
        firstScan.SetResult();
        time.Advance(TimeSpan.FromSeconds(1));
        TaskCompletionSource dropped = new();
        looks.Note(time.GetTimestamp(), [Of(dropped.Task)]);
        looks.Drop();
        dropped.SetResult();
        Assert.Equal(TimeSpan.FromSeconds(1), looks.Age);
        looks.ScanEnded(looks.ScanBegins(), []);
        Assert.Equal(TimeSpan.Zero, looks.Age);
    }

    [Fact]
    public void FoldersScanned_WatchSpokeBeforeTheScanBegan_Counts()
    {
        firstScan.SetResult();
        time.Advance(TimeSpan.FromSeconds(9));
        looks.Blind();
        looks.Note(time.GetTimestamp(), []);
        time.Advance(TimeSpan.FromSeconds(1));
        (long BeganAt, ulong MakesUp) scan = looks.ScanBegins();
        looks.Blind();
        Assert.Equal(TimeSpan.FromSeconds(10), looks.Age);
        looks.FoldersScanned(scan, []);
        Assert.Equal(TimeSpan.FromSeconds(1), looks.Age);
        looks.Note(time.GetTimestamp(), []);
        Assert.Equal(TimeSpan.FromSeconds(1), looks.Age);
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
        looks.Note(time.GetTimestamp(), [Of(capture.Task), Of(Task.CompletedTask)]);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromSeconds(2), looks.Age);
        capture.SetResult();
        Assert.Equal(TimeSpan.FromSeconds(1), looks.Age);
    }

    [Fact]
    public void Age_LaterLookOverBeforeAnEarlier_WaitsForTheEarlier()
    {
        TaskCompletionSource slow = new();
        looks.Note(time.GetTimestamp(), [Of(slow.Task)]);
        time.Advance(TimeSpan.FromSeconds(1));
        looks.Note(time.GetTimestamp(), [Of(slow.Task)]);
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

    private static CaptureUnderWay Of(Task capture) => new(Samples.Repo, capture);
}
