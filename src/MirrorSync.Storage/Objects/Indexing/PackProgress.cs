namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>How far an indexing is; may be read by any thread while it runs.</summary>
public sealed class PackProgress
{
    private long bytes;
    private int objects;
    private int seen;
    private int resolved;

    /// <summary>Objects that the pack's header announces.</summary>
    public int Objects => Volatile.Read(ref objects);

    /// <summary>Entries that came so far.</summary>
    public int Seen => Volatile.Read(ref seen);

    /// <summary>Objects that were made whole so far.</summary>
    public int Resolved => Volatile.Read(ref resolved);

    /// <summary>Bytes of the pack that came so far.</summary>
    public long Bytes => Volatile.Read(ref bytes);

    internal void Begin(int announced) => Volatile.Write(ref objects, announced);

    // One thread counts, so a plain addition does.
    internal void CountSeen() => Volatile.Write(ref seen, seen + 1);

    internal void CountResolved() => Volatile.Write(ref resolved, resolved + 1);

    internal void CountBytes(long count) => Volatile.Write(ref bytes, bytes + count);
}
