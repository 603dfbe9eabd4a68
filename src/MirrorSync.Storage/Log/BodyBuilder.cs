namespace MirrorSync.Storage.Log;

/// <summary>
/// Takes a record's body as it is produced: kept in memory up to the inline limit, moved to a file of the spool beyond
/// it. Write-only. Disposing it without <see cref="FinishAsync"/> leaves nothing behind.
/// </summary>
/// <remarks>Not for use by two threads at once.</remarks>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Naming", "CA1710", Justification = "It builds a body; that it is a stream is how bytes come in.")]
public sealed class BodyBuilder : Stream
{
    private readonly Spool spool;
    private readonly int inlineLimit;
    private MemoryStream? memory = new();
    private SpoolFile? file;

    /// <summary>Begins an empty body.</summary>
    /// <param name="spool">Takes the body when it grows too long.</param>
    /// <param name="inlineLimit">The longest body that stays in memory, in bytes; at most <see cref="LogRecordCodec.InlineBodyLimit"/>.</param>
    public BodyBuilder(Spool spool, int inlineLimit)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(inlineLimit, LogRecordCodec.InlineBodyLimit);
        ArgumentOutOfRangeException.ThrowIfNegative(inlineLimit);
        this.spool = spool;
        this.inlineLimit = inlineLimit;
    }

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => memory is not null || file is not null;

    /// <summary>Bytes written so far.</summary>
    public override long Length => file?.Length ?? memory?.Length ?? 0;

    /// <inheritdoc/>
    public override long Position
    {
        get => Length;
        set => throw new NotSupportedException();
    }

    /// <summary>Ends the body: durable in the spool, or inline.</summary>
    /// <returns>Its place in the spool, or null and the inline bytes.</returns>
    public Task<(SpooledBody? Spooled, ReadOnlyMemory<byte> Inline)> FinishAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        ObjectDisposedException.ThrowIf(!CanWrite, this);
        if (file is not null)
        {
            using SpoolFile whole = file;
            file = null;
            return Task.FromResult<(SpooledBody?, ReadOnlyMemory<byte>)>((whole.Finish(expected: null), default));
        }

        ReadOnlyMemory<byte> inline = memory!.GetBuffer().AsMemory(0, (int)memory.Length);
        memory = null;
        return Task.FromResult<(SpooledBody?, ReadOnlyMemory<byte>)>((null, inline));
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (StaysInMemory(buffer.Length))
        {
            memory!.Write(buffer);
            return;
        }

        File().Append(buffer);
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (StaysInMemory(buffer.Length))
        {
            memory!.Write(buffer.Span);
            return;
        }

        await File().AppendAsync(buffer, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            file?.Dispose();
            file = null;
            memory = null;
        }

        base.Dispose(disposing);
    }

    private bool StaysInMemory(int more)
    {
        ObjectDisposedException.ThrowIf(!CanWrite, this);
        return memory is not null && memory.Length + more <= inlineLimit;
    }

    private SpoolFile File()
    {
        if (file is null)
        {
            SpoolFile begun = spool.Create();
            try
            {
                begun.Append(memory!.GetBuffer().AsSpan(0, (int)memory.Length));
            }
            catch
            {
                begun.Dispose();
                throw;
            }

            memory = null;
            file = begun;
        }

        return file;
    }
}
