using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Storage.Log;
using MirrorSync.Testing;

namespace MirrorSync.Storage.Tests.Log;

/// <summary>What a log gives up, by age and by size.</summary>
public sealed class LogRetentionTests : IAsyncLifetime, IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly LogFolder folder = new();
    private readonly TempFolder spooled = new();
    private readonly ReplicationLog log;
    private readonly Spool spool;

    public LogRetentionTests()
    {
        log = folder.Open();
        spool = new Spool(spooled.Path, NullLogger<Spool>.Instance);
    }

    [Theory]
    [InlineData(10, 4)]
    [InlineData(2, 2)]
    [InlineData(0, 0)]
    public async Task ApplyAsync_OldRecords_GoUpToWhatIsNeeded(int upTo, int given)
    {
        for (int hours = 9; hours >= 0; hours--)
        {
            await AppendAsync(hours);
        }

        LogRetention retention = new(log, spool, new LogRetentionOptions(TimeSpan.FromHours(5.5), 1 << 30), new Clock(Noon));
        Assert.Equal((ulong)given, await retention.ApplyAsync((ulong)upTo, ulong.MaxValue, CancellationToken.None));
        Assert.Equal((ulong)given, log.Base.Sequence);
        Assert.Equal(0UL, await retention.ApplyAsync((ulong)upTo, ulong.MaxValue, CancellationToken.None));
    }

    [Fact]
    public async Task ApplyAsync_TooMuch_TheOldestGoWithTheirBodies()
    {
        List<SpooledBody> bodies = [];
        for (int i = 0; i < 5; i++)
        {
            SpooledBody body = await spool.WriteAsync(new MemoryStream(new byte[1 << 20 | i]), null, CancellationToken.None);
            bodies.Add(body);
            await AppendAsync(hoursAgo: 0, body);
        }

        LogRetention retention = new(log, spool, new LogRetentionOptions(TimeSpan.FromDays(1), (2 << 20) + 100_000), new Clock(Noon));
        Assert.Equal(3UL, await retention.ApplyAsync(5, ulong.MaxValue, CancellationToken.None));
        Assert.Equal([false, false, false, true, true], bodies.Select(spool.Contains));

        // Need goes before size.
        await AppendAsync(hoursAgo: 0, await spool.WriteAsync(new MemoryStream(new byte[3 << 20]), null, CancellationToken.None));
        Assert.Equal(1UL, await retention.ApplyAsync(4, ulong.MaxValue, CancellationToken.None));
        Assert.Equal(4UL, log.Base.Sequence);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await log.DisposeAsync();

    public void Dispose()
    {
        folder.Dispose();
        spooled.Dispose();
    }

    private async Task AppendAsync(double hoursAgo, SpooledBody? body = null)
    {
        LogRecordDraft draft = LogFolder.Draft(10) with
        {
            NoticedAtMicroseconds = (Noon - TimeSpan.FromHours(hoursAgo) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
        };
        LogRecord record = log.Append(body is null ? draft : draft with { Spooled = body, InlineBody = default }, epoch: 1);
        await log.CommitAsync(record.Position, CancellationToken.None);
    }

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
