using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Storage.Log;
using MirrorSync.Testing;

namespace MirrorSync.Storage.Tests.Log;

/// <summary>A log that gives up its oldest records.</summary>
public sealed class ReplicationLogTruncationTests
{
    private const int Records = 60;

    // With pages of 512 KiB and segments of 1 MiB, sixty records take some twelve segments.
    private static IEnumerable<int> Lengths => Enumerable.Range(0, Records).Select(static i => 150_000 + (i * 1000));

    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    [InlineData(Records - 1)]
    [InlineData(Records)]
    public async Task TruncateAsync_UpToARecord_HoldsWhatFollowsNowAndWhenOpenedAgain(int upTo)
    {
        using LogFolder folder = new();
        LogPosition position;
        long heldBefore;
        List<byte[]> bytes = [];
        await using (ReplicationLog log = folder.Open())
        {
            await LogFolder.FillAsync(log, Lengths);
            heldBefore = log.HeldBytes;
            for (ulong sequence = 1; sequence <= Records; sequence++)
            {
                bytes.Add(log.Read(sequence).ToArray());
            }

            position = log.PositionAt((ulong)upTo)!.Value;
            int files = Directory.GetFiles(folder.Path, "segment-*").Length;
            await log.TruncateAsync((ulong)upTo, CancellationToken.None);
            AssertHolds(log, position, bytes);
            Assert.True(log.HeldBytes < heldBefore);
            Assert.True(upTo == 1 || Directory.GetFiles(folder.Path, "segment-*").Length < files);
            await LogFolder.FillAsync(log, 300);
            bytes.Add(log.Read(Records + 1).ToArray());
        }

        for (int opening = 0; opening < 2; opening++)
        {
            await using ReplicationLog again = folder.Open();
            AssertHolds(again, position, bytes);
            await LogFolder.FillAsync(again, 200_000);
            bytes.Add(again.Read(again.Appended.Sequence).ToArray());
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4096)]
    public async Task TruncateAsync_ThenEitherMarkLost_StillOpens(int slot)
    {
        using LogFolder folder = new();
        LogPosition position;
        await using (ReplicationLog log = folder.Open())
        {
            await LogFolder.FillAsync(log, Lengths);
            position = log.PositionAt(40)!.Value;
            await log.TruncateAsync(40, CancellationToken.None);
        }

        LogFolder.Flip(folder.Of("committed"), slot + 20);
        await using ReplicationLog again = folder.Open();
        Assert.Equal((position, (ulong)Records), (again.Base, again.Committed.Sequence));
    }

    [Fact]
    public async Task TruncateAsync_KilledBeforeTheFilesWereRemoved_RemovesThemWhenOpened()
    {
        using LogFolder folder = new();
        using LogFolder whole = new();
        await using (ReplicationLog log = folder.Open())
        {
            await LogFolder.FillAsync(log, Lengths);
            foreach (string file in Directory.GetFiles(folder.Path, "segment-*"))
            {
                File.Copy(file, whole.Of(Path.GetFileName(file)));
            }

            await log.TruncateAsync(40, CancellationToken.None);
        }

        File.Copy(folder.Of("committed"), whole.Of("committed"));
        await using ReplicationLog again = whole.Open();
        Assert.Equal((40UL, (ulong)Records), (again.Base.Sequence, again.Committed.Sequence));
        Assert.False(File.Exists(whole.Segment(0)));
    }

