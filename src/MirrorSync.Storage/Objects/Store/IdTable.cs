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
/// The ids of an index, of one pack or of many, in order. The fan-out table is kept (1 KiB); a small file is kept whole, and
/// so is a larger one that is asked often, as long as <see cref="KeptIndexes"/> allows; of others a search reads a few KiB:
/// ids are evenly spread, so that a guess by their leading bytes is mostly right. Any thread.
/// </summary>
internal sealed class IdTable
{
    /// <summary>Files of up to so many bytes are kept whole: a thousand objects and more.</summary>
    public const int SmallBytes = 48 * 1024;

    private const int WindowBytes = 4096;

    // Guesses that miss so often mean ids that are not evenly spread, which a bisection finds in any case.
    private const int Guesses = 4;

    private readonly StoreFile file;
    private readonly KeptFile kept;
    private readonly uint[] fanout;
    private readonly long first;
    private readonly int stride;
    private readonly int idLength;
    private readonly byte[]? small;
    private volatile bool disordered;

    /// <param name="file">The index.</param>
    /// <param name="memory">Bounds what is held of it.</param>
    /// <param name="fanout">How many ids have a first byte of at most so much.</param>
    /// <param name="first">Where the first id is. All ids were found to lie within the file.</param>
    /// <param name="stride">Bytes from one id to the next.</param>
    /// <param name="format">Of the ids.</param>
    /// <param name="small">The whole file, if it is a small one; it is not opened again then.</param>
    /// <exception cref="DamagedObjectException">A small one is out of order.</exception>
    public IdTable(StoreFile file, KeptIndexes memory, uint[] fanout, long first, int stride, ObjectFormat format, byte[]? small)
    {
        this.file = file;
        this.fanout = fanout;
        this.first = first;
        this.stride = stride;
        this.small = small;
        idLength = format.RawLength();
        kept = new KeptFile(file, memory, CheckOrder);
        if (small is not null)
        {
            CheckOrder(small);
            file.Retire();
        }
    }

    /// <summary>How many ids there are.</summary>
    public uint Count => fanout[PackIndexLayout.FanoutEntries - 1];

    /// <summary>Of the index.</summary>
    public string Path => file.Path;

    /// <summary>Looks for an id.</summary>
    /// <exception cref="DamagedObjectException">The index is shorter than it was, or out of order where it was looked at.</exception>
    public StoreAnswer Find(in ObjectId id, out uint position)
    {
        position = 0;
        ReadOnlySpan<byte> bytes = id.AsSpan(idLength == ObjectId.Size ? ObjectFormat.Sha256 : ObjectFormat.Sha1);
        uint low = bytes[0] == 0 ? 0 : fanout[bytes[0] - 1];
        uint high = fanout[bytes[0]];
        if (low == high)
        {
            return StoreAnswer.Absent;
        }

        if (disordered)
        {
            throw Disorder(id, first);
        }

        if ((small ?? kept.Bytes) is { } whole)
        {
            return TryFind(whole, bytes, low, high, out position) ? StoreAnswer.Found : StoreAnswer.Absent;
        }

        if (!file.TryAcquire(out SafeFileHandle handle))
        {
            return StoreAnswer.Gone;
        }

        try
        {
            return TryFind(handle, id, bytes, low, high, out position) ? StoreAnswer.Found : StoreAnswer.Absent;
        }
        finally
        {
            file.Release();
        }
    }

    /// <summary>Reads some of the file's bytes; false when it is gone.</summary>
    /// <param name="id">The object that is looked for.</param>
    /// <param name="offset">Within the file.</param>
    /// <param name="buffer">To be filled.</param>
    /// <exception cref="DamagedObjectException">The index is shorter than it was.</exception>
    public bool TryRead(in ObjectId id, long offset, Span<byte> buffer)
    {
        if ((small ?? kept.Bytes) is { } whole)
        {
            whole.AsSpan((int)offset, buffer.Length).CopyTo(buffer);
            return true;
        }

        if (!file.TryAcquire(out SafeFileHandle handle))
        {
            return false;
        }

        try
        {
            Read(handle, id, offset, buffer.Length, buffer);
            return true;
        }
        finally
        {
            file.Release();
        }
    }

    /// <summary>Adds the ids that begin with a byte, in order; false when the file is gone, and some may have been added.</summary>
    /// <param name="leading">The byte.</param>
    /// <param name="ids">Gets them.</param>
    /// <param name="buffer">For reading; holds an id at least.</param>
    /// <exception cref="DamagedObjectException">The index is shorter than it was, or out of order.</exception>
    public bool TryList(byte leading, List<ObjectId> ids, Span<byte> buffer)
    {
        uint position = leading == 0 ? 0 : fanout[leading - 1];
        uint end = fanout[leading];
        ObjectId last = default;
        bool any = false;
        while (position < end)
        {
            int count = (int)Math.Min(end - position, ((buffer.Length - idLength) / stride) + 1);
            Span<byte> window = buffer[..(((count - 1) * stride) + idLength)];
            if (!TryRead(last, first + ((long)position * stride), window))
            {
                return false;
            }

            for (int i = 0; i < count; i++)
            {
                ObjectId id = ObjectId.FromRaw(window.Slice(i * stride, idLength));
                if (window[i * stride] != leading || (any && id < last))
                {
                    throw Disorder(id, first + ((position + i) * stride));
                }

                // The same object may be in a pack twice.
                if (!any || id != last)
                {
                    ids.Add(id);
                }

                (last, any) = (id, true);
            }

            position += (uint)count;
        }

        return true;
    }

