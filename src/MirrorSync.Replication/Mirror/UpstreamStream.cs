using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Text.Json;
using System.Threading.Channels;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;

namespace MirrorSync.Replication.Mirror;

/// <summary>The primary will not serve this mirror; the message is its own.</summary>
internal sealed class RefusedException(Refusal refusal) : IOException(refusal.Message)
{
    /// <summary>The code of the refusal.</summary>
    public string Code => refusal.Code;
}

/// <summary>One open stream from the primary: a single HTTP/2 request, full duplex.</summary>
internal sealed class UpstreamStream : IAsyncDisposable
{
    // Acknowledgements are cumulative; with the primary not reading, dropping the oldest loses nothing for good.
    private static readonly BoundedChannelOptions OutgoingLimit = new(1 << 16) { FullMode = BoundedChannelFullMode.DropOldest };

    // All records that one read brings share a commit, so a reader that is behind takes much at once.
    private const int ReadAtOnce = 256 << 10;

    private readonly DuplexContent content;
    private readonly HttpResponseMessage response;
    private readonly Stream output;
    private readonly Channel<Action<IBufferWriter<byte>>> outgoing = Channel.CreateBounded<Action<IBufferWriter<byte>>>(OutgoingLimit);

    private UpstreamStream(DuplexContent content, HttpResponseMessage response, Stream output, PipeReader input, Welcome welcome)
    {
        this.content = content;
        this.response = response;
        this.output = output;
        Input = input;
        Welcome = welcome;
    }

    /// <summary>What the primary said first.</summary>
    public Welcome Welcome { get; }

    /// <summary>Where its frames come in.</summary>
    public PipeReader Input { get; }

    /// <summary>Connects and says hello.</summary>
    /// <exception cref="RefusedException">The primary refuses this mirror.</exception>
    /// <exception cref="IOException">There is no primary of this protocol at the address.</exception>
    public static async Task<UpstreamStream> OpenAsync(
        HttpClient http, NodeIdentity identity, LogPosition position, CancellationToken cancellation)
    {
        DuplexContent content = new();
        HttpRequestMessage request = new(HttpMethod.Post, Handshake.StreamPath)
        {
            Content = content,
            Version = http.DefaultRequestVersion,
            VersionPolicy = http.DefaultVersionPolicy,
        };
        HttpResponseMessage? response = null;
        try
        {
            Task<HttpResponseMessage> sending = http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
            await Task.WhenAny(content.Opened, sending).ConfigureAwait(false);
            if (content.Opened.IsCompletedSuccessfully)
            {
                // The request's headers leave with its first bytes.
                Hello hello = new(
                    Handshake.ProtocolVersion, identity.Fleet, identity.Name, identity.Region,
                    position.Epoch, position.Sequence, position.Chain.ToString());
                ArrayBufferWriter<byte> frame = new();
                Frames.Write(frame, FrameKind.Hello, JsonSerializer.SerializeToUtf8Bytes(hello, WireJson.Default.Hello));
                Stream body = await content.Opened.ConfigureAwait(false);
                await body.WriteAsync(frame.WrittenMemory, cancellation).ConfigureAwait(false);
                await body.FlushAsync(cancellation).ConfigureAwait(false);
            }

            response = await AnswerAsync(sending, http.BaseAddress?.Scheme == Uri.UriSchemeHttps).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                throw new IOException($"there is no MirrorSync primary: it answered HTTP {(int)response.StatusCode}");
            }

            PipeReader input = PipeReader.Create(
                await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false), new StreamPipeReaderOptions(bufferSize: ReadAtOnce));
            Welcome welcome = await ReadWelcomeAsync(input, cancellation).ConfigureAwait(false);
            return new UpstreamStream(content, response, await content.Opened.ConfigureAwait(false), input, welcome);
        }
        catch
        {
            content.Complete();
            response?.Dispose();
            throw;
        }
    }

    /// <summary>Queues a frame; it leaves as soon as those before it have.</summary>
    public void Send(Action<IBufferWriter<byte>> write) => outgoing.Writer.TryWrite(write);

    /// <summary>Sends what is queued until cancelled or the stream breaks.</summary>
    public async Task SendQueuedAsync(CancellationToken cancellation)
    {
        ArrayBufferWriter<byte> frames = new();
        while (await outgoing.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false))
        {
            frames.ResetWrittenCount();
            while (frames.WrittenCount < Frames.MaxControlPayload && outgoing.Reader.TryRead(out Action<IBufferWriter<byte>>? write))
            {
                write(frames);
            }

            await output.WriteAsync(frames.WrittenMemory, cancellation).ConfigureAwait(false);
            await output.FlushAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        outgoing.Writer.TryComplete();
        content.Complete();
        await Input.CompleteAsync().ConfigureAwait(false);
        response.Dispose();
        content.Dispose();
    }

    private static async Task<HttpResponseMessage> AnswerAsync(Task<HttpResponseMessage> sending, bool secure)
    {
        try
        {
            return await sending.ConfigureAwait(false);
        }
        catch (HttpRequestException failure) when (failure.InnerException is HttpIOException || failure.HttpRequestError
            is not (HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError))
        {
            // Under TLS 1.3 this side's handshake is over before the other has looked at our certificate: its refusal looks
            // like a listener that hangs up.
            string refusal = secure ? ", or refuses this node's certificate" : string.Empty;
            throw new IOException($"what listens there does not answer as a MirrorSync primary does{refusal}: {failure.Message}", failure);
        }
    }

    private static async Task<Welcome> ReadWelcomeAsync(PipeReader input, CancellationToken cancellation)
    {
        (FrameKind Kind, byte[] Payload) first = await Frames.ReadAsync(input, cancellation).ConfigureAwait(false)
            ?? throw new ProtocolException("the primary closed the stream without a word");
        if (first.Kind == FrameKind.Refused)
        {
            throw new RefusedException(Handshake.Parse(first.Payload, WireJson.Default.Refusal));
        }

        return first.Kind == FrameKind.Welcome
            ? Handshake.Parse(first.Payload, WireJson.Default.Welcome)
            : throw new ProtocolException($"the primary began with {first.Kind}");
    }

    /// <summary>A request body that stays open and is written as frames come.</summary>
    private sealed class DuplexContent : HttpContent
    {
        private readonly TaskCompletionSource<Stream> opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource completed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Stream> Opened => opened.Task;

        public void Complete() => completed.TrySetResult();

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            opened.TrySetResult(stream);
            return completed.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
