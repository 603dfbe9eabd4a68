using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Log;

/// <summary>A body on its way into the spool. Disposing it without <see cref="Finish"/> leaves nothing.</summary>
internal sealed class SpoolFile : IDisposable
{
    private readonly string folder;
    private readonly string temporary;
    private readonly SafeFileHandle handle;
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool finished;

    public SpoolFile(string folder, string temporary)
    {
        this.folder = folder;
        this.temporary = temporary;
        handle = Disk.Open(DiskPart.Spool, temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.Asynchronous);
    }

    /// <summary>Bytes written so far.</summary>
    public long Length { get; private set; }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        Disk.Write(DiskPart.Spool, handle, bytes, Length);
        hash.AppendData(bytes);
        Length += bytes.Length;
    }

    public async ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        await Disk.WriteAsync(DiskPart.Spool, handle, bytes, Length, cancellation).ConfigureAwait(false);
        hash.AppendData(bytes.Span);
        Length += bytes.Length;
    }

    /// <summary>Makes the body durable under its name.</summary>
    /// <exception cref="InvalidDataException">It is not what was expected.</exception>
    public SpooledBody Finish(SpooledBody? expected)
    {
        SpooledBody body = new(Hash256.FromBytes(hash.GetHashAndReset()), Length);
        if (expected is { } wanted && wanted != body)
        {
            throw new InvalidDataException(
                $"a body of {body.Length} bytes with hash {body.Name} came where {wanted.Length} bytes with hash {wanted.Name} were expected");
        }

        Durable.SyncFile(handle, DiskPart.Spool);
        Disk.Rename(DiskPart.Spool, temporary, Path.Combine(folder, body.Name.ToString()));
        finished = true;
        Durable.SyncFolder(folder, DiskPart.Spool);
        return body;
    }

    public void Dispose()
    {
        handle.Dispose();
        hash.Dispose();
        if (!finished)
        {
            File.Delete(temporary);
        }
    }
}
