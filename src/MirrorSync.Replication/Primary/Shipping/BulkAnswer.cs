using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Replication.Primary.Shipping;

/// <summary>What is sent beside the stream: from a file that is held open, from memory, or as it is made.</summary>
public sealed class BulkAnswer : IDisposable
{
    private readonly ReadOnlyMemory<byte> bytes;
    private readonly SafeFileHandle? file;
    private readonly long offset;
    private readonly Func<Stream, CancellationToken, Task>? write;
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

    internal BulkAnswer(Func<Stream, CancellationToken, Task> write, IDisposable held)
    {
        this.write = write;
        this.held = held;
        ContentType = "application/octet-stream";
    }

    /// <summary>How many bytes are sent; null when that is not known before.</summary>
    public long? Length { get; }

    /// <summary>Their kind.</summary>
    public string ContentType { get; }

    /// <summary>Sends them, as fast as the receiver reads and the link's cap allows; one portion is in memory.</summary>
    /// <exception cref="IOException">The disk failed, or the receiver went away.</exception>
    public async Task SendAsync(Stream output, CancellationToken cancellation)
    {
        if (file is null)
        {
            await (write?.Invoke(output, cancellation) ?? output.WriteAsync(bytes, cancellation).AsTask()).ConfigureAwait(false);
            return;
        }

        byte[] buffer = new byte[bucket?.Portion ?? 128 << 10];
        for (long sent = 0; sent < Length;)
        {
            Memory<byte> portion = buffer.AsMemory(0, (int)Math.Min(buffer.Length, Length!.Value - sent));
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
