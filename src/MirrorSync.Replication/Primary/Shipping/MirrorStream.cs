using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Shipping;

/// <summary>
/// One mirror's open stream. Records leave as soon as they are appended; the commit mark follows when they are durable
/// here. Flow control is HTTP/2's: a mirror that stalls holds up this stream alone, with one record in memory.
/// </summary>
internal sealed class MirrorStream(ReplicationLog log, MirrorRoster.Session session, Func<(TimeSpan LookAge, IReadOnlyList<RepositoryName> Held)> standing, TimeProvider time) : IDisposable
{
    /// <summary>A mirror asks every second; one that is silent for so long is gone, whatever TCP believes.</summary>
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim writing = new(1, 1);

    // Records that were sent and never committed must not be followed by the mark of others.
    private readonly LogFollower following = log.Follow();

    /// <summary>Runs until one side ends, and says in words which and why.</summary>
    public async Task<string> RunAsync(Welcome welcome, PipeReader input, PipeWriter output, CancellationToken cancellation)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using CancellationTokenSource silence = new(SilenceLimit, time);
        using CancellationTokenRegistration onSilence = silence.Token.Register(ending.Cancel);
        byte[] greeting = JsonSerializer.SerializeToUtf8Bytes(welcome, WireJson.Default.Welcome);
        await SendAsync(output, o => Frames.Write(o, FrameKind.Welcome, greeting), ending.Token).ConfigureAwait(false);
        Task[] sides =
        [
            SendRecordsAsync(output, welcome.Sequence, ending.Token),
            SendMarksAsync(output, ending.Token),
            ReceiveAsync(input, output, silence, ending.Token),
        ];
        Task first = await Task.WhenAny(sides).ConfigureAwait(false);
        await ending.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(sides).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return silence.IsCancellationRequested ? "the mirror fell silent"
            : cancellation.IsCancellationRequested ? "closed"
            : first.Exception?.InnerException?.Message ?? "the mirror closed it";
    }

    /// <inheritdoc/>
    public void Dispose() => writing.Dispose();

    private async Task SendRecordsAsync(PipeWriter output, ulong after, CancellationToken cancellation)
    {
        for (ulong sequence = after + 1; ; sequence++)
        {
            await following.WaitAppendedAsync(sequence, cancellation).ConfigureAwait(false);
            ReadOnlyMemory<byte> record = log.Read(sequence);
            await SendAsync(output, o => Frames.Write(o, FrameKind.Record, record.Span), cancellation).ConfigureAwait(false);
        }
    }

    private async Task SendMarksAsync(PipeWriter output, CancellationToken cancellation)
    {
        ulong marked = 0;
        while (true)
        {
            marked = await following.WaitCommittedAsync(marked + 1, cancellation).ConfigureAwait(false);
            await SendAsync(output, o => Frames.WriteSequence(o, FrameKind.CommitMark, marked), cancellation).ConfigureAwait(false);
        }
    }

    private async Task ReceiveAsync(
        PipeReader input, PipeWriter output, CancellationTokenSource silence, CancellationToken cancellation)
    {
        while (await Frames.ReadAsync(input, cancellation).ConfigureAwait(false) is { } frame)
        {
            silence.CancelAfter(SilenceLimit);
            session.Heard();
            ReadOnlySequence<byte> payload = new(frame.Payload);
            switch (frame.Kind)
            {
                case FrameKind.Ask:
                    // The look's age is taken before the position: whatever that look saw is in the log by then.
                    (TimeSpan age, IReadOnlyList<RepositoryName> held) = standing();
                    AnswerFrame answer = new((long)Frames.ReadSequence(payload), log.Committed.Sequence, age, held);
                    await SendAsync(output, answer.Write, cancellation).ConfigureAwait(false);
                    break;
                case FrameKind.Durable:
                    session.Durable(Frames.ReadSequence(payload));
                    break;
                case FrameKind.Applied:
                    session.Applied(AppliedFrame.Read(frame.Payload));
                    break;
                default:
                    throw new ProtocolException($"a mirror does not send {frame.Kind}");
            }
        }
    }

    private async Task SendAsync(PipeWriter output, Action<IBufferWriter<byte>> write, CancellationToken cancellation)
    {
        await writing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            write(output);
            FlushResult flushed = await output.FlushAsync(cancellation).ConfigureAwait(false);
            if (flushed.IsCompleted)
            {
                throw new IOException("the mirror stopped reading");
            }
        }
        finally
        {
            writing.Release();
        }
    }
}
