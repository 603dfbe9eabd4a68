namespace MirrorSync.Replication.Mirror;

/// <summary>
/// The bytes of a transfer from an offset to its end, whatever happens to the connection: a cut, or a silence, is answered by
/// asking again from where it stopped. Read-only; not for use by two threads at once.
/// </summary>
/// <param name="open">Asks for the bytes from an offset on.</param>
/// <param name="offset">Where it begins.</param>
/// <param name="end">Where it ends.</param>
/// <param name="time">The clock.</param>
/// <param name="cancellation">Gives up.</param>
internal sealed class TransferStream(
    Func<long, CancellationToken, Task<HttpResponseMessage>> open, long offset, long end, TimeProvider time, CancellationToken cancellation)
    : ReadOnlyStream
{
    /// <summary>A connection that brings nothing for so long is as good as cut.</summary>
    private static readonly TimeSpan StallLimit = TimeSpan.FromSeconds(20);

    /// <summary>So many tries in a row that bring nothing, and whoever wants it is told.</summary>
    private const int MaxFruitless = 4;

    private readonly Backoff backoff = new(time);
    private long at = offset;
    private HttpResponseMessage? response;
    private Stream? content;
    private int fruitless;

    /// <inheritdoc/>
    /// <exception cref="BodyLostException">The primary has it no more.</exception>
    /// <exception cref="IOException">Several tries in a row brought nothing.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (at == end || buffer.IsEmpty)
        {
            return 0;
        }

        while (true)
        {
            using CancellationTokenSource stall = CancellationTokenSource.CreateLinkedTokenSource(cancellation, cancellationToken);
            using ITimer timer = time.CreateTimer(static s => ((CancellationTokenSource)s!).Cancel(), stall, StallLimit, Timeout.InfiniteTimeSpan);
            try
            {
                content ??= await OpenAsync(stall.Token).ConfigureAwait(false);
                int read = await content.ReadAsync(buffer[..(int)Math.Min(buffer.Length, end - at)], stall.Token).ConfigureAwait(false);
                if (read == 0)
                {
                    throw new IOException("the transfer was cut off");
                }

                at += read;
                fruitless = 0;
                backoff.Reset();
                return read;
            }
            catch (Exception failure) when (failure is IOException or HttpRequestException or OperationCanceledException
                && !cancellation.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                HangUp();
                if (++fruitless >= MaxFruitless)
                {
                    throw failure is OperationCanceledException
                        ? new IOException($"the primary sent nothing for {StallLimit.TotalSeconds:0} s", failure) : failure is IOException
                        ? failure : new IOException(failure.Message, failure);
                }
            }

            await backoff.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        HangUp();
        base.Dispose(disposing);
    }

    private async Task<Stream> OpenAsync(CancellationToken token)
    {
        response = await open(at, token).ConfigureAwait(false);
        if (response.Content.Headers.ContentLength is { } length && length != end - at)
        {
            throw new Wire.ProtocolException($"{length} bytes are offered where {end - at} are missing");
        }

        return await response.Content.ReadAsStreamAsync(token).ConfigureAwait(false);
    }

    private void HangUp()
    {
        content?.Dispose();
        response?.Dispose();
        (content, response) = (null, null);
    }
}
