using System.Security.Cryptography;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>The id of an object that comes in pieces.</summary>
internal sealed class ObjectDigest : IDisposable
{
    private readonly Sha1Detector? detector;
    private readonly IncrementalHash? platform;

    /// <summary>Of the format; with or without a look for collision attacks on SHA-1.</summary>
    public ObjectDigest(ObjectFormat format, bool detectCollisions)
    {
        if (format == ObjectFormat.Sha1 && detectCollisions)
        {
            detector = new Sha1Detector();
        }
        else
        {
            platform = format.CreateHash();
        }
    }

    /// <summary>Begins an object of so many bytes.</summary>
    public void Begin(ObjectType type, long size)
    {
        Span<byte> header = stackalloc byte[ObjectTypeFacts.MaxHeaderLength];
        detector?.Reset();
        Append(header[..type.WriteHeader(size, header)]);
    }

    /// <summary>Takes further bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        detector?.Append(bytes);
        platform?.AppendData(bytes);
    }

    /// <summary>Writes the id; true when the object is part of a collision attack.</summary>
    public bool Finish(Span<byte> id)
    {
        if (detector is not null)
        {
            return detector.Finish(id);
        }

        platform!.GetHashAndReset(id);
        return false;
    }

    /// <inheritdoc/>
    public void Dispose() => platform?.Dispose();
}
