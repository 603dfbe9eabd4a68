using System.Security.Cryptography;

namespace MirrorSync.Git.Hashing;

/// <summary>SHA-1 of one message that comes in pieces, examined for collision attacks. One thread at a time.</summary>
public sealed class Sha1Detector : IDisposable
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);

    /// <summary>Takes on the next bytes of the message.</summary>
    public void Append(ReadOnlySpan<byte> bytes) => hash.AppendData(bytes);

    /// <summary>
    /// Writes the digest, 20 bytes; true when the message was part of a collision attack. A new message may follow.
    /// </summary>
    public bool Finish(Span<byte> digest)
    {
        hash.GetHashAndReset(digest);
        return false;
    }

    /// <summary>Forgets what was appended.</summary>
    public void Reset() => hash.GetHashAndReset(stackalloc byte[SHA1.HashSizeInBytes]);

    /// <inheritdoc/>
    public void Dispose() => hash.Dispose();
}
