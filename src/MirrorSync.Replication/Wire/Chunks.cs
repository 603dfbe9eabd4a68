using System.Buffers.Binary;

namespace MirrorSync.Replication.Wire;

/// <summary>
/// A body of unknown length: chunks of <c>u32 length (little endian) | bytes</c>, ended by one of length 0. A body that
/// ends without it was cut off.
/// </summary>
internal static class Chunks
{
    /// <summary>The largest chunk.</summary>
    public const int MaxLength = 1 << 20;

    /// <summary>Writes one chunk; an empty one ends the body.</summary>
    public static async ValueTask WriteAsync(Stream output, ReadOnlyMemory<byte> chunk, CancellationToken cancellation)
    {
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, chunk.Length);
        await output.WriteAsync(length, cancellation).ConfigureAwait(false);
        await output.WriteAsync(chunk, cancellation).ConfigureAwait(false);
    }

    /// <summary>Reads a chunk's length; 0 at the body's end.</summary>
    /// <exception cref="ProtocolException">The body was cut off, or the length is beyond <see cref="MaxLength"/>.</exception>
    public static async ValueTask<int> ReadLengthAsync(Stream input, CancellationToken cancellation)
    {
        byte[] bytes = new byte[4];
        if (await input.ReadAtLeastAsync(bytes, 4, throwOnEndOfStream: false, cancellation).ConfigureAwait(false) < 4)
        {
            throw new ProtocolException("the transfer was cut off");
        }

        uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        return length <= MaxLength ? (int)length : throw new ProtocolException($"a chunk of {length} bytes is too long");
    }
}

/// <summary>Everything written becomes chunks; the end is written by <see cref="CompleteAsync"/> alone, never by disposal.</summary>
internal sealed class ChunkWriter(Stream output) : Stream
{
    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Writes the end of the body.</summary>
    public async Task CompleteAsync(CancellationToken cancellation)
    {
        await Chunks.WriteAsync(output, ReadOnlyMemory<byte>.Empty, cancellation).ConfigureAwait(false);
        await output.FlushAsync(cancellation).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        for (int at = 0; at < buffer.Length; at += Chunks.MaxLength)
        {
            ReadOnlyMemory<byte> chunk = buffer.Slice(at, Math.Min(Chunks.MaxLength, buffer.Length - at));
            await Chunks.WriteAsync(output, chunk, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => output.FlushAsync(cancellationToken);

    /// <inheritdoc/>
    public override void Flush() => throw new NotSupportedException("chunks are written asynchronously only");

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("chunks are written asynchronously only");

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();
}

/// <summary>The body out of its chunks; ends at the empty chunk and throws when the transfer is cut off before it.</summary>
internal sealed class ChunkReader(Stream input) : Stream
{
    private int left;
    private bool ended;

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
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>False at the end of the body.</summary>
    public async ValueTask<bool> HasMoreAsync(CancellationToken cancellationToken)
    {
        if (left == 0 && !ended)
        {
            left = await Chunks.ReadLengthAsync(input, cancellationToken).ConfigureAwait(false);
            ended = left == 0;
        }

        return !ended;
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty || !await HasMoreAsync(cancellationToken).ConfigureAwait(false))
        {
            return 0;
        }

        int read = await input.ReadAsync(buffer[..Math.Min(left, buffer.Length)], cancellationToken).ConfigureAwait(false);
        left -= read;
        return read > 0 ? read : throw new ProtocolException("the transfer was cut off");
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) =>
        throw new NotSupportedException("chunks are read asynchronously only");

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
