using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>What one thread found wrong with the objects that it hashed.</summary>
internal sealed class ContentChecks
{
    /// <summary>Checks one object.</summary>
    public void Check(ObjectType type, ReadOnlySpan<byte> content, int entry)
    {
    }
}
