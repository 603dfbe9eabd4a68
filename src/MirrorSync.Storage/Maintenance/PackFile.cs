using System.Collections.Immutable;

namespace MirrorSync.Storage.Maintenance;

/// <summary>A pack with its index, as found in a repository's <c>objects/pack</c>.</summary>
/// <param name="Name">The files' common name without extension, <c>pack-</c> and the checksum.</param>
/// <param name="Objects">How many objects it holds, by its index.</param>
/// <param name="Bytes">Bytes of the pack itself.</param>
/// <param name="Inode">The pack's inode: another content, or the same written anew, has another.</param>
/// <param name="Modified">When the pack was written, nanoseconds since 1970.</param>
/// <param name="Extensions">The extensions of all files of that name, without the dot.</param>
internal sealed record PackFile(
    string Name, uint Objects, long Bytes, ulong Inode, long Modified, ImmutableHashSet<string> Extensions)
{
    /// <summary>
    /// Somebody else's decision: kept by hand, of a partial clone, or git's own store of unreachable objects. Never touched.
    /// </summary>
    public bool IsKept => Extensions.Contains("keep") || Extensions.Contains("promisor") || Extensions.Contains("mtimes");

    /// <summary>True when the reverse index lies beside it.</summary>
    public bool HasReverseIndex => Extensions.Contains("rev");

    /// <summary>True for the very same file.</summary>
    public bool IsSame(PackFile other) => Name == other.Name && Inode == other.Inode && Modified == other.Modified;
}
