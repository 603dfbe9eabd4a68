using MirrorSync.Replication.Primary.Shipping;
using MirrorSync.Testing;

namespace MirrorSync.Replication.Tests.Primary.Shipping;

public sealed class TokenBucketTests
{
    [Fact]
    public async Task TakeAsync_ByTwoAtOnce_LetsNoMorePassThanTheRate()
    {
        ManualTimeProvider time = new();
        TokenBucket bucket = new(1000, time);
        Task first = bucket.TakeAsync(1000, CancellationToken.None);
        Task second = bucket.TakeAsync(500, CancellationToken.None);
        time.Advance(TimeSpan.FromMilliseconds(990));
        Assert.Equal((false, false), (first.IsCompleted, second.IsCompleted));
        time.Advance(TimeSpan.FromMilliseconds(20));
        await first;
        Assert.False(second.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(500));
        await second;
    }

    [Fact]
    public async Task TakeAsync_AfterAQuietTime_LetsNoMoreThanABurstPassAtOnce()
    {
        ManualTimeProvider time = new();
        TokenBucket bucket = new(1000, time);
        time.Advance(TimeSpan.FromHours(1));
        await bucket.TakeAsync(100, CancellationToken.None);
        Assert.False(bucket.TakeAsync(100, CancellationToken.None).IsCompleted);
    }

    [Theory]
    [InlineData(4096, 4096)]
    [InlineData(80_000, 10_000)]
    [InlineData(1L << 40, 128 << 10)]
    public void Portion_OfAnyRate_IsAnEighthOfASecondWithinBounds(long rate, int portion) =>
        Assert.Equal(portion, new TokenBucket(rate, TimeProvider.System).Portion);
}
