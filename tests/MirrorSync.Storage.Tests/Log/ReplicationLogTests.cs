using System.Collections.Concurrent;
using MirrorSync.Storage.Log;

namespace MirrorSync.Storage.Tests.Log;

public sealed class ReplicationLogTests
{
    private static readonly Hash256 SomeChain = Hash256.FromBytes([.. Enumerable.Repeat((byte)9, 32)]);

    [Fact]
    public async Task Open_EmptyFolder_BeginsAtTheOrigin()
    {
        using LogFolder folder = new();
        for (int i = 0; i < 2; i++)
        {
            await using ReplicationLog log = folder.Open();
            Assert.Equal(LogPosition.Origin, log.Base);
            Assert.Equal(LogPosition.Origin, log.Appended);
            Assert.Equal(LogPosition.Origin, log.Committed);
            Assert.Equal(LogPosition.Origin, log.PositionAt(0));
            Assert.Null(log.PositionAt(1));
            await log.CommitAsync(log.Appended, CancellationToken.None);
        }
    }

    [Fact]
    public async Task Open_AfterCommitAndDispose_HoldsEveryRecord()
    {
        using LogFolder folder = new();
        List<byte[]> written = [];
        List<LogPosition> positions = [];
        await using (ReplicationLog log = folder.Open())
        {
            for (int i = 0; i < 300; i++)
            {
                LogRecord record = log.Append(LogFolder.Draft(i * 97, i), epoch: 1);
                written.Add(log.Read(record.Sequence).ToArray());
                positions.Add(record.Position);
                if (i % 7 == 0)
                {
                    await log.CommitAsync(record.Position, CancellationToken.None);
                    Assert.Equal(record.Position, log.Committed);
                }
            }

            await log.CommitAsync(log.Appended, CancellationToken.None);
            AssertHolds(log, written, positions);
        }

        await using ReplicationLog again = folder.Open();
        Assert.Equal(positions[^1], again.Committed);
        Assert.Equal(positions[^1], again.Appended);
        AssertHolds(again, written, positions);
        LogRecord next = again.Append(LogFolder.Draft(), epoch: 1);
        await again.CommitAsync(next.Position, CancellationToken.None);
        Assert.Equal(301UL, again.Committed.Sequence);
    }

    [Fact]
    public async Task Open_AgainAndAgain_GoesOnExactlyWhereItEnded()
    {
        // 1,000 to 260,000 bytes: pages end with and without a rest, segments are crossed, and now and then nothing is committed.
        const int Seed = 4711;
        Random random = new(Seed);
        using LogFolder folder = new();
        List<byte[]> written = [];
        for (int round = 0; round < 25; round++)
        {
            await using ReplicationLog log = folder.Open();
            Assert.Equal((ulong)written.Count, log.Appended.Sequence);
            for (int i = random.Next(6); i > 0; i--)
            {
                LogRecord record = log.Append(LogFolder.Draft(random.Next(1000, 260_000), random.Next()), epoch: 1);
                written.Add(log.Read(record.Sequence).ToArray());
            }

            await log.CommitAsync(log.Appended, CancellationToken.None);
        }

        await using ReplicationLog last = folder.Open();
        AssertHolds(last, written, null);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(12)]
    public async Task Open_LogThatEndsAtOrNearAPagesEnd_GoesOn(int rest)
    {
        const int Page = 1 << 19;
        using LogFolder folder = new();
        await using (ReplicationLog log = folder.Open())
        {
            await LogFolder.FillAsync(log, 100_000, 100_000);
            int head = log.Read(1).Length - 100_000;
            int used = 64 + (2 * LogEntry(head + 100_000));
            int left = Page - used - rest - LogEntry(head + 200_000);
            await LogFolder.FillAsync(log, 200_000, (left & ~3) - 4 - head);
        }

        await using (ReplicationLog again = folder.Open())
        {
            Assert.Equal(4UL, again.Committed.Sequence);
            await LogFolder.FillAsync(again, 50, 60);
        }

        await using ReplicationLog last = folder.Open();
        Assert.Equal(6UL, last.Committed.Sequence);
        Assert.Equal(LogFolder.Draft(60, 61).InlineBody.ToArray(), Decode(last.Read(6)).InlineBody.ToArray());
    }

