using System.Diagnostics;
using System.Runtime.InteropServices;
using MirrorSync.Git.Hashing;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// Whole contents of the objects that were made last, within a bound: read by the hashers, and the bases of the deltas
/// to come. Memory is taken in slabs; when the bound is reached the oldest slab is used anew. One thread makes contents;
/// hashers only read them and count a slab's unread messages down.
/// </summary>
/// <remarks>
/// <code>
/// slab:   | unread messages |  content | content | ...
/// content:| length 4 | room for the object header 20 | bytes | room for the hasher's padding |
/// </code>
/// A content's bytes begin right behind its object header, so that both are hashed as one message without a copy.
/// </remarks>
internal sealed unsafe class ContentCache(long capacityBytes) : IDisposable
{
    // The first slab is small, for most packs are. Large ones are whole huge pages: with ordinary ones a fifth of a
    // short indexing's time went into page faults.
    private const int SmallestSlab = 64 * 1024;
    private const int HugePage = 2 << 20;
    private const int SlabHead = 64;

    // "commit", a blank, the ten digits of the longest content that is held, and NUL are 18.
    private const int ContentHead = sizeof(int) + 20;

    private readonly List<Slab> slabs = [];
    private readonly Queue<int> oldestFirst = [];
    private readonly Stack<int> unused = [];
    private int current = -1;
    private uint uses;
    private long heldBytes;

    /// <summary>Frees the native memory of a cache that was not disposed of.</summary>
    ~ContentCache() => Free();

    /// <summary>
    /// Called when the oldest slab has messages that no hasher has read yet: makes the hashers end what they hold.
    /// </summary>
    public required Action HashersFinish { get; init; }

    /// <summary>
    /// Makes room for a content and binds it to the entry. The room is uninitialised. May drop the oldest contents, but
    /// never that of <paramref name="spared"/>.
    /// </summary>
    public Content Reserve(ref PackEntry entry, int length, ushort? spared)
    {
        // Checked: a base from the store may be nearly as long as an array can be.
        int withSlab = checked(SlabHead + ContentHead + length + HashJob.TailRoom + 7);
        int needed = (withSlab - SlabHead) & ~7;
        if (current < 0 || slabs[current].Bytes - slabs[current].Used < needed)
        {
            int usual = (int)Math.Clamp(heldBytes, SmallestSlab, HugePage);
            current = Open(Math.Max(usual, SlabHead + needed), spared);
        }

        Slab slab = slabs[current];
        int offset = slab.Used + ContentHead;
        slab.Used += needed;
        *(int*)(slab.Memory + offset - ContentHead) = length;
        entry.Slab = (ushort)current;
        entry.SlabUse = slab.Use;
        entry.SlabOffset = offset;
        return new Content(slab.Memory + offset, length, (int*)slab.Memory);
    }

    /// <summary>The entry's content, when it is still here.</summary>
    public bool TryGet(in PackEntry entry, out Content content)
    {
        content = default;
        if (entry.SlabUse == 0)
        {
            return false;
        }

        Slab slab = slabs[entry.Slab];
        if (slab.Use != entry.SlabUse)
        {
            return false;
        }

        byte* bytes = slab.Memory + entry.SlabOffset;
        content = new Content(bytes, *(int*)(bytes - ContentHead), (int*)slab.Memory);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private int Open(int bytes, ushort? spared)
    {
        int passes = 0;
        while (heldBytes + bytes > capacityBytes && oldestFirst.Count > passes)
        {
            int oldest = oldestFirst.Dequeue();
            if (oldest == spared)
            {
                oldestFirst.Enqueue(oldest);
                passes++;
                continue;
            }

            if (Volatile.Read(ref *(int*)slabs[oldest].Memory) != 0)
            {
                HashersFinish();
                Debug.Assert(Volatile.Read(ref *(int*)slabs[oldest].Memory) == 0, "hashers that finished hold nothing");
            }

            Slab slab = slabs[oldest];
            slab.Use = 0;
            if (slab.Bytes == bytes)
            {
                return Begin(oldest);
            }

            NativeMemory.AlignedFree(slab.Memory);
            heldBytes -= slab.Bytes;
            slab.Memory = null;
            unused.Push(oldest);
        }

        if (!unused.TryPop(out int index))
        {
            index = slabs.Count;
            slabs.Add(new Slab());
        }

        Slab opened = slabs[index];
        opened.Memory = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, bytes < HugePage ? 64 : (nuint)HugePage);
        if (bytes >= HugePage)
        {
            // Where huge pages are not to be had, ordinary ones do.
            _ = LibC.Advise(opened.Memory, (nuint)bytes, LibC.AdviseHugePages);
        }

        opened.Bytes = bytes;
        heldBytes += bytes;
        return Begin(index);
    }

    private int Begin(int index)
    {
        Slab slab = slabs[index];
        slab.Use = ++uses;
        slab.Used = SlabHead;
        *(int*)slab.Memory = 0;
        oldestFirst.Enqueue(index);
        return index;
    }

    private void Free()
    {
        foreach (Slab slab in slabs)
        {
            NativeMemory.AlignedFree(slab.Memory);
            slab.Memory = null;
        }

        slabs.Clear();
        oldestFirst.Clear();
        unused.Clear();
        current = -1;
    }

    private sealed class Slab
    {
        public byte* Memory;
        public int Bytes;
        public int Used;
        public uint Use;
    }
}

/// <summary>A content in the cache; valid until the next one is made, or longer while a hasher has to read it.</summary>
internal readonly unsafe struct Content(byte* bytes, int length, int* unread)
{
    /// <summary>The first byte.</summary>
    public byte* Address { get; } = bytes;

    /// <summary>How many bytes.</summary>
    public int Length { get; } = length;

    /// <summary>How many messages of its slab no hasher has read yet.</summary>
    public int* Unread { get; } = unread;

    /// <summary>The bytes.</summary>
    public Span<byte> Bytes => new(Address, Length);
}
