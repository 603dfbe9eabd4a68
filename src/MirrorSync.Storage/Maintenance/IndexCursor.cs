using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Maintenance;

/// <summary>
/// Reads a pack's index from its start to its end, or an entry's offset by its place; holds a few KiB however large it is.
/// Not thread-safe.
/// </summary>
internal sealed class IndexCursor : IDisposable
{
    private const int WindowBytes = 64 * 1024;

    private readonly SafeFileHandle file;
    private readonly string path;
    private readonly ObjectFormat format;
    private readonly PackIndexLayout layout;
    private readonly byte[] window;
    private long windowAt;
    private int windowLength;
    private uint next;

    /// <summary>Opens an index; the cursor stands before the first id.</summary>
    /// <exception cref="InvalidDataException">This is no index.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public IndexCursor(string path, ObjectFormat format)
    {
        this.path = path;
        this.format = format;
        file = File.OpenHandle(path);
        Span<byte> head = stackalloc byte[PackIndexLayout.HeadLength];
        head = head[..FileBytes.Read(file, head, 0)];
        Span<uint> fanout = stackalloc uint[PackIndexLayout.FanoutEntries];
        long length = RandomAccess.GetLength(file);
        PackIndexFault fault = PackIndexLayout.TryDecode(head, length, format, fanout, out layout);
        if (fault != PackIndexFault.None)
        {
            file.Dispose();
            throw new InvalidDataException($"{path} is no pack index ({fault})");
        }

        window = new byte[Math.Min(WindowBytes, length)];
    }

    /// <summary>Objects in the pack.</summary>
    public uint Count => layout.Count;

    /// <summary>The id where the cursor stands.</summary>
    public ObjectId Current { get; private set; }

    /// <summary>Goes on to the next id, in byte order; false at the end.</summary>
    public bool MoveNext()
    {
        if (next == layout.Count)
        {
            return false;
        }

        Current = ObjectId.FromRaw(Read(layout.Id(next++), layout.IdLength));
        return true;
    }

    /// <summary>Where in the pack the entry of the id at a place begins.</summary>
    /// <exception cref="InvalidDataException">The index is damaged.</exception>
    public long Offset(uint place)
    {
        uint offset = BinaryPrimitives.ReadUInt32BigEndian(Read(layout.Offset(place), sizeof(uint)));
        if (layout.Version == 1 || (offset & 0x80000000) == 0)
        {
            return offset;
        }

        uint number = offset & 0x7fffffff;
        ulong large = number < layout.LargeOffsets
            ? BinaryPrimitives.ReadUInt64BigEndian(Read(layout.LargeOffset(number), sizeof(ulong))) : ulong.MaxValue;
        return large <= long.MaxValue ? (long)large : throw new InvalidDataException($"{path}: impossible offset at place {place}");
    }

    /// <summary>The CRC-32 of the entry of the id at a place.</summary>
    /// <exception cref="InvalidDataException">The index is of version 1 and has none.</exception>
    public uint Crc(uint place) => layout.Version > 1
        ? BinaryPrimitives.ReadUInt32BigEndian(Read(layout.Crc(place), sizeof(uint)))
        : throw new InvalidDataException($"{path} is of version 1, which holds no checksums of entries");

    /// <summary>Reads the whole index: whether it is as its checksum says.</summary>
    public bool IsIntact()
    {
        using IncrementalHash hash = format.CreateHash();
        for (long at = 0; at < layout.IndexChecksum; at += WindowBytes)
        {
            hash.AppendData(Read(at, (int)Math.Min(Math.Min(WindowBytes, window.Length), layout.IndexChecksum - at)));
        }

        return Read(layout.IndexChecksum, format.RawLength()).SequenceEqual(hash.GetHashAndReset());
    }

    /// <summary>The checksum of the pack that the index was made for.</summary>
    public ObjectId PackChecksum() => ObjectId.FromRaw(Read(layout.PackChecksum, format.RawLength()));

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    private ReadOnlySpan<byte> Read(long offset, int length)
    {
        if (offset < windowAt || offset + length > windowAt + windowLength)
        {
            windowAt = offset;
            windowLength = FileBytes.Read(file, window, offset);
            if (windowLength < length)
            {
                throw new InvalidDataException($"{path} was cut off at {offset}");
            }
        }

        return window.AsSpan((int)(offset - windowAt), length);
    }
}