    /// <summary>Lets go of what is held of a large index.</summary>
    public void Retire() => kept.Drop();

    /// <summary>
    /// Searches a file that is held: guesses by the bytes behind the first, widens the guess until it holds the id, and
    /// bisects that. A bisection of all would miss the processor's caches at each of its steps.
    /// </summary>
    private bool TryFind(byte[] whole, ReadOnlySpan<byte> id, uint low, uint high, out uint position)
    {
        const uint firstStep = 8;
        ReadOnlySpan<byte> ids = whole.AsSpan((int)first);
        ulong key = BinaryPrimitives.ReadUInt64BigEndian(id);
        uint guess = low + (uint)(((ulong)(high - low) * (uint)(key >> 24)) >> 32);
        uint step = firstStep;
        if (IsLess(ids, stride, guess, key, id))
        {
            low = guess + 1;
            while (low + step < high && IsLess(ids, stride, low + step, key, id))
            {
                low += step + 1;
                step *= 2;
            }

            high = Math.Min(high, low + step);
        }
        else
        {
            high = guess;
            while (low + step < high && !IsLess(ids, stride, high - step, key, id))
            {
                high -= step;
                step *= 2;
            }

            low = high - Math.Min(high - low, step);
        }

        while (low < high)
        {
            uint middle = (low + high) >>> 1;
            if (IsLess(ids, stride, middle, key, id))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        position = low;
        return low < Count && ids.Slice((int)low * stride, id.Length).SequenceEqual(id);
    }

    private static bool IsLess(ReadOnlySpan<byte> ids, int stride, uint position, ulong key, ReadOnlySpan<byte> id)
    {
        ReadOnlySpan<byte> there = ids[((int)position * stride)..];
        ulong leading = BinaryPrimitives.ReadUInt64BigEndian(there);
        return leading == key ? there[..id.Length].SequenceCompareTo(id) < 0 : leading < key;
    }

    /// <summary>Searches between two positions: guesses by the bytes behind the first, then bisects.</summary>
    [SkipLocalsInit]
    private bool TryFind(SafeFileHandle handle, in ObjectId id, ReadOnlySpan<byte> bytes, uint low, uint high, out uint position)
    {
        Span<byte> buffer = stackalloc byte[WindowBytes];
        uint mostAtOnce = (uint)((WindowBytes - idLength) / stride);
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

            int length = (int)(count - 1) * stride + idLength;
            ReadOnlySpan<byte> window = Read(handle, id, first + ((long)start * stride), length, buffer);
            kept.Spend(handle, length);
            CheckOrder(window, (int)count, id, start);
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
            if (window.Slice(middle * stride, id.Length).SequenceCompareTo(id) < 0)
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

    /// <summary>Checks all ids of the file: an index out of order would hide objects.</summary>
    private void CheckOrder(byte[] whole)
    {
        ReadOnlySpan<byte> ids = whole.AsSpan((int)first);
        uint position = 0;
        for (int leading = 0; leading < fanout.Length; leading++)
        {
            for (; position < fanout[leading]; position++)
            {
                int at = (int)position * stride;
                if (ids[at] != leading || (position > 0 && IsGreater(ids, at - stride, at)))
                {
                    disordered = true;
                    throw Disorder(ObjectId.FromRaw(ids.Slice(at, idLength)), first + at);
                }
            }
        }
    }

    private void CheckOrder(ReadOnlySpan<byte> window, int count, in ObjectId id, uint position)
    {
        for (int at = stride; at < count * stride; at += stride)
        {
            if (IsGreater(window, at - stride, at))
            {
                disordered = true;
                throw Disorder(id, first + ((long)position * stride) + at);
            }
        }
    }

    // The leading bytes nearly always tell.
    private bool IsGreater(ReadOnlySpan<byte> ids, int one, int other)
    {
        ulong a = BinaryPrimitives.ReadUInt64BigEndian(ids[one..]);
        ulong b = BinaryPrimitives.ReadUInt64BigEndian(ids[other..]);
        return a == b ? ids.Slice(one, idLength).SequenceCompareTo(ids.Slice(other, idLength)) > 0 : a > b;
    }

    private DamagedObjectException Disorder(in ObjectId id, long offset) => new(id, file.Path, offset, "the index is out of order");

    private ReadOnlySpan<byte> Read(SafeFileHandle handle, in ObjectId id, long offset, int length, Span<byte> buffer) =>
        FileBytes.Read(handle, buffer[..length], offset) == length
            ? buffer[..length]
            : throw new DamagedObjectException(id, file.Path, offset, "the index was cut off");
}
