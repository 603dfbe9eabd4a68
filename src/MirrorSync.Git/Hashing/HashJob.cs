namespace MirrorSync.Git.Hashing;

/// <summary>
/// One message to hash and where its digest goes. All memory is the caller's, unmanaged or pinned, and stays as it is
/// until the hasher has counted <see cref="Pending"/> down.
/// </summary>
/// <remarks>The hasher may write its padding into the <see cref="TailRoom"/> bytes behind the message.</remarks>
public readonly unsafe struct HashJob(byte* message, long length, byte* digest, int* pending, int tag)
{
    /// <summary>Bytes behind every message that belong to the hasher: its padding, written in whole vectors.</summary>
    public const int TailRoom = 80;

    /// <summary>The message, object header included.</summary>
    public byte* Message { get; } = message;

    /// <summary>Bytes of the message.</summary>
    public long Length { get; } = length;

    /// <summary>Receives the digest: 20 or 32 bytes.</summary>
    public byte* Digest { get; } = digest;

    /// <summary>Counted down, interlocked, after the digest was written and the message is no longer read.</summary>
    public int* Pending { get; } = pending;

    /// <summary>The caller's name for the message; says which one was part of a collision attack.</summary>
    public int Tag { get; } = tag;
}
