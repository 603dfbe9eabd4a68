using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// Contents that wait to be hashed together: side by side in the lanes of a vector, small messages take a third of the time
/// that one after the other takes. One thread at a time.
/// </summary>
internal sealed unsafe class ReadBatch : IDisposable
{
    /// <summary>Larger contents are hashed alone: they would keep one lane busy while all others are idle.</summary>
    public const int MaxContent = 16 * 1024;

    private const int MaxCount = 256;
    private const int SlabBytes = 256 * 1024;
    private const int Around = ObjectTypeFacts.MaxHeaderLength + HashJob.TailRoom;

    private readonly IMessageHasher hasher;
    private readonly int idLength;

    // Pinned: the hasher keeps pointers from one call to the next.
    private readonly byte[] slab = GC.AllocateUninitializedArray<byte>(SlabBytes, pinned: true);
    private readonly byte[] digests = new byte[MaxCount * ObjectId.Size];
    private readonly HashJob[] jobs = new HashJob[MaxCount];
    private readonly Item[] items = new Item[MaxCount];
    private int used;

    /// <param name="format">Of the ids.</param>
    public ReadBatch(ObjectFormat format)
    {
        hasher = MessageHasher.Create(format, detectCollisions: false);
        idLength = format.RawLength();
    }

    /// <summary>Contents that wait.</summary>
    public int Count { get; private set; }

    /// <summary>Whether there may be no room for another one.</summary>
    public bool IsFull => Count == MaxCount || used > SlabBytes - MaxContent - Around;

    /// <summary>Room for the content that is to be added next; the batch is not full.</summary>
    public Span<byte> Room(int size) => slab.AsSpan(used + ObjectTypeFacts.MaxHeaderLength, size);

    /// <summary>Takes on the content that <see cref="Room"/> was given for.</summary>
    public void Add(int index, ObjectType type, int size)
    {
        int content = used + ObjectTypeFacts.MaxHeaderLength;
        items[Count++] = new Item(index, type, content, size);
        used = content + size + HashJob.TailRoom;
    }

    /// <summary>Hashes all that wait.</summary>
    public void Hash()
    {
        int pending = Count;
        Span<byte> header = stackalloc byte[ObjectTypeFacts.MaxHeaderLength];
        fixed (byte* bytes = slab, into = digests)
        {
            for (int i = 0; i < Count; i++)
            {
                Item item = items[i];
                int length = item.Type.WriteHeader(item.Size, header);
                header[..length].CopyTo(slab.AsSpan(item.Content - length));
                jobs[i] = new HashJob(bytes + item.Content - length, length + item.Size, into + (i * ObjectId.Size), &pending, i);
            }

            hasher.Hash(jobs.AsSpan(0, Count));
            hasher.Finish();
        }
    }

    /// <summary>What waits at a place (0 to <see cref="Count"/> - 1): the caller's index, type, content, and the digest once hashed.</summary>
    public ReadOnlySpan<byte> Get(int place, out int index, out ObjectType type, out ReadOnlySpan<byte> digest)
    {
        Item item = items[place];
        (index, type) = (item.Index, item.Type);
        digest = digests.AsSpan(place * ObjectId.Size, idLength);
        return slab.AsSpan(item.Content, item.Size);
    }

    /// <summary>Forgets all.</summary>
    public void Clear()
    {
        Count = 0;
        used = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => hasher.Dispose();

    private readonly record struct Item(int Index, ObjectType Type, int Content, int Size);
}
