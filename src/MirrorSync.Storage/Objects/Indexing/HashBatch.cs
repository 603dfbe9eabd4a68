using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>Objects that go to a hasher together.</summary>
internal sealed unsafe class HashBatch
{
    // Enough to fill the lanes many times over, small enough to be hashed while it is still in the processor's cache.
    private const int MaxObjects = 1024;
    private const long MaxBytes = 512 * 1024;

    private Member[] members = new Member[16];
    private HashJob[] jobs = new HashJob[16];
    private long bytes;

    /// <summary>How many objects there are.</summary>
    public int Count { get; private set; }

    /// <summary>No further object should be added.</summary>
    public bool IsFull => Count == MaxObjects || bytes >= MaxBytes;

    /// <summary>The messages to hash; a job's tag is its entry.</summary>
    public ReadOnlySpan<HashJob> Jobs => jobs.AsSpan(0, Count);

    /// <summary>Adds the object whose content was just made; writes its object header before it.</summary>
    public void Add(ObjectType type, in Content content, byte* id, int entry)
    {
        Span<byte> header = stackalloc byte[ObjectTypeFacts.MaxHeaderLength];
        int headerLength = type.WriteHeader(content.Length, header);
        byte* message = content.Address - headerLength;
        header[..headerLength].CopyTo(new Span<byte>(message, headerLength));
        Interlocked.Increment(ref *content.Unread);
        if (Count == jobs.Length)
        {
            Array.Resize(ref jobs, 2 * Count);
            Array.Resize(ref members, 2 * Count);
        }

        jobs[Count] = new HashJob(message, headerLength + content.Length, id, content.Unread, entry);
        members[Count++] = new Member(type, (byte)headerLength);
        bytes += content.Length;
    }

    /// <summary>Shows every object to the checks.</summary>
    public void Check(ContentChecks checks)
    {
        for (int i = 0; i < Count; i++)
        {
            ref readonly HashJob job = ref jobs[i];
            int headerLength = members[i].HeaderLength;
            checks.Check(members[i].Type, new ReadOnlySpan<byte>(job.Message + headerLength, (int)job.Length - headerLength), job.Tag);
        }
    }

    /// <summary>Forgets the objects.</summary>
    public void Clear()
    {
        Count = 0;
        bytes = 0;
    }

    private readonly record struct Member(ObjectType Type, byte HeaderLength);
}
