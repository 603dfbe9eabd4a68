using System.Security.Cryptography;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Hashing;

/// <summary>The platform's hash function of an object format, without a look for collision attacks.</summary>
public static class FormatHash
{
    /// <summary>A new hash of the format, the caller's to dispose of.</summary>
    public static IncrementalHash CreateHash(this ObjectFormat format) =>
        IncrementalHash.CreateHash(format == ObjectFormat.Sha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
}
