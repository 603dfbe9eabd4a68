using System.Runtime.InteropServices;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// The entries of a pack and their ids, in pack order. Grows in chunks with the entries that really came, never with
/// what a header claims, and is not copied when it grows. Outside the managed heap: hashers write ids by address.
/// </summary>
internal sealed unsafe class EntryTable(ObjectFormat format) : IDisposable
{
    private const int ChunkBits = 14;
    private const int ChunkEntries = 1 << ChunkBits;

    private readonly int idLength = format.RawLength();
    private readonly List<nint> entries = [];
    private readonly List<nint> ids = [];

    /// <summary>Frees the native memory of a table that was not disposed of.</summary>
    ~EntryTable() => Free();

    /// <summary>The pack's object format.</summary>
    public ObjectFormat Format => format;

    /// <summary>How many entries there are.</summary>
    public int Count { get; private set; }

    /// <summary>One entry.</summary>
    public ref PackEntry this[int index] =>
        ref ((PackEntry*)CollectionsMarshal.AsSpan(entries)[index >> ChunkBits])[index & (ChunkEntries - 1)];

    /// <summary>Where an entry's id is, or is to be written.</summary>
    public byte* IdAddress(int index) =>
        (byte*)CollectionsMarshal.AsSpan(ids)[index >> ChunkBits] + ((index & (ChunkEntries - 1)) * idLength);

    /// <summary>An entry's id, as raw bytes.</summary>
    public ReadOnlySpan<byte> Id(int index) => new(IdAddress(index), idLength);

    /// <summary>Sets an entry's id.</summary>
    public void SetId(int index, ReadOnlySpan<byte> id) => id.CopyTo(new Span<byte>(IdAddress(index), idLength));

    /// <summary>Adds an entry and returns its index.</summary>
    public int Add(in PackEntry entry)
    {
        if (Count >> ChunkBits == entries.Count)
        {
            entries.Add((nint)NativeMemory.Alloc(ChunkEntries, (nuint)sizeof(PackEntry)));
            ids.Add((nint)NativeMemory.Alloc(ChunkEntries, (nuint)idLength));
        }

        int index = Count++;
        this[index] = entry;
        return index;
    }

    /// <summary>The entry that begins at the offset, among the first <paramref name="count"/>; -1 when there is none.</summary>
    public int Find(long offset, int count)
    {
        int low = 0;
        int high = count - 1;
        while (low <= high)
        {
            int middle = (int)(((uint)low + (uint)high) >> 1);
            long there = this[middle].Offset;
            if (there == offset)
            {
                return middle;
            }

            if (there < offset)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return -1;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        foreach (nint chunk in entries)
        {
            NativeMemory.Free((void*)chunk);
        }

        foreach (nint chunk in ids)
        {
            NativeMemory.Free((void*)chunk);
        }

        entries.Clear();
        ids.Clear();
        Count = 0;
    }
}
