using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// A pack and its index, as found in a folder; each is opened when first needed. Any thread.
/// </summary>
/// <param name="name">The files' common name without extension.</param>
/// <param name="index">The index.</param>
/// <param name="pack">The pack.</param>
/// <param name="format">Of its ids.</param>
/// <param name="memory">Bounds what is held of the files.</param>
internal sealed class Pack(string name, StoreFile index, StoreFile pack, ObjectFormat format, StoreMemory memory)
{
    private static long lastNumber;

    private readonly Lock gate = new();
    private volatile PackIndexFile? openedIndex;
    private volatile bool packChecked;

    /// <summary>A number that no other pack of the process ever has.</summary>
    public long Number { get; } = Interlocked.Increment(ref lastNumber);

    /// <summary>The files' common name without extension.</summary>
    public string Name => name;

    /// <summary>The index.</summary>
    public StoreFile Index => index;

    /// <summary>The pack.</summary>
    public StoreFile File => pack;

    /// <summary>The pack by its pages.</summary>
    public PagedFile Pages { get; } = new(pack, memory.Pages);

    /// <summary>The types of its objects, as far as known.</summary>
    public KnownTypes Types { get; } = new();

    /// <summary>Of its ids.</summary>
    public ObjectFormat Format => format;

    /// <summary>The end of the entries: the pack's checksum begins here.</summary>
    public long EntriesEnd => pack.Length - format.RawLength();

    /// <summary>Looks whether an object is in the pack.</summary>
    /// <exception cref="DamagedObjectException">The index is damaged.</exception>
    public StoreAnswer Find(in ObjectId id) =>
        TryOpenIndex(id, out PackIndexFile? opened) ? opened.Find(id) : StoreAnswer.Gone;

    /// <summary>How many objects it has; false when it is gone.</summary>
    /// <exception cref="DamagedObjectException">The index is damaged.</exception>
    public bool TryCount(out uint count)
    {
        bool there = TryOpenIndex(ObjectId.Zero, out PackIndexFile? opened);
        count = opened?.Count ?? 0;
        return there;
    }

    /// <summary>Adds the ids that begin with a byte, in order; false when the pack is gone.</summary>
    /// <exception cref="DamagedObjectException">The index is damaged.</exception>
    public bool TryList(byte leading, List<ObjectId> ids, Span<byte> buffer) =>
        TryOpenIndex(ObjectId.Zero, out PackIndexFile? opened) && opened.Ids.TryList(leading, ids, buffer);

    /// <summary>Looks where an object's entry begins.</summary>
    /// <exception cref="DamagedObjectException">The index is damaged.</exception>
    public StoreAnswer FindOffset(in ObjectId id, out long offset)
    {
        offset = 0;
        return TryOpenIndex(id, out PackIndexFile? opened) ? opened.FindOffset(id, out offset) : StoreAnswer.Gone;
    }

    /// <summary>Looks what the index says of the bytes of an object's entry: absent also where the index has no such words.</summary>
    /// <exception cref="DamagedObjectException">The index is damaged.</exception>
    public StoreAnswer FindCrc(in ObjectId id, out uint crc)
    {
        crc = 0;
        return TryOpenIndex(id, out PackIndexFile? opened) ? opened.FindCrc(id, out crc) : StoreAnswer.Gone;
    }

    /// <summary>Checks at the first call that the pack is the one that the index was made for; false when it is gone.</summary>
    /// <exception cref="DamagedObjectException">It is not.</exception>
    public bool TryCheck(in ObjectId id)
    {
        if (packChecked)
        {
            return true;
        }

        if (!TryAcquire(out SafeFileHandle handle))
        {
            return false;
        }

        try
        {
            packChecked = TryOpenIndex(id, out PackIndexFile? opened) && TryCheck(handle, opened, id);
            return packChecked;
        }
        finally
        {
            Release();
        }
    }

    /// <summary>Gets the pack's handle, to be given back by <see cref="Release"/>; false when the pack is gone.</summary>
    public bool TryAcquire(out SafeFileHandle handle) => pack.TryAcquire(out handle);

    /// <summary>Gives the handle back.</summary>
    public void Release() => pack.Release();

    /// <summary>Closes both files as soon as nobody uses them.</summary>
    public void Retire()
    {
        index.Retire();
        openedIndex?.Ids.Retire();
        pack.Retire();
    }

    private bool TryOpenIndex(in ObjectId id, [NotNullWhen(true)] out PackIndexFile? opened)
    {
        opened = openedIndex;
        if (opened is not null)
        {
            return true;
        }

        lock (gate)
        {
            if (openedIndex is null && PackIndexFile.TryOpen(index, memory.Indexes, format, id, out PackIndexFile? fresh))
            {
                openedIndex = fresh;
            }

            opened = openedIndex;
            return opened is not null;
        }
    }

    /// <summary>
    /// Checks once, at head and end, that the pack is whole and that its index is its own: another content may have had
    /// the same name. False when the index is gone.
    /// </summary>
    private bool TryCheck(SafeFileHandle handle, PackIndexFile opened, in ObjectId id)
    {
        int idLength = format.RawLength();
        Span<byte> head = stackalloc byte[PackHeader.Length];
        PackFault fault = PackHeader.TryDecode(head[..FileBytes.Read(handle, head, 0)], out PackHeader header);
        if (fault == PackFault.None && pack.Length < PackHeader.Length + idLength)
        {
            fault = PackFault.Truncated;
        }

        if (fault != PackFault.None)
        {
            throw new DamagedObjectException(id, pack.Path, 0, fault.Describe());
        }

        Span<byte> made = stackalloc byte[idLength];
        if (!opened.TryReadPackChecksum(id, made))
        {
            return false;
        }

        Span<byte> there = stackalloc byte[idLength];
        return FileBytes.Read(handle, there, EntriesEnd) == idLength && there.SequenceEqual(made) && header.Objects == opened.Count
            ? true
            : throw new DamagedObjectException(id, pack.Path, EntriesEnd, "the pack is not the one of its index");
    }
}
