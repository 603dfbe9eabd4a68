using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>How a question to a file of the store ended.</summary>
internal enum StoreAnswer
{
    /// <summary>It holds no such object.</summary>
    Absent = 0,

    /// <summary>It holds the object.</summary>
    Found,

    /// <summary>The file is gone, as after a <c>git repack</c>: the folder has to be listed anew.</summary>
    Gone,
}

/// <summary>
/// A pack's index. Its fan-out table is kept (1 KiB); a small file is kept whole; of others a search reads a few KiB:
/// ids are evenly spread, so that a guess by their leading bytes is mostly right. Any thread.
/// </summary>
internal sealed class PackIndexFile
{
    /// <summary>Files of up to so many bytes are kept whole: a thousand objects and more.</summary>
    private const int KeptBytes = 48 * 1024;

    private const int WindowBytes = 4096;

    // Guesses that miss so often mean ids that are not evenly spread, which a bisection finds in any case.
    private const int Guesses = 4;

    private readonly StoreFile file;
    private readonly PackIndexLayout layout;
    private readonly uint[] fanout;
    private readonly byte[]? whole;

    private PackIndexFile(StoreFile file, PackIndexLayout layout, uint[] fanout, byte[]? whole)
    {
        this.file = file;
        this.layout = layout;
        this.fanout = fanout;
        this.whole = whole;
    }

    /// <summary>Objects in the pack.</summary>
    public uint Count => layout.Count;

    /// <summary>Reads the head and checks it against the file's length; false when the file is gone.</summary>
    /// <exception cref="DamagedObjectException">This is no index; the id is the one that is looked for.</exception>
    public static bool TryOpen(StoreFile file, ObjectFormat format, in ObjectId id, out PackIndexFile? opened)
    {
        opened = null;
        if (!file.TryAcquire(out SafeFileHandle handle))
        {
            return false;
        }

        try
        {
            byte[]? whole = null;
            Span<byte> head = stackalloc byte[PackIndexLayout.HeadLength];
            if (file.Length <= KeptBytes)
            {
                whole = new byte[file.Length];
                whole = whole[..FileBytes.Read(handle, whole, 0)];
                head = head[..Math.Min(head.Length, whole.Length)];
                whole.AsSpan(0, head.Length).CopyTo(head);
            }
            else
            {
                head = head[..FileBytes.Read(handle, head, 0)];
            }

            uint[] fanout = new uint[PackIndexLayout.FanoutEntries];
            PackIndexFault fault = PackIndexLayout.TryDecode(head, whole?.Length ?? file.Length, format, fanout, out PackIndexLayout layout);
            opened = fault == PackIndexFault.None
                ? new PackIndexFile(file, layout, fanout, whole)
                : throw new DamagedObjectException(id, file.Path, 0, $"not a pack index ({fault})");
        }
        finally
        {
            file.Release();
        }

        if (opened.whole is not null)
        {
            // Nothing of it will be read again.
            file.Retire();
        }

        return true;
    }

    /// <summary>Looks whether an id is in the pack.</summary>
    /// <exception cref="DamagedObjectException">The index is shorter than it was.</exception>
    public StoreAnswer Find(in ObjectId id, ObjectFormat format) => Find(id, format, wantOffset: false, out _);

    /// <summary>Looks where an id's entry begins in the pack.</summary>
    /// <exception cref="DamagedObjectException">The index is shorter than it was, or gives an impossible offset.</exception>
    public StoreAnswer FindOffset(in ObjectId id, ObjectFormat format, out long offset) =>
        Find(id, format, wantOffset: true, out offset);

    /// <summary>Reads the CRC-32 of an id's entry; absent also from an index of version 1, which has none.</summary>
    /// <exception cref="DamagedObjectException">The index is shorter than it was.</exception>
    public StoreAnswer FindCrc(in ObjectId id, ObjectFormat format, out uint crc)
    {
        crc = 0;
        ReadOnlySpan<byte> bytes = id.AsSpan(format);
        SafeFileHandle? handle = null;
        if (layout.Version == 1)
        {
            return StoreAnswer.Absent;
        }

        if (whole is null && !file.TryAcquire(out handle))
        {
            return StoreAnswer.Gone;
        }

        try
        {
            if (!TryFind(handle, id, bytes, bytes[0] == 0 ? 0 : fanout[bytes[0] - 1], fanout[bytes[0]], out uint position))
            {
                return StoreAnswer.Absent;
            }

            Span<byte> buffer = stackalloc byte[sizeof(uint)];
            crc = BinaryPrimitives.ReadUInt32BigEndian(Read(handle, id, layout.Crc(position), sizeof(uint), buffer));
            return StoreAnswer.Found;
        }
        finally
        {
            Release(handle);
        }
    }

    /// <summary>The checksum of the pack that the index was made for; false when the index is gone.</summary>
    public bool TryReadPackChecksum(in ObjectId id, Span<byte> checksum)
    {
        SafeFileHandle? handle = null;
        if (whole is null && !file.TryAcquire(out handle))
        {
            return false;
        }

        try
        {
            Read(handle, id, layout.PackChecksum, layout.IdLength, checksum).CopyTo(checksum);
            return true;
        }
        finally
        {
            Release(handle);
        }
    }