    [Fact]
    public async Task TruncateAsync_WhatIsNotCommittedOrNotHeld_IsRefusedOrNothing()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        await LogFolder.FillAsync(log, 10, 20, 30);
        log.Append(LogFolder.Draft(), epoch: 1);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => log.TruncateAsync(4, CancellationToken.None));
        Assert.Empty(await log.TruncateAsync(0, CancellationToken.None));
        await log.TruncateAsync(2, CancellationToken.None);
        await log.TruncateAsync(1, CancellationToken.None);
        Assert.Equal(2UL, log.Base.Sequence);
        await log.CommitAsync(log.Appended, CancellationToken.None);
        Assert.Equal(4UL, log.Committed.Sequence);
    }

    [Fact]
    public async Task TruncateAsync_AllThatIsCommittedWithAnotherOnTheNextPage_OpensAgain()
    {
        using LogFolder folder = new();
        LogPosition committed;
        await using (ReplicationLog log = folder.Open())
        {
            await LogFolder.FillAsync(log, 250_000, 150_000);
            committed = log.Committed;
            log.Append(LogFolder.Draft(250_000), epoch: 1);
            await log.TruncateAsync(2, CancellationToken.None);
            using LogFolder killed = folder.Copy();
            await using ReplicationLog again = killed.Open();
            Assert.Equal((committed, committed), (again.Base, again.Committed));
            await LogFolder.FillAsync(again, 10);
            await log.CommitAsync(log.Appended, CancellationToken.None);
        }

        await using ReplicationLog last = folder.Open();
        Assert.Equal((committed, 3UL), (last.Base, last.Committed.Sequence));
    }

    [Fact]
    public async Task TruncateAsync_SpooledBodies_GivesThoseThatNoRecordNames()
    {
        using LogFolder folder = new();
        using TempFolder spooled = new();
        Spool spool = new(spooled.Path, NullLogger<Spool>.Instance);
        SpooledBody first = await spool.WriteAsync(new MemoryStream([1, 2, 3]), null, CancellationToken.None);
        SpooledBody twice = await spool.WriteAsync(new MemoryStream([4, 5]), null, CancellationToken.None);
        await using (ReplicationLog log = folder.Open())
        {
            foreach (SpooledBody body in (SpooledBody[])[first, twice, twice])
            {
                log.Append(LogFolder.Draft() with { Spooled = body, InlineBody = default }, epoch: 1);
            }

            await log.CommitAsync(log.Appended, CancellationToken.None);
            Assert.Equal([first], await log.TruncateAsync(2, CancellationToken.None));
            Assert.Equal([twice], log.Bodies);
        }

        await using ReplicationLog again = folder.Open();
        Assert.Equal([twice], again.Bodies);
        spool.Clean(again.Bodies);
        Assert.Equal((false, true), (spool.Contains(first), spool.Contains(twice)));
        spool.Remove(twice);
        Assert.Empty(Directory.GetFiles(spooled.Path));
    }

    [Fact]
    public async Task StartAt_LogWithRecords_GivesThemUp()
    {
        using LogFolder folder = new();
        LogPosition start = new(3, 1000, default);
        await using (ReplicationLog log = folder.Open())
        {
            await LogFolder.FillAsync(log, Lengths);
            log.StartAt(start);
            Assert.Equal((start, start, 0L), (log.Base, log.Committed, log.HeldBytes));
            LogRecord record = log.Append(LogFolder.Draft(), epoch: 3);
            await log.CommitAsync(record.Position, CancellationToken.None);
            Assert.Equal(1001UL, log.ReadRecord(1001).Sequence);
        }

        await using ReplicationLog again = folder.Open();
        Assert.Equal((start, 1001UL), (again.Base, again.Committed.Sequence));
    }

    private static void AssertHolds(ReplicationLog log, LogPosition @base, List<byte[]> bytes)
    {
        Assert.Equal((@base, (ulong)bytes.Count), (log.Base, log.Committed.Sequence));
        Assert.Equal(@base, log.PositionAt(@base.Sequence));
        Assert.Throws<LogTruncatedException>(() => log.Read(@base.Sequence));
        Assert.Null(log.PositionAt(@base.Sequence - 1));
        for (ulong sequence = @base.Sequence + 1; sequence <= (ulong)bytes.Count; sequence++)
        {
            Assert.True(log.Read(sequence).Span.SequenceEqual(bytes[(int)sequence - 1]), $"record {sequence}");
        }
    }
}
