using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Replication.Mirror;

/// <summary>
/// A part of a snapshot from its first byte to its last: what an earlier try left in its file, then what comes, which is put
/// there before it is given on. So the file never lacks what was read. Not for use by two threads at once.
/// </summary>
/// <param name="path">The part's file.</param>
/// <param name="length">The part's length.</param>
/// <param name="rest">Opens what comes from an offset on.</param>
internal sealed class PartStream(string path, long length, Func<long, Stream> rest) : ReadOnlyStream
{
    private readonly SafeFileHandle file =
        File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, FileOptions.Asynchronous);

    private long at;
    private long? kept;
    private Stream? coming;

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        kept ??= RandomAccess.GetLength(file);
        Memory<byte> wanted = buffer[..(int)Math.Min(buffer.Length, length - at)];
        int read;
        if (at < kept)
        {
            read = await RandomAccess.ReadAsync(file, wanted[..(int)Math.Min(wanted.Length, kept.Value - at)], at, cancellationToken).ConfigureAwait(false);
        }
        else if (!wanted.IsEmpty)
        {
            coming ??= rest(at);
            read = await coming.ReadAsync(wanted, cancellationToken).ConfigureAwait(false);
            await RandomAccess.WriteAsync(file, wanted[..read], at, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            read = 0;
        }

        at += read;
        return read;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        coming?.Dispose();
        file.Dispose();
        base.Dispose(disposing);
    }
}