    private StoreAnswer Find(in ObjectId id, ObjectFormat format, bool wantOffset, out long offset)
    {
        offset = 0;
        ReadOnlySpan<byte> bytes = id.AsSpan(format);
        uint low = bytes[0] == 0 ? 0 : fanout[bytes[0] - 1];
        uint high = fanout[bytes[0]];
        if (low == high)
        {
            return StoreAnswer.Absent;
        }

        SafeFileHandle? handle = null;
        if (whole is null && !file.TryAcquire(out handle))
        {
            return StoreAnswer.Gone;
        }

        try
        {
            if (!TryFind(handle, id, bytes, low, high, out uint position))
            {
                return StoreAnswer.Absent;
            }

            offset = wantOffset ? ReadOffset(handle, id, position) : 0;
            return StoreAnswer.Found;
        }
        finally
        {
            Release(handle);
        }
    }

    /// <summary>Searches between two positions: guesses by the bytes behind the first, then bisects.</summary>
    [SkipLocalsInit]
    private bool TryFind(SafeFileHandle? handle, in ObjectId id, ReadOnlySpan<byte> bytes, uint low, uint high, out uint position)
    {
        Span<byte> buffer = stackalloc byte[WindowBytes];
        int stride = layout.Stride;
        uint mostAtOnce = whole is null ? (uint)((WindowBytes - layout.IdLength) / stride) : uint.MaxValue;
        uint key = BinaryPrimitives.ReadUInt32BigEndian(bytes[1..]);
        uint lowKey = 0;
        uint highKey = uint.MaxValue;
        for (int round = 0; low < high; round++)
        {
            uint start = low;
            uint count = high - low;
            if (count > mostAtOnce)
            {
                ulong guess = round < Guesses ? Interpolate(key, lowKey, highKey, count) : count / 2;
                start = low + (uint)Math.Clamp((long)guess - (mostAtOnce / 2), 0, count - mostAtOnce);
                count = mostAtOnce;
            }

            int length = checked((int)((long)(count - 1) * stride)) + layout.IdLength;
            ReadOnlySpan<byte> window = Read(handle, id, layout.Id(start), length, buffer);
            int at = Search(window, (int)count, bytes);
            position = start + (uint)at;
            if (at < count && window.Slice(at * stride, bytes.Length).SequenceEqual(bytes))
            {
                return true;
            }

            if (at == 0 && start > low)
            {
                high = start;
                highKey = BinaryPrimitives.ReadUInt32BigEndian(window[1..]);
            }
            else if (at == count && start + count < high)
            {
                low = start + count;
                lowKey = BinaryPrimitives.ReadUInt32BigEndian(window[(((int)(count - 1) * stride) + 1)..]);
            }
            else
            {
                break;
            }
        }

        position = 0;
        return false;
    }

    /// <summary>Where in a window the first id is that is not less than the one looked for.</summary>
    private int Search(ReadOnlySpan<byte> window, int count, ReadOnlySpan<byte> id)
    {
        int low = 0;
        int high = count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (window.Slice(middle * layout.Stride, id.Length).SequenceCompareTo(id) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    // In a damaged index the keys need not be in order; the caller clamps what comes of it.
    private static ulong Interpolate(uint key, uint low, uint high, uint count) =>
        key <= low ? 0 : key >= high ? count : (ulong)count * (key - low) / (high - low);

    private long ReadOffset(SafeFileHandle? handle, in ObjectId id, uint position)
    {
        Span<byte> buffer = stackalloc byte[sizeof(ulong)];
        uint offset = BinaryPrimitives.ReadUInt32BigEndian(Read(handle, id, layout.Offset(position), sizeof(uint), buffer));
        if (layout.Version == 1 || (offset & 0x80000000) == 0)
        {
            return offset;
        }

        uint number = offset & 0x7fffffff;
        ulong large = number < layout.LargeOffsets
            ? BinaryPrimitives.ReadUInt64BigEndian(Read(handle, id, layout.LargeOffset(number), sizeof(ulong), buffer))
            : ulong.MaxValue;
        return large <= long.MaxValue
            ? (long)large
            : throw new DamagedObjectException(id, file.Path, layout.Offset(position), "impossible offset in the pack's index");
    }

    private ReadOnlySpan<byte> Read(SafeFileHandle? handle, in ObjectId id, long offset, int length, Span<byte> buffer)
    {
        if (whole is not null)
        {
            return whole.AsSpan((int)offset, length);
        }

        return FileBytes.Read(handle!, buffer[..length], offset) == length
            ? buffer[..length]
            : throw new DamagedObjectException(id, file.Path, offset, "the pack's index was cut off");
    }

    private void Release(SafeFileHandle? handle)
    {
        if (handle is not null)
        {
            file.Release();
        }
    }
}
