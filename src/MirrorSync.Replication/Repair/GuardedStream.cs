using MirrorSync.Replication.Wire;

namespace MirrorSync.Replication.Repair;

/// <summary>
/// Bytes off the wire: never more than so many, and never a wait without end for the next. Read-only, for one reader.
/// </summary>
/// <param name="inner">Where they come from; stays its owner's.</param>
/// <param name="maxBytes">The most that may come.</param>
/// <param name="stall">The longest silence.</param>
/// <param name="time">The clock.</param>
internal sealed class GuardedStream(Stream inner, long maxBytes, TimeSpan stall, TimeProvider time) : Stream
{
    /// <summary>Bytes that came.</summary>
    public long Count { get; private set; }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => Count;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    /// <exception cref="TransferFailedException">The sender fell silent, or went away.</exception>
    /// <exception cref="ProtocolException">Too much came.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using CancellationTokenSource silence = new(stall, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(silence.Token, cancellationToken);
        int read;
        try
        {
            read = await inner.ReadAsync(buffer, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TransferFailedException($"nothing came for {stall.TotalSeconds:0} s");
        }
        catch (Exception cut) when (cut is IOException or HttpRequestException)
        {
            throw new TransferFailedException(cut.Message);
        }

        Count += read;
        return Count <= maxBytes ? read : throw new ProtocolException($"more than {maxBytes} bytes came");
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
