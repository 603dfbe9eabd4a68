using System.Buffers;
using MirrorSync.Replication.Mirror;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;

namespace MirrorSync.Replication.Tests.Mirror;

public sealed class RecordIntakeTests : IDisposable
{
    private readonly ScratchLog primary = new();
    private readonly ScratchLog mirror = new();
    private readonly List<ulong> dispatched = [];

    public void Dispose()
    {
        primary.Dispose();
        mirror.Dispose();
    }

    [Fact]
    public async Task FlushAsync_NoMark_AppendsNothing()
    {
        RecordIntake intake = await IntakeOfAsync(3);
        await intake.FlushAsync(CancellationToken.None);
        Assert.Equal(LogPosition.Origin, mirror.Log.Appended);
        Assert.Empty(dispatched);
    }

    [Fact]
    public async Task FlushAsync_MarkInTheMiddle_AppendsUpToIt()
    {
        RecordIntake intake = await IntakeOfAsync(3);
        intake.Mark(2);
        await intake.FlushAsync(CancellationToken.None);
        Assert.Equal(primary.Log.PositionAt(2), mirror.Log.Committed);
        Assert.Equal([1, 2], dispatched);
        intake.Mark(1);
        await intake.FlushAsync(CancellationToken.None);
        Assert.Equal(2UL, mirror.Log.Appended.Sequence);
        intake.Mark(9);
        await intake.FlushAsync(CancellationToken.None);
        Assert.Equal(primary.Log.Committed, mirror.Log.Committed);
        Assert.Equal([1, 2, 3], dispatched);
    }

    [Fact]
    public async Task FlushAsync_MarkAheadOfTheRecords_TakesThemAsTheyCome()
    {
        RecordIntake intake = await IntakeOfAsync(0);
        intake.Mark(2);
        await intake.FlushAsync(CancellationToken.None);
        await primary.FillAsync(3);
        for (ulong sequence = 1; sequence <= 3; sequence++)
        {
            intake.Take(Payload(sequence));
            await intake.FlushAsync(CancellationToken.None);
        }

        Assert.Equal(2UL, mirror.Log.Committed.Sequence);
    }

    [Fact]
    public async Task FlushAsync_WhenDispatched_TheRecordIsDurable()
    {
        List<ulong> committedThen = [];
        await primary.FillAsync(2);
        RecordIntake intake = new(mirror.Log, _ => committedThen.Add(mirror.Log.Committed.Sequence));
        intake.Take(Payload(1));
        intake.Take(Payload(2));
        intake.Mark(2);
        await intake.FlushAsync(CancellationToken.None);
        Assert.Equal([2, 2], committedThen);
    }

    [Fact]
    public async Task FlushAsync_StreamCutMeanwhile_LeavesNoRecordInTheLogThatNobodyWasHanded()
    {
        // The next stream is asked from the log's end on, so such a record would never come again.
        RecordIntake intake = await IntakeOfAsync(3);
        intake.Mark(3);
        await Record.ExceptionAsync(() => intake.FlushAsync(new CancellationToken(canceled: true)));
        Assert.Equal((ulong)dispatched.Count, mirror.Log.Appended.Sequence);
    }

    [Fact]
    public async Task Take_AnyBitFlipped_Throws()
    {
        await primary.FillAsync(1);
        byte[] good = primary.Log.Read(1).ToArray();
        for (int at = 0; at < good.Length; at++)
        {
            byte[] bad = [.. good];
            bad[at] ^= (byte)(1 << (at % 8));
            RecordIntake intake = new(mirror.Log, r => dispatched.Add(r.Sequence));
            Assert.Throws<ProtocolException>(() => intake.Take(new ReadOnlySequence<byte>(bad)));
            intake.Mark(9);
            await intake.FlushAsync(CancellationToken.None);
        }

        Assert.Equal(LogPosition.Origin, mirror.Log.Appended);
    }

    [Fact]
    public async Task Take_OutOfOrder_Throws()
    {
        RecordIntake intake = await IntakeOfAsync(1);
        await primary.FillAsync(2);
        Assert.Throws<ProtocolException>(() => intake.Take(Payload(1)));
        Assert.Throws<ProtocolException>(() => intake.Take(Payload(3)));
        intake.Take(Payload(2));
    }

    [Fact]
    public async Task Take_AnotherLogsRecord_Throws()
    {
        RecordIntake intake = await IntakeOfAsync(1);
        using ScratchLog other = new();
        other.Append(Samples.Draft(bodyLength: 11));
        other.Append(Samples.Draft());
        Assert.Throws<ProtocolException>(() => intake.Take(new ReadOnlySequence<byte>(other.Log.Read(2))));
    }

    [Fact]
    public void Take_LowerEpoch_Throws()
    {
        using ScratchLog older = new();
        LogRecord high = older.Log.Append(Samples.Draft(), epoch: 5);
        RecordIntake intake = new(mirror.Log, r => dispatched.Add(r.Sequence));
        intake.Take(new ReadOnlySequence<byte>(older.Log.Read(1)));

        byte[] low = LogRecordCodec.Encode(Samples.Draft(), 4, 2, high.Chain);
        Assert.Throws<ProtocolException>(() => intake.Take(new ReadOnlySequence<byte>(low)));
    }

    [Fact]
    public async Task Take_NeverCommitted_IsBounded()
    {
        RecordIntake intake = await IntakeOfAsync(0);
        int big = LogRecordCodec.InlineBodyLimit;
        int fits = (64 << 20) / big;
        Assert.Throws<ProtocolException>(() =>
        {
            for (int i = 0; i <= fits; i++)
            {
                LogRecord record = primary.Append(Samples.Draft(bodyLength: big));
                intake.Take(Payload(record.Sequence));
            }
        });
    }

    [Fact]
    public async Task Take_AfterADisconnect_GoesOnBehindTheLog()
    {
        // What was not committed is dropped with the intake: the primary may have lost it, and write another in its place.
        RecordIntake intake = await IntakeOfAsync(2);
        intake.Mark(1);
        await intake.FlushAsync(CancellationToken.None);
        byte[] another = LogRecordCodec.Encode(Samples.Draft(bodyLength: 3), 1, 2, mirror.Log.Committed.Chain);
        RecordIntake next = new(mirror.Log, r => dispatched.Add(r.Sequence));
        next.Take(new ReadOnlySequence<byte>(another));
        next.Mark(2);
        await next.FlushAsync(CancellationToken.None);
        Assert.NotEqual(primary.Log.PositionAt(2), mirror.Log.Committed);
        Assert.Equal(2UL, mirror.Log.Committed.Sequence);
    }

    private async Task<RecordIntake> IntakeOfAsync(int records)
    {
        await primary.FillAsync(records);
        RecordIntake intake = new(mirror.Log, r => dispatched.Add(r.Sequence));
        for (ulong sequence = 1; sequence <= (ulong)records; sequence++)
        {
            intake.Take(Payload(sequence));
        }

        return intake;
    }

    private ReadOnlySequence<byte> Payload(ulong sequence) => new(primary.Log.Read(sequence));
}
