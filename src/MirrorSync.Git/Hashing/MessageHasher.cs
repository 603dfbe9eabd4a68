using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Hashing;

/// <summary>Makes the hasher for a repository's object format.</summary>
public static class MessageHasher
{
    /// <summary>
    /// A hasher for one thread. <paramref name="detectCollisions"/> is for sha1; sha256 has no attack to look for.
    /// </summary>
    public static IMessageHasher Create(ObjectFormat format, bool detectCollisions) =>
        format == ObjectFormat.Sha256 ? new Sha256Messages() : new Sha1Lanes(detectCollisions);
}
