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

    private readonly Pack pack;
    private readonly SafeFileHandle file;
    private readonly BaseCache cache;
    private readonly ReadScratch scratch;
    private readonly ObjectId id;

    /// <param name="pack">The pack, acquired by the caller.</param>
    /// <param name="file">Its handle.</param>
    /// <param name="cache">Bases of this and other packs.</param>
    /// <param name="scratch">The caller's.</param>
    /// <param name="id">The object that is read.</param>
    public PackReader(Pack pack, SafeFileHandle file, BaseCache cache, ReadScratch scratch, in ObjectId id)
    {
        this.pack = pack;
        this.file = file;
        this.cache = cache;
        this.scratch = scratch;
        this.id = id;
    }

    /// <summary>Reads an entry's whole object; false when the pack's index, which a base's id needs, is gone.</summary>
    /// <exception cref="DamagedObjectException">Something that it is made of is damaged.</exception>
    /// <exception cref="ObjectTooLargeException">It is larger than <paramref name="maxBytes"/>.</exception>
    public bool TryRead(long offset, long maxBytes, out ObjectType type, out byte[] content)
    {
        type = default;
        content = [];
        List<DeltaLink> chain = scratch.Chain;
        chain.Clear();
        CycleGuard guard = new(offset);
        long held = Math.Max(maxBytes, MaxHeldBytes);
        long at = offset;
        BaseObject? source;
        while (!cache.TryGet(new EntryKey(pack.Number, at), out source))
        {
            ReadOnlySpan<byte> window = ReadEntry(at, ReadScratch.WindowBytes, out PackEntryHeader entry);
            if (!IsDelta(entry))
            {
                int size = CheckSize(at, entry.Length, entry.Size, chain.Count == 0 ? maxBytes : held);
                content = GC.AllocateUninitializedArray<byte>(size);
                Inflate(at, at + entry.Length, window[entry.Length..], content);
                type = (ObjectType)entry.Type;
                if (chain.Count == 0)
                {
                    return true;
                }

                source = new BaseObject(type, content);
                cache.Add(new EntryKey(pack.Number, at), source);
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
            content = source.Bytes.AsSpan().ToArray();
            return true;
        }

        for (int i = chain.Count - 1; i >= 0; i--)
        {
            byte[] made = Apply(chain[i], source.Bytes, i == 0 ? maxBytes : held);
            if (i == 0)
            {
                content = made;
                break;
            }

            source = new BaseObject(type, made);
            cache.Add(new EntryKey(pack.Number, chain[i].Offset), source);
        }

        return true;
    }

    /// <summary>
    /// Finds an entry's type and size without making its object; false when the pack's index is gone.
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
            if (cache.TryGet(new EntryKey(pack.Number, at), out BaseObject? source))
            {
                type = source.Type;
                size = size < 0 ? source.Bytes.Length : size;
                return true;
            }

            ReadOnlySpan<byte> window = ReadEntry(at, HeadBytes, out PackEntryHeader entry);
            if (!IsDelta(entry))
            {
                type = (ObjectType)entry.Type;
                if (size < 0)
                {
                    size = entry.Size;
                    dataOffset = at + entry.Length;
                }

                return true;
            }

            if (!TryFindBase(at, window, entry, out long next, out int headLength))
            {
                return false;
            }

            size = size < 0 ? ReadResultSize(at, at + headLength, window[headLength..]) : size;
            at = next;
            if (guard.Repeats(at))
            {
                throw Damage(offset, "a chain of deltas without end");
            }
        }
    }

    private static bool IsDelta(PackEntryHeader entry) => entry.Type is PackEntryType.OffsetDelta or PackEntryType.RefDelta;

    /// <summary>Reads what begins at an entry into the scratch window and decodes the entry's head.</summary>
    private ReadOnlySpan<byte> ReadEntry(long at, int bytes, out PackEntryHeader entry)
    {
        if (at < PackHeader.Length || at >= pack.EntriesEnd)
        {
            throw Damage(at, PackFault.BaseOffset.Describe());
        }

        Span<byte> window = scratch.Window.AsSpan(0, (int)Math.Min(bytes, pack.EntriesEnd - at));
        window = window[..FileBytes.Read(file, window, at)];
        PackFault fault = PackEntryHeader.TryDecode(window, out entry);
        return fault == PackFault.None ? window : throw Damage(at, fault.Describe());
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
    private long ReadResultSize(long at, long dataOffset, ReadOnlySpan<byte> window)
    {
        Span<byte> head = stackalloc byte[2 * 10];
        InflatedInput input = scratch.Input;
        input.Begin(file, dataOffset, pack.EntriesEnd, window);
        bool read = input.TryRead(head, out int length);
        int position = 0;
        return read && Delta.TryReadSize(head[..length], ref position, out _) && Delta.TryReadSize(head[..length], ref position, out long size)
            ? size
            : throw Damage(at, PackFault.Delta.Describe());
    }

    private byte[] Apply(DeltaLink link, byte[] source, long limit)
    {
        byte[] rented = ArrayPool<byte>.Shared.Rent(link.Size);
        try
        {
            Span<byte> bytes = rented.AsSpan(0, link.Size);
            Inflate(link.Offset, link.DataOffset, [], bytes);
            if (!Delta.TryDecode(bytes, out Delta delta) || delta.BaseSize != source.Length || !delta.MakesItsSize())
            {
                throw Damage(link.Offset, PackFault.Delta.Describe());
            }

            CheckLimit(delta.ResultSize, limit);
            byte[] made = GC.AllocateUninitializedArray<byte>((int)delta.ResultSize);
            return delta.TryApply(source, made) ? made : throw Damage(link.Offset, PackFault.Delta.Describe());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>Inflates one entry's stream, which has to fill the room exactly.</summary>
    /// <param name="at">The entry, for messages.</param>
    /// <param name="dataOffset">Where the stream begins.</param>
    /// <param name="window">What of it has been read already; may be empty.</param>
    /// <param name="room">For all that it holds.</param>
    private void Inflate(long at, long dataOffset, ReadOnlySpan<byte> window, Span<byte> room)
    {
        long available = pack.EntriesEnd - dataOffset;
        // How long the stream is stands nowhere. This bounds what a sensible compressor makes of incompressible bytes.
        long likely = Math.Min(available, room.Length + (room.Length >> 3) + 64);
        if (room.Length <= MaxBufferedBytes)
        {
            InflateResult result = window.Length >= likely
                ? scratch.Inflater.Inflate(window, room, out _)
                : InflateBuffered(dataOffset, (int)likely, room);
            if (result == InflateResult.Done)
            {
                return;
            }

            if (result == InflateResult.OtherSize)
            {
                throw Damage(at, PackFault.InflatedSize.Describe());
            }

            if (likely == available)
            {
                throw Damage(at, PackFault.Deflate.Describe());
            }
        }

        InflatedInput input = scratch.Input;
        input.Begin(file, dataOffset, pack.EntriesEnd);
        if (!input.TryRead(room, out int produced) || produced != room.Length || !input.TryEnd())
        {
            throw Damage(at, PackFault.Deflate.Describe());
        }
    }

    private InflateResult InflateBuffered(long dataOffset, int length, Span<byte> room)
    {
        byte[] rented = length <= ReadScratch.WindowBytes ? scratch.Window : ArrayPool<byte>.Shared.Rent(length);
        try
        {
            int read = FileBytes.Read(file, rented.AsSpan(0, length), dataOffset);
            return scratch.Inflater.Inflate(rented.AsSpan(0, read), room, out _);
        }
        finally
        {
            if (rented != scratch.Window)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
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
