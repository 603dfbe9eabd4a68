using System.Buffers;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;

namespace MirrorSync.Replication.Mirror;

/// <summary>Whoever follows the primary: what the link hands on. Called by the link alone, one call at a time.</summary>
internal interface IFollower
{
    /// <summary>The primary said welcome; no record has come yet.</summary>
    Task BeginAsync(Welcome welcome, CancellationToken cancellation);

    /// <summary>From here on frames can be sent; what is known already is to be reported.</summary>
    void Connected();

    /// <summary>A record is durable in this node's log.</summary>
    void Dispatch(LogRecord record);

    /// <summary>Everything that came so far is in the log or waits for the primary's commit.</summary>
    /// <param name="answers">The primary's answers that have not been used; the follower takes out what it uses.</param>
    void Flushed(Queue<AnswerFrame> answers);
}

/// <summary>
/// The link to the primary: one stream at a time, opened again after every cut, with backoff; dead when it is silent.
/// </summary>
internal sealed partial class UpstreamLink : IDisposable
{
    private static readonly TimeSpan AskInterval = TimeSpan.FromSeconds(1);

    /// <summary>The primary answers every second's question; silence for so long means that the link is dead.</summary>
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(5);

    private readonly MirrorOptions options;
    private readonly ReplicationLog log;
    private readonly IFollower follower;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly LogUpkeep upkeep;
    private readonly HttpClient http;
    private readonly Backoff backoff;

    private volatile UpstreamStream? upstream;
    private volatile string? problem = "not connected yet";
    private long heardAt = long.MinValue;

    public UpstreamLink(
        MirrorOptions options, ReplicationLog log, IFollower follower, LogUpkeep upkeep, TimeProvider time, ILogger logger)
    {
        this.options = options;
        this.log = log;
        this.follower = follower;
        this.upkeep = upkeep;
        this.time = time;
        this.logger = logger;
        backoff = new Backoff(time);
        http = options.CreateClient();
        http.BaseAddress = options.Upstream;
    }

    /// <summary>True while a stream is open.</summary>
    public bool IsConnected => upstream is not null;

    /// <summary>Why there is no stream; null while there is one.</summary>
    public string? Problem => problem;

    /// <summary>Seconds since the primary was last heard, on this node's clock; null when never.</summary>
    public double? HeardSecondsAgo
    {
        get
        {
            long at = Volatile.Read(ref heardAt);
            return at == long.MinValue ? null : time.GetElapsedTime(at).TotalSeconds;
        }
    }

    /// <summary>Sends a frame if a stream is open.</summary>
    public void Send(Action<IBufferWriter<byte>> write) => upstream?.Send(write);

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    /// <summary>Follows until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                // After a failed write the log goes on from its last commit, and the primary sends the rest again.
                await upkeep.TryReopenAsync(cancellation).ConfigureAwait(false);
                if (upkeep.Problem is { } unwritable)
                {
                    throw new LogUnwritableException(unwritable);
                }

                UpstreamStream stream = await OpenAsync(cancellation).ConfigureAwait(false);
                await using (stream.ConfigureAwait(false))
                {
                    await follower.BeginAsync(stream.Welcome, cancellation).ConfigureAwait(false);
                    await ExchangeAsync(stream, cancellation).ConfigureAwait(false);
                }
            }
            catch (LogUnwritableException failure)
            {
                problem = upkeep.Problem ?? failure.Message;
            }
            catch (Exception failure) when (!cancellation.IsCancellationRequested)
            {
                // Whatever a broken connection throws (sockets, HTTP and TLS each have their own): another is tried.
                if (failure is RefusedException)
                {
                    Volatile.Write(ref heardAt, time.GetTimestamp());
                }

                string reason = failure.InnerException is { } inner && failure is HttpRequestException ? inner.Message : failure.Message;
                string now = $"primary {options.Upstream.Authority}: {reason}";
                if (problem != now)
                {
                    LogDisconnected(logger, now);
                }

                problem = now;
            }

            upstream = null;
            await backoff.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private async Task<UpstreamStream> OpenAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource limit = new(SilenceLimit, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            return await UpstreamStream.OpenAsync(http, options.Identity, log.Appended, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            throw new IOException($"no answer within {SilenceLimit.TotalSeconds:0} s");
        }
    }

    private async Task ExchangeAsync(UpstreamStream stream, CancellationToken cancellation)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using CancellationTokenSource silence = new(SilenceLimit, time);
        using CancellationTokenRegistration onSilence = silence.Token.Register(ending.Cancel);

        upstream = stream;
        problem = null;
        follower.Connected();
        Task[] sides = [stream.SendQueuedAsync(ending.Token), AskAsync(stream, ending.Token), ReceiveAsync(stream.Input, silence, ending.Token)];
        Task first = await Task.WhenAny(sides).ConfigureAwait(false);
        upstream = null;
        await ending.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(sides).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (silence.IsCancellationRequested)
        {
            throw new IOException($"silent for {SilenceLimit.TotalSeconds:0} s");
        }

        await first.ConfigureAwait(false);
        throw new IOException("the primary closed the stream");
    }

    private async Task AskAsync(UpstreamStream stream, CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(AskInterval, time);
        do
        {
            long now = time.GetTimestamp();
            stream.Send(o => Frames.WriteSequence(o, FrameKind.Ask, (ulong)now));
        }
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false));
    }

    private async Task ReceiveAsync(PipeReader input, CancellationTokenSource silence, CancellationToken cancellation)
    {
        RecordIntake intake = new(log, follower.Dispatch);
        Queue<AnswerFrame> answers = [];
        while (true)
        {
            silence.CancelAfter(SilenceLimit);
            ReadResult read = await input.ReadAsync(cancellation).ConfigureAwait(false);

            // A disk of our own that takes its time is not the primary's silence.
            silence.CancelAfter(Timeout.InfiniteTimeSpan);
            Volatile.Write(ref heardAt, time.GetTimestamp());
            ReadOnlySequence<byte> buffer = read.Buffer;
            while (Frames.TryRead(ref buffer, out FrameKind kind, out ReadOnlySequence<byte> payload))
            {
                switch (kind)
                {
                    case FrameKind.Record:
                        intake.Take(payload);
                        break;
                    case FrameKind.CommitMark:
                        intake.Mark(Frames.ReadSequence(payload));
                        break;
                    case FrameKind.Answer:
                        answers.Enqueue(AnswerFrame.Read(payload.ToArray()));
                        break;
                    default:
                        throw new ProtocolException($"a primary does not send {kind} here");
                }
            }

            input.AdvanceTo(buffer.Start, buffer.End);
            await intake.FlushAsync(cancellation).ConfigureAwait(false);
            follower.Flushed(answers);

            _ = await upkeep.TryReopenAsync(cancellation).ConfigureAwait(false);

            // Only now the stream is worth something: one that fails at its first record must not be tried without pause.
            backoff.Reset();
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Problem}")]
    private static partial void LogDisconnected(ILogger logger, string problem);
}
