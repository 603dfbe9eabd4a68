using MirrorSync.Replication.Mirror;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;

namespace MirrorSync.Replication.Tests.Mirror;

public sealed class DurablePositionTests : IDisposable
{
    private readonly ScratchLog scratch = new();

    public void Dispose() => scratch.Dispose();

    [Fact]
    public async Task Current_InlineBodies_IsTheLogsEnd()
    {
        DurablePosition durable = new(scratch.Log, scratch.Spool);
        Assert.Equal(LogPosition.Origin, durable.Current);
        foreach (LogRecord record in await scratch.FillAsync(3))
        {
            durable.Added(record);
        }

        Assert.Equal(scratch.Log.Committed, durable.Current);
    }

    [Fact]
    public async Task Current_BodyMissing_StaysBeforeItsRecord()
    {
        DurablePosition durable = new(scratch.Log, scratch.Spool);
        LogRecord first = scratch.Append(Samples.Draft());
        LogRecord second = scratch.Append(Samples.Draft(spooled: new SpooledBody(Samples.Hash(1), 10)));
        LogRecord third = scratch.Append(Samples.Draft());
        LogRecord fourth = scratch.Append(Samples.Draft(spooled: new SpooledBody(Samples.Hash(2), 10)));
        await scratch.Log.CommitAsync(scratch.Log.Appended, CancellationToken.None);
        foreach (LogRecord record in (LogRecord[])[first, second, third, fourth])
        {
            durable.Added(record);
        }

        Assert.Equal(first.Position, durable.Current);
        durable.BodyPresent(fourth.Sequence);
        Assert.Equal(first.Position, durable.Current);
        durable.BodyPresent(second.Sequence);
        Assert.Equal(fourth.Position, durable.Current);
        durable.BodyPresent(second.Sequence);
        Assert.Equal(fourth.Position, durable.Current);
    }

    [Fact]
    public async Task Current_VeryFirstBodyMissing_IsTheLogsBase()
    {
        LogPosition from = new(1, 7, Samples.Hash(9));
        scratch.Log.StartAt(from);
        DurablePosition durable = new(scratch.Log, scratch.Spool);
        LogRecord record = scratch.Append(Samples.Draft(spooled: new SpooledBody(Samples.Hash(1), 10)));
        await scratch.Log.CommitAsync(record.Position, CancellationToken.None);
        durable.Added(record);
        Assert.Equal(from, durable.Current);
    }

    [Fact]
    public async Task Current_BodyInTheSpoolAlready_CountsAtOnce()
    {
        DurablePosition durable = new(scratch.Log, scratch.Spool);
        using MemoryStream bytes = new([1, 2, 3]);
        SpooledBody body = await scratch.Spool.WriteAsync(bytes, null, CancellationToken.None);
        LogRecord record = scratch.Append(Samples.Draft(spooled: body));
        await scratch.Log.CommitAsync(record.Position, CancellationToken.None);
        durable.Added(record);
        Assert.Equal(record.Position, durable.Current);
    }

    [Fact]
    public async Task Current_CommittedButNotYetAdded_DoesNotCount()
    {
        DurablePosition durable = new(scratch.Log, scratch.Spool);
        LogRecord inline = scratch.Append(Samples.Draft());
        await scratch.Log.CommitAsync(inline.Position, CancellationToken.None);
        durable.Added(inline);

        // The log's commit is over, and nobody has looked yet whether the record's body is here.
        LogRecord record = scratch.Append(Samples.Draft(spooled: new SpooledBody(Samples.Hash(1), 10)));
        await scratch.Log.CommitAsync(record.Position, CancellationToken.None);
        Assert.Equal(inline.Position, durable.Current);
        durable.Added(record);
        Assert.Equal(inline.Position, durable.Current);
        durable.BodyPresent(record.Sequence);
        Assert.Equal(record.Position, durable.Current);
    }

    [Fact]
    public void Current_LogBegunElsewhere_IsItsBase()
    {
        DurablePosition durable = new(scratch.Log, scratch.Spool);
        LogPosition from = new(1, 7, Samples.Hash(9));
        scratch.Log.StartAt(from);
        Assert.Equal(from, durable.Current);
    }
}
