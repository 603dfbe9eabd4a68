using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>Writes a file from its start and ends it with the checksum of all that was written, as git's indexes have it.</summary>
internal sealed class HashedFileWriter(SafeFileHandle file, ObjectFormat format) : IDisposable
{
    private readonly IncrementalHash hash = format.CreateHash();

    private readonly byte[] buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
    private int used;
    private long written;

    /// <summary>Writes a number, big-endian.</summary>
    public void Write(uint value) => BinaryPrimitives.WriteUInt32BigEndian(Room(sizeof(uint)), value);

    /// <summary>Writes a number, big-endian.</summary>
    public void Write(ulong value) => BinaryPrimitives.WriteUInt64BigEndian(Room(sizeof(ulong)), value);

    /// <summary>Writes a few bytes, at most as many as an id has.</summary>
    public void Write(ReadOnlySpan<byte> few) => few.CopyTo(Room(few.Length));

    /// <summary>Writes the checksum and brings everything to the file.</summary>
    public void End()
    {
        Flush();
        Span<byte> checksum = stackalloc byte[format.RawLength()];
        hash.GetHashAndReset(checksum);
        Disk.Write(DiskPart.Pack, file, checksum, written);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        hash.Dispose();
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private Span<byte> Room(int length)
    {
        if (buffer.Length - used < length)
        {
            Flush();
        }

        used += length;
        return buffer.AsSpan(used - length, length);
    }

    private void Flush()
    {
        hash.AppendData(buffer.AsSpan(0, used));
        Disk.Write(DiskPart.Pack, file, buffer.AsSpan(0, used), written);
        written += used;
        used = 0;
    }
}
