using System.Security.Cryptography;

namespace MirrorSync.Git.Hashing;

/// <summary>SHA-256 of one message after the other, by the platform.</summary>
public sealed unsafe class Sha256Messages : IMessageHasher
{
    /// <inheritdoc/>
    /// <remarks>Always -1: no attack on SHA-256 is known.</remarks>
    public int CollisionTag => -1;

    /// <inheritdoc/>
    /// <remarks>Finishes all of them.</remarks>
    public void Hash(ReadOnlySpan<HashJob> jobs)
    {
        foreach (ref readonly HashJob job in jobs)
        {
            HashOne(job);
            Interlocked.Decrement(ref *job.Pending);
        }
    }

    /// <summary>Does nothing: no message is left unfinished.</summary>
    public void Finish()
    {
    }

    /// <summary>Does nothing.</summary>
    public void Dispose()
    {
    }

    private static void HashOne(in HashJob job)
    {
        Span<byte> digest = new(job.Digest, SHA256.HashSizeInBytes);
        if (job.Length <= Array.MaxLength)
        {
            SHA256.HashData(new ReadOnlySpan<byte>(job.Message, (int)job.Length), digest);
            return;
        }

        // A message longer than a span.
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        const int Piece = 1 << 30;
        for (long done = 0; done < job.Length; done += Piece)
        {
            hash.AppendData(new ReadOnlySpan<byte>(job.Message + done, (int)Math.Min(Piece, job.Length - done)));
        }

        hash.GetHashAndReset(digest);
    }
}
