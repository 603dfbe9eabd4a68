using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Replication.Primary.Shipping;

/// <summary>What is sent beside the stream: bytes of known length, from a file that is held open or from memory.</summary>
public sealed class BulkAnswer : IDisposable
{
    private readonly ReadOnlyMemory<byte> bytes;
    private readonly SafeFileHandle? file;
    private readonly long offset;
    private readonly IDisposable? held;
    private readonly TokenBucket? bucket;

    internal BulkAnswer(ReadOnlyMemory<byte> json)
    {
        bytes = json;
        Length = json.Length;
        ContentType = "application/json";
    }

    internal BulkAnswer(SafeFileHandle file, long offset, long length, IDisposable held, TokenBucket? bucket)
    {
        this.file = file;
        this.offset = offset;
        this.held = held;
        this.bucket = bucket;
        Length = length;
        ContentType = "application/octet-stream";
    }

    /// <summary>How many bytes are sent.</summary>
    public long Length { get; }

    /// <summary>Their kind.</summary>
    public string ContentType { get; }

    /// <summary>Sends them, as fast as the receiver reads and the link's cap allows; one portion is in memory.</summary>
    /// <exception cref="IOException">The disk failed, or the receiver went away.</exception>
    public async Task SendAsync(Stream output, CancellationToken cancellation)
    {
        if (file is null)
        {
            await output.WriteAsync(bytes, cancellation).ConfigureAwait(false);
            return;
        }

        byte[] buffer = new byte[bucket?.Portion ?? 128 << 10];
        for (long sent = 0; sent < Length;)
        {
            Memory<byte> portion = buffer.AsMemory(0, (int)Math.Min(buffer.Length, Length - sent));
            int read = await RandomAccess.ReadAsync(file, portion, offset + sent, cancellation).ConfigureAwait(false);
            if (read == 0)
            {
                throw new IOException("what was being sent has become shorter");
            }

            await (bucket?.TakeAsync(read, cancellation) ?? Task.CompletedTask).ConfigureAwait(false);
            await output.WriteAsync(portion[..read], cancellation).ConfigureAwait(false);
            sent += read;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => held?.Dispose();
}
