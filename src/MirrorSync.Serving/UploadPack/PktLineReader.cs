using System.Buffers;
using MirrorSync.Git.Wire;

namespace MirrorSync.Serving.UploadPack;

/// <summary>What a read of one pkt-line found.</summary>
internal enum PktLineRead
{
    /// <summary>A whole line.</summary>
    Line,

    /// <summary>The stream's end, between two lines.</summary>
    End,

    /// <summary>The stream's end inside a line, or bytes that are no pkt-line.</summary>
    Malformed,
}

/// <summary>
/// Reads pkt-lines from a stream through one rented buffer that holds the longest line, and hands on what it read too
/// far. Not for two threads at once.
/// </summary>
internal sealed class PktLineReader(Stream stream) : IDisposable
{
    private byte[] buffer = ArrayPool<byte>.Shared.Rent(PktLine.MaxLength);
    private int start;
    private int end;
    private int lineLength;
    private long allowed;

    /// <summary>Kind of the line read last.</summary>
    public PktLineKind Kind { get; private set; }

    /// <summary>The line read last as it came, its length included; until the next read.</summary>
    public ReadOnlyMemory<byte> Raw => buffer.AsMemory(start - lineLength, lineLength);

    /// <summary>The payload of the line read last; until the next read.</summary>
    public ReadOnlySpan<byte> Payload => Raw.Span[Math.Min(PktLine.HeaderLength, lineLength)..];

    /// <summary>Allows so many more bytes to be read from the stream; whatever was allowed before lapses.</summary>
    public void Allow(long bytes) => allowed = bytes;

    /// <summary>Reads the next line.</summary>
    /// <exception cref="RequestTooLongException">More came than was allowed.</exception>
    public async ValueTask<PktLineRead> ReadAsync(CancellationToken cancellation)
    {
        lineLength = 0;
        while (true)
        {
            PktLineStatus status = PktLine.Read(buffer.AsSpan(start..end), out PktLineKind kind, out _, out int consumed);
            if (status == PktLineStatus.Complete)
            {
                Kind = kind;
                start += consumed;
                lineLength = consumed;
                return PktLineRead.Line;
            }

            if (status == PktLineStatus.Malformed)
            {
                return PktLineRead.Malformed;
            }

            if (start > 0)
            {
                buffer.AsSpan(start..end).CopyTo(buffer);
                end -= start;
                start = 0;
            }

            int read = await FillAsync(buffer.AsMemory(end), cancellation).ConfigureAwait(false);
            if (read == 0)
            {
                return end == 0 ? PktLineRead.End : PktLineRead.Malformed;
            }

            end += read;
        }
    }

    /// <summary>Waits for the next byte, which stays to be read; false at the stream's end.</summary>
    /// <exception cref="RequestTooLongException">More came than was allowed.</exception>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellation)
    {
        if (start == end)
        {
            start = lineLength = 0;
            end = await FillAsync(buffer, cancellation).ConfigureAwait(false);
        }

        return start < end;
    }

    /// <summary>Reads bytes as they come, first those that were read too far; 0 at the stream's end.</summary>
    /// <exception cref="RequestTooLongException">More came than was allowed.</exception>
    public async ValueTask<int> ReadRawAsync(Memory<byte> into, CancellationToken cancellation)
    {
        lineLength = 0;
        if (start == end)
        {
            return await FillAsync(into, cancellation).ConfigureAwait(false);
        }

        int length = Math.Min(into.Length, end - start);
        buffer.AsMemory(start, length).CopyTo(into);
        start += length;
        return length;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = [];
        start = end = lineLength = 0;
    }

    private async ValueTask<int> FillAsync(Memory<byte> into, CancellationToken cancellation)
    {
        int read = await stream.ReadAsync(into, cancellation).ConfigureAwait(false);
        allowed -= read;
        return allowed >= 0 ? read : throw new RequestTooLongException();
    }
}
