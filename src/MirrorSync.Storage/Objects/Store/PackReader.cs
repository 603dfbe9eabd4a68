using System.Buffers;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Compression;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// Reads one object of one pack: walks from its entry down to a whole object or a cached base, then applies the deltas on
/// the way back. Nothing is recursive, and nothing is allocated for a declared size before it is found possible.
/// Lives for one call.
/// </summary>
internal readonly ref struct PackReader
{
    /// <summary>
    /// What a base or a delta on the way may take, in bytes, when the caller's own limit is lower: git makes no deltas of
    /// anything larger (core.bigFileThreshold).
    /// </summary>
    public const long MaxHeldBytes = 512L << 20;

    // Deflate makes no more of a byte than this (a match of 258 bytes takes two bits); a few bytes are for tiny streams.
    private const long MostInflatedPerByte = 1032;

    // Enough of an entry for its head, a base's id and the first bytes of a delta.
    private const int HeadBytes = 256;

    // Above this a stream is inflated piece by piece, without a buffer for its compressed bytes.
    private const int MaxBufferedBytes = 1 << 20;

    // Two sizes of ten bytes.
    private const int MaxDeltaHead = 2 * 10;

    // Up to this a delta's result is given room before its instructions are known to make it.
    private const int MaxTrustedBytes = 1 << 20;

    private readonly Pack pack;
    private readonly IBaseCache cache;
    private readonly ReadScratch scratch;
    private readonly ObjectId id;

    /// <param name="pack">The pack, checked by the caller.</param>
    /// <param name="cache">Bases of this and other packs.</param>
    /// <param name="scratch">The caller's.</param>
    /// <param name="id">The object that is read.</param>
    public PackReader(Pack pack, IBaseCache cache, ReadScratch scratch, in ObjectId id)
    {
        this.pack = pack;
        this.cache = cache;
        this.scratch = scratch;
        this.id = id;
    }

    /// <summary>Reads an entry's whole object; false when the pack, or its index, which a base's id needs, is gone.</summary>
    /// <param name="offset">Where the entry begins.</param>
    /// <param name="maxBytes">The largest content wanted.</param>
    /// <param name="room">Where the content goes; asked once, when its size is known.</param>
    /// <param name="type">The object's type.</param>
    /// <exception cref="DamagedObjectException">Something that it is made of is damaged.</exception>
    /// <exception cref="ObjectTooLargeException">It is larger than <paramref name="maxBytes"/>.</exception>
    public bool TryRead<TRoom>(long offset, long maxBytes, ref TRoom room, out ObjectType type)
        where TRoom : struct, IContentRoom
    {
        type = default;
        List<DeltaLink> chain = scratch.Chain;
        chain.Clear();
        CycleGuard guard = new(offset);
        long held = Math.Max(maxBytes, MaxHeldBytes);
        long at = offset;
        BaseObject source;
        while (!cache.TryGet(new EntryKey(pack.Number, at), out source))
        {
            if (!TryReadEntry(at, out ReadOnlySpan<byte> window, out PackEntryHeader entry))
            {
                return false;
            }

            if (!IsDelta(entry))
            {
                type = (ObjectType)entry.Type;
                int size = CheckSize(at, entry.Length, entry.Size, chain.Count == 0 ? maxBytes : held);
                if (chain.Count == 0)
                {
                    Span<byte> content = room.Take(size);
                    return TryInflate(at, at + entry.Length, content) && Done(offset, type, content);
                }

                byte[] whole = GC.AllocateUninitializedArray<byte>(size);
                if (!TryInflate(at, at + entry.Length, whole))
                {
                    return false;
                }

                source = new BaseObject(type, whole);
                cache.Add(new EntryKey(pack.Number, at), type, whole);
                break;
            }

            if (!TryFindBase(at, window, entry, out long next, out int headLength))
            {
                return false;
            }

            chain.Add(new DeltaLink(at, at + headLength, CheckSize(at, headLength, entry.Size, held)));
            at = next;
            if (guard.Repeats(at))
            {
                throw Damage(offset, "a chain of deltas without end");
            }
        }

        type = source.Type;
        if (chain.Count == 0)
        {
            // What is in the cache is nobody's to change, so the caller gets a copy.
            CheckLimit(source.Bytes.Length, maxBytes);
            source.Bytes.Span.CopyTo(room.Take(source.Bytes.Length));
            return true;
        }

        for (int i = chain.Count - 1; i > 0; i--)
        {
            ArrayRoom made = default;
            if (!TryApply(chain[i], source.Bytes.Span, held, ref made, out _))
            {
                return false;
            }

            source = new BaseObject(type, made.Content);
            cache.Add(new EntryKey(pack.Number, chain[i].Offset), type, made.Content);
        }

        return TryApply(chain[0], source.Bytes.Span, maxBytes, ref room, out Span<byte> last) && Done(offset, type, last);
    }

    /// <summary>
    /// Finds an entry's type and size without making its object; false when the pack or its index is gone.
    /// </summary>
    /// <param name="offset">Where the entry begins.</param>
    /// <param name="type">The object's type: that of the whole object at the end of its chain.</param>
    /// <param name="size">The object's declared size in bytes.</param>
    /// <param name="dataOffset">Where a whole object's zlib stream begins; 0 for a delta.</param>
    /// <exception cref="DamagedObjectException">A head on the way is damaged.</exception>
    public bool TryReadHeader(long offset, out ObjectType type, out long size, out long dataOffset)
    {
        type = default;
        size = -1;
        dataOffset = 0;
        CycleGuard guard = new(offset);
        for (long at = offset; ;)
        {
            if (size >= 0 && pack.Types.TryGet(at, out type))
            {
                break;
            }

            if (!TryReadEntry(at, out ReadOnlySpan<byte> window, out PackEntryHeader entry))
            {
                return false;
            }

            if (!IsDelta(entry))
            {
                type = (ObjectType)entry.Type;
                if (size < 0)
                {
                    size = entry.Size;
                    dataOffset = at + entry.Length;
                }

                break;
            }

            if (!TryFindBase(at, window, entry, out long next, out int headLength))
            {
                return false;
            }

            if (size < 0 && !TryReadResultSize(at, headLength, window[headLength..], out size))
            {
                return false;
            }

            at = next;
            if (guard.Repeats(at))
            {
                throw Damage(offset, "a chain of deltas without end");
            }
        }

        pack.Types.Add(offset, type);
        return true;
    }

    private static bool IsDelta(PackEntryHeader entry) => entry.Type is PackEntryType.OffsetDelta or PackEntryType.RefDelta;

    /// <summary>Reads what begins at an entry and decodes the entry's head; false when the pack is gone.</summary>
    private bool TryReadEntry(long at, out ReadOnlySpan<byte> window, out PackEntryHeader entry)
    {
        entry = default;
        window = default;
        if (at < PackHeader.Length || at >= pack.EntriesEnd)
        {
            throw Damage(at, PackFault.BaseOffset.Describe());
        }

        if (!TryReadBytes(at, HeadBytes, out window))
        {
            return false;
        }

        PackFault fault = PackEntryHeader.TryDecode(window, out entry);
        return fault == PackFault.None ? true : throw Damage(at, fault.Describe());
    }

    /// <summary>Reads bytes of entries: so many or more, fewer where the entries end.</summary>
    private bool TryReadBytes(long at, int wanted, out ReadOnlySpan<byte> bytes)
    {
        if (!scratch.Window.TryRead(pack.Pages, at, wanted, out bytes))
        {
            return false;
        }

        if (bytes.Length > pack.EntriesEnd - at)
        {
            bytes = bytes[..(int)(pack.EntriesEnd - at)];
        }

        return true;
    }

    private bool TryFindBase(long at, ReadOnlySpan<byte> window, PackEntryHeader entry, out long found, out int headLength)
    {
        headLength = entry.Length;
        if (entry.Type == PackEntryType.OffsetDelta)
        {
            found = at - entry.BaseDistance;
            return entry.BaseDistance > 0 && found >= PackHeader.Length ? true : throw Damage(at, PackFault.BaseOffset.Describe());
        }

        int idLength = pack.Format.RawLength();
        headLength += idLength;
        if (window.Length < headLength)
        {
            throw Damage(at, PackFault.Truncated.Describe());
        }

        StoreAnswer answer = pack.FindOffset(ObjectId.FromRaw(window.Slice(entry.Length, idLength)), out found);
        return answer != StoreAnswer.Absent ? answer == StoreAnswer.Found : throw Damage(at, PackFault.MissingBase.Describe());
    }

    /// <summary>The size of what a delta makes, from its first bytes.</summary>
    private bool TryReadResultSize(long at, int headLength, ReadOnlySpan<byte> window, out long size)
    {
        size = 0;
        Span<byte> head = stackalloc byte[MaxDeltaHead];
        int length = InflateStart.Read(window, head);
        if (TryParseSizes(head[..length], out int position, out size) && (head[position - 1] & 0x80) == 0)
        {
            return true;
        }

        return TryInflateStart(at + headLength, window, head, out length)
            && (TryParseSizes(head[..length], out _, out size) ? true : throw Damage(at, PackFault.Delta.Describe()));
    }

    private static bool TryParseSizes(ReadOnlySpan<byte> head, out int position, out long size)
    {
        position = 0;
        return Delta.TryReadSize(head, ref position, out size) && Delta.TryReadSize(head, ref position, out size);
    }

    private bool TryInflateStart(long dataOffset, ReadOnlySpan<byte> window, Span<byte> head, out int length)
    {
        length = 0;
        if (!pack.TryAcquire(out SafeFileHandle file))
        {
            return false;
        }

        try
        {
            InflatedInput input = scratch.Input;
            input.Begin(file, dataOffset, pack.EntriesEnd, window[..Math.Min(window.Length, HeadBytes)]);
            // A damaged stream has not enough of a head.
            _ = input.TryRead(head, out length);
            return true;
        }
        finally
        {
            pack.Release();
        }
    }

    private bool Done(long offset, ObjectType type, ReadOnlySpan<byte> content)
    {
        cache.Offer(new EntryKey(pack.Number, offset), type, content);
        return true;
    }

    private bool TryApply<TRoom>(DeltaLink link, ReadOnlySpan<byte> source, long limit, ref TRoom room, out Span<byte> made)
        where TRoom : struct, IContentRoom
    {
        made = default;
        byte[] rented = ArrayPool<byte>.Shared.Rent(link.Size);
        try
        {
            Span<byte> bytes = rented.AsSpan(0, link.Size);
            if (!TryInflate(link.Offset, link.DataOffset, bytes))
            {
                return false;
            }

            if (!Delta.TryDecode(bytes, out Delta delta) || delta.BaseSize != source.Length
                || (delta.ResultSize > MaxTrustedBytes && !delta.MakesItsSize()))
            {
                throw Damage(link.Offset, PackFault.Delta.Describe());
            }

            CheckLimit(delta.ResultSize, limit);
            made = room.Take((int)delta.ResultSize);
            return delta.TryApply(source, made) ? true : throw Damage(link.Offset, PackFault.Delta.Describe());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Inflates one entry's stream, which has to fill the room exactly; false when the pack is gone.</summary>
    /// <param name="at">The entry, for messages.</param>
    /// <param name="dataOffset">Where the stream begins.</param>
    /// <param name="room">For all that it holds.</param>
    private bool TryInflate(long at, long dataOffset, Span<byte> room)
    {
        long available = pack.EntriesEnd - dataOffset;
        // How long the stream is stands nowhere. This bounds what a sensible compressor makes of incompressible bytes.
        long likely = Math.Min(available, room.Length + (room.Length >> 3) + 64);
        if (room.Length > MaxBufferedBytes)
        {
            return TryInflatePieces(at, dataOffset, room);
        }

        InflateResult result;
        if (likely <= PageWindow.MaxBytes)
        {
            if (!TryReadBytes(dataOffset, (int)likely, out ReadOnlySpan<byte> window))
            {
                return false;
            }

            result = scratch.Inflater.Inflate(window, room, out _);
        }
        else if (!TryInflateBuffered(dataOffset, (int)likely, room, out result))
        {
            return false;
        }

        return result switch
        {
            InflateResult.Done => true,
            InflateResult.OtherSize => throw Damage(at, PackFault.InflatedSize.Describe()),
            _ => likely == available ? throw Damage(at, PackFault.Deflate.Describe()) : TryInflatePieces(at, dataOffset, room),
        };
    }

    // Past the cache of pages: so large an object would push out those of many others.
    private bool TryInflateBuffered(long dataOffset, int length, Span<byte> room, out InflateResult result)
    {
        result = default;
        if (!pack.TryAcquire(out SafeFileHandle file))
        {
            return false;
        }

        byte[] rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            int read = FileBytes.Read(file, rented.AsSpan(0, length), dataOffset);
            result = scratch.Inflater.Inflate(rented.AsSpan(0, read), room, out _);
            return true;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
            pack.Release();
        }
    }

    private bool TryInflatePieces(long at, long dataOffset, Span<byte> room)
    {
        if (!pack.TryAcquire(out SafeFileHandle file))
        {
            return false;
        }

        try
        {
            InflatedInput input = scratch.Input;
            input.Begin(file, dataOffset, pack.EntriesEnd);
            return input.TryRead(room, out int produced) && produced == room.Length && input.TryEnd()
                ? true
                : throw Damage(at, PackFault.Deflate.Describe());
        }
        finally
        {
            pack.Release();
        }
    }

    /// <summary>A declared size as one that may be allocated: the rest of the pack could make it, and the caller wants it.</summary>
    private int CheckSize(long at, int headLength, long size, long limit)
    {
        if (size / MostInflatedPerByte > pack.EntriesEnd - at - headLength)
        {
            throw Damage(at, PackFault.EntrySize.Describe());
        }

        CheckLimit(size, limit);
        return (int)size;
    }

    private void CheckLimit(long size, long limit)
    {
        limit = Math.Min(limit, Array.MaxLength);
        if (size > limit)
        {
            throw new ObjectTooLargeException(id, size, limit);
        }
    }

    private DamagedObjectException Damage(long at, string fault) => new(id, pack.File.Path, at, fault);
}
