using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Testing;

namespace MirrorSync.Replication.Tests.Primary.Shipping;

/// <summary>What a primary answers to a hello, and what it sends then; over plain pipes.</summary>
public sealed class HelloTests
{
    [Fact]
    public async Task Stream_OtherProtocol_IsRefused() =>
        await AssertRefusedAsync(static h => h with { Protocol = 1 }, "protocol", "speaks protocol 2, not 1");

    [Fact]
    public async Task Stream_OtherFleet_IsRefused() =>
        await AssertRefusedAsync(static h => h with { Fleet = "other" }, "fleet", "'fleet', not 'other'");

    [Fact]
    public async Task Stream_MirrorAhead_IsRefused() =>
        await AssertRefusedAsync(static h => h with { Sequence = 99 }, "ahead", "has lost records");

    [Fact]
    public async Task Stream_ForkedLog_IsRefused() =>
        await AssertRefusedAsync(static h => h with { Chain = Samples.Hash(1).ToString() }, "forked", "not a beginning");

    [Fact]
    public async Task Stream_OtherEpoch_IsRefused() =>
        await AssertRefusedAsync(static h => h with { Epoch = 7 }, "forked", "not a beginning");

    [Fact]
    public async Task Stream_NoHelloFirst_Throws()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        foreach (FrameKind kind in (FrameKind[])[FrameKind.Ask, FrameKind.Record])
        {
            Pipe toPrimary = new();
            Frames.Write(toPrimary.Writer, kind, new byte[8]);
            await toPrimary.Writer.FlushAsync();
            await Assert.ThrowsAsync<ProtocolException>(
                () => primary.Server.StreamAsync(toPrimary.Reader, new Pipe().Writer, CancellationToken.None).WaitAsync(Patience.Deadline));
        }
    }

    [Fact]
    public async Task Stream_KnownPosition_SendsWhatFollowsThenItsMarkAndAnswers()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        LogPosition start = primary.Log.Committed;
        await primary.RepositoryAsync("a.git");
        (Pipe toPrimary, Pipe toMirror, Task serving) = Serve(primary, Greeting(start));
        Welcome welcome = await ReadAsync(toMirror, FrameKind.Welcome, WireJson.Default.Welcome);
        Assert.Equal(start, Handshake.Position(welcome.Epoch, welcome.Sequence, welcome.Chain));

        Frames.WriteSequence(toPrimary.Writer, FrameKind.Ask, 4711);
        await toPrimary.Writer.FlushAsync();
        bool record = false;
        bool mark = false;
        bool answer = false;
        while (!record || !mark || !answer)
        {
            (FrameKind kind, byte[] payload) = (await Frames.ReadAsync(toMirror.Reader, CancellationToken.None).AsTask().WaitAsync(Patience.Deadline))!.Value;
            switch (kind)
            {
                case FrameKind.Record:
                    Assert.Equal(primary.Log.Read(start.Sequence + 1).ToArray(), payload);
                    record = true;
                    break;
                case FrameKind.CommitMark:
                    mark = Frames.ReadSequence(new ReadOnlySequence<byte>(payload)) == primary.Log.Committed.Sequence;
                    break;
                default:
                    Assert.Equal((4711, primary.Log.Committed.Sequence), (AnswerFrame.Read(payload).AskedAt, AnswerFrame.Read(payload).Committed));
                    answer = true;
                    break;
            }
        }

        await toPrimary.Writer.CompleteAsync();
        await serving.WaitAsync(Patience.Deadline);
        Assert.False(Assert.Single(primary.Server.GetStatus().Mirrors).Connected);
    }

    [Fact]
    public async Task Stream_MirrorSendsNonsense_EndsThisStreamAlone()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        (Pipe toPrimary, Pipe toMirror, Task serving) = Serve(primary, Greeting(primary.Log.Committed));
        await ReadAsync(toMirror, FrameKind.Welcome, WireJson.Default.Welcome);
        Frames.Write(toPrimary.Writer, FrameKind.Record, [1, 2, 3]);
        await toPrimary.Writer.FlushAsync();
        await serving.WaitAsync(Patience.Deadline);

        (toPrimary, toMirror, serving) = Serve(primary, Greeting(primary.Log.Committed));
        await ReadAsync(toMirror, FrameKind.Welcome, WireJson.Default.Welcome);
        await toPrimary.Writer.CompleteAsync();
        await serving.WaitAsync(Patience.Deadline);
    }

    [Fact]
    public async Task Stream_EmptyMirror_BeginsAtThePrimarysEnd()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        await primary.RepositoryAsync("a.git");
        (Pipe toPrimary, Pipe toMirror, Task serving) = Serve(primary, Greeting(LogPosition.Origin));
        Welcome welcome = await ReadAsync(toMirror, FrameKind.Welcome, WireJson.Default.Welcome);
        Assert.Equal(primary.Log.Committed, Handshake.Position(welcome.Epoch, welcome.Sequence, welcome.Chain));
        await toPrimary.Writer.CompleteAsync();
        await serving.WaitAsync(Patience.Deadline);
    }

    private static async Task AssertRefusedAsync(Func<Hello, Hello> change, string code, string words)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        await primary.RepositoryAsync("a.git");
        (Pipe _, Pipe toMirror, Task serving) = Serve(primary, change(Greeting(primary.Log.Committed)));
        Refusal refusal = await ReadAsync(toMirror, FrameKind.Refused, WireJson.Default.Refusal);
        Assert.Equal(code, refusal.Code);
        Assert.Contains(words, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
        await serving.WaitAsync(Patience.Deadline);
        Assert.Empty(primary.Server.GetStatus().Mirrors);
    }

    private static Hello Greeting(LogPosition at) => new(Handshake.ProtocolVersion, "fleet", "ams", "eu", at.Epoch, at.Sequence, at.Chain.ToString());

    private static (Pipe ToPrimary, Pipe ToMirror, Task Serving) Serve(PrimaryRig primary, Hello hello)
    {
        Pipe toPrimary = new();
        Pipe toMirror = new();
        Frames.Write(toPrimary.Writer, FrameKind.Hello, JsonSerializer.SerializeToUtf8Bytes(hello, WireJson.Default.Hello));
        ValueTask<FlushResult> flushed = toPrimary.Writer.FlushAsync();
        Assert.True(flushed.IsCompletedSuccessfully);
        return (toPrimary, toMirror, primary.Server.StreamAsync(toPrimary.Reader, toMirror.Writer, CancellationToken.None));
    }

    private static async Task<T> ReadAsync<T>(Pipe pipe, FrameKind kind, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        (FrameKind Kind, byte[] Payload) frame = (await Frames.ReadAsync(pipe.Reader, CancellationToken.None).AsTask().WaitAsync(Patience.Deadline))!.Value;
        Assert.Equal(kind, frame.Kind);
        return Handshake.Parse(frame.Payload, type);
    }
}