    [Fact]
    public async Task Open_AfterUncommittedAppends_HoldsAtLeastWhatWasCommitted()
    {
        using LogFolder folder = new();
        await using (ReplicationLog log = folder.Open())
        {
            await LogFolder.FillAsync(log, 10, 20, 30);
            log.Append(LogFolder.Draft(), epoch: 1);
        }

        await using ReplicationLog again = folder.Open();
        Assert.Equal(3UL, again.Committed.Sequence);
        Assert.Equal(again.Committed, again.Appended);
        Assert.Equal(4UL, again.Append(LogFolder.Draft(), epoch: 1).Sequence);
    }

    [Fact]
    public async Task CommitAsync_ManyAppendersAtOnce_ShareCommitsAndKeepEveryRecord()
    {
        using LogFolder folder = new();
        ConcurrentDictionary<ulong, byte[]> written = [];
        await using (ReplicationLog log = folder.Open())
        {
            Task waiter = log.Follow().WaitCommittedAsync(100, CancellationToken.None);
            await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(async () =>
            {
                LogRecord record = log.Append(LogFolder.Draft(i * 10, i), epoch: 1);
                await log.CommitAsync(record.Position, CancellationToken.None);
                Assert.True(log.Committed.Sequence >= record.Sequence);
                written[record.Sequence] = log.Read(record.Sequence).ToArray();
            }))).WaitAsync(LogFolder.Deadline);
            await waiter.WaitAsync(LogFolder.Deadline);
        }

        await using ReplicationLog again = folder.Open();
        AssertHolds(again, [.. written.OrderBy(static w => w.Key).Select(static w => w.Value)], null);
    }

    [Fact]
    public async Task Read_MoreThanMemoryHoldsAndNothingCommitted_GivesEveryRecord()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        for (int i = 0; i < 60; i++)
        {
            log.Append(LogFolder.Draft(200_000, i), epoch: 1);
        }

        for (int i = 0; i < 60; i++)
        {
            Assert.Equal(LogFolder.Draft(200_000, i).InlineBody.ToArray(), Decode(log.Read((ulong)i + 1)).InlineBody.ToArray());
        }
    }

    [Fact]
    public async Task Read_SequenceThatIsNotHeld_Throws()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        log.StartAt(new LogPosition(2, 10, SomeChain));
        log.Append(LogFolder.Draft(), epoch: 2);
        Assert.Throws<LogTruncatedException>(() => log.Read(10));
        Assert.Throws<ArgumentOutOfRangeException>(() => log.Read(12));
        Assert.Equal(11UL, Decode(log.Read(11)).Sequence);
        Assert.Null(log.PositionAt(9));
        Assert.Equal(10UL, log.PositionAt(10)?.Sequence);
        Assert.Equal(log.Appended, log.PositionAt(11));
    }

    [Fact]
    public async Task StartAt_EmptyLog_IsDurableAndRecordsFollow()
    {
        using LogFolder folder = new();
        LogPosition start = new(3, 1000, SomeChain);
        await using (ReplicationLog log = folder.Open())
        {
            log.StartAt(new LogPosition(1, 5, default));
            log.StartAt(start);
        }

        await using (ReplicationLog log = folder.Open())
        {
            Assert.Equal(start, log.Base);
            Assert.Equal(start, log.Committed);
            await log.Follow().WaitCommittedAsync(1000, CancellationToken.None);
            LogRecord record = log.Append(LogFolder.Draft(), epoch: 3);
            Assert.Equal(1001UL, record.Sequence);
            Assert.Equal(SomeChain, record.PreviousChain);
            await log.CommitAsync(log.Appended, CancellationToken.None);
        }

        await using ReplicationLog again = folder.Open();
        Assert.Equal(start, again.Base);
        Assert.Equal(1001UL, again.Committed.Sequence);
        Assert.Throws<ArgumentOutOfRangeException>(() => again.StartAt(start));
    }

    [Fact]
    public async Task AppendExact_RecordsOfAnotherLog_MakeAnEqualLog()
    {
        using LogFolder primaryFolder = new();
        using LogFolder mirrorFolder = new();
        await using ReplicationLog primary = primaryFolder.Open();
        await using ReplicationLog mirror = mirrorFolder.Open();
        await LogFolder.FillAsync(primary, Enumerable.Range(1, 50).Select(static i => i * 1000));
        for (ulong sequence = 1; sequence <= 50; sequence++)
        {
            ReadOnlyMemory<byte> bytes = primary.Read(sequence);
            mirror.AppendExact(Decode(bytes), bytes);
        }

        await mirror.CommitAsync(mirror.Appended, CancellationToken.None);
        Assert.Equal(primary.Committed, mirror.Committed);
    }

    [Fact]
    public async Task AppendExact_WhatIsNotExactlyNext_Refuses()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        LogRecord last = log.Append(LogFolder.Draft(), epoch: 5);
        Refused(LogRecordCodec.Encode(LogFolder.Draft(), 5, 1, last.PreviousChain));
        Refused(LogRecordCodec.Encode(LogFolder.Draft(), 5, 3, last.Chain));
        Refused(LogRecordCodec.Encode(LogFolder.Draft(), 5, 2, SomeChain));
        Refused(LogRecordCodec.Encode(LogFolder.Draft(), 4, 2, last.Chain));
        Assert.Equal(last.Position, log.Appended);
        byte[] good = LogRecordCodec.Encode(LogFolder.Draft(), 6, 2, last.Chain);
        byte[] bad = [.. good];
        bad[^1] ^= 1;
        Assert.Throws<ArgumentException>(() => log.AppendExact(Decode(good), bad));
        log.AppendExact(Decode(good), good);
        Assert.Throws<LogOrderException>(() => log.Append(LogFolder.Draft(), epoch: 5));
        Assert.Equal(2UL, log.Appended.Sequence);

        void Refused(byte[] bytes) => Assert.Throws<LogOrderException>(() => log.AppendExact(Decode(bytes), bytes));
    }

    [Fact]
    public async Task Wait_UntilReachedCancelledOrClosed_Completes()
    {
        using LogFolder folder = new();
        ReplicationLog log = folder.Open();
        await using (log)
        {
            Task appended = log.Follow().WaitAppendedAsync(1, CancellationToken.None);
            Task committed = log.Follow().WaitCommittedAsync(1, CancellationToken.None);
            log.Append(LogFolder.Draft(), epoch: 1);
            await appended.WaitAsync(LogFolder.Deadline);
            Assert.False(committed.IsCompleted);
            await log.CommitAsync(log.Appended, CancellationToken.None);
            await committed.WaitAsync(LogFolder.Deadline);
            using CancellationTokenSource cancel = new();
            Task never = log.Follow().WaitAppendedAsync(2, cancel.Token);
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => never);
        }

        Task closed = log.Follow().WaitAppendedAsync(2, CancellationToken.None);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => closed.WaitAsync(LogFolder.Deadline));
        Assert.Throws<ObjectDisposedException>(() => log.Append(LogFolder.Draft(), epoch: 1));
    }

    internal static LogRecord Decode(ReadOnlyMemory<byte> bytes)
    {
        Assert.True(LogRecordCodec.TryDecode(bytes, out LogRecord? record, out string? error), error);
        return record;
    }

    private static int LogEntry(int record) => 4 + ((record + 3) & ~3);

    private static void AssertHolds(ReplicationLog log, List<byte[]> written, List<LogPosition>? positions)
    {
        Assert.Equal((ulong)written.Count, log.Committed.Sequence);
        for (int i = 0; i < written.Count; i++)
        {
            Assert.True(log.Read((ulong)i + 1).Span.SequenceEqual(written[i]));
            Assert.Equal(positions?[i] ?? Decode(written[i]).Position, log.PositionAt((ulong)i + 1));
        }
    }
}
