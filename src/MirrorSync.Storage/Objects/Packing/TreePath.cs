using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>
/// One path, and what is there in the new commits and in the boundary commits. Only paths that differ between them are
/// looked at.
/// </summary>
internal sealed class TreePath
{
    private Dictionary<EntryName, TreePath>? below;

    /// <summary>Trees at this path, new and old, each once.</summary>
    public List<ObjectId> Trees { get; } = [];

    /// <summary>Trees at this path in boundary commits.</summary>
    public List<ObjectId> OldTrees { get; } = [];

    /// <summary>Blobs at this path in boundary commits.</summary>
    public List<ObjectId> OldBlobs { get; } = [];

    /// <summary>
    /// The content of the first old tree all of whose entries are known to be had; empty when there is none.
    /// </summary>
    public byte[] Known { get; set; } = [];

    /// <summary>Paths below that were looked at.</summary>
    public IEnumerable<TreePath> Below => below?.Values ?? Enumerable.Empty<TreePath>();

    /// <summary>What the receiver has at this path, of a type.</summary>
    public List<ObjectId> OldOf(ObjectType type) => type == ObjectType.Tree ? OldTrees : OldBlobs;

    /// <summary>The path below of a name, which is made when it is not there.</summary>
    public TreePath Add(EntryName name)
    {
        below ??= [];
        ref TreePath? path = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(below, name, out _);
        return path ??= new TreePath();
    }

    /// <summary>The path below of a name; null when nobody looked at it.</summary>
    public TreePath? Find(EntryName name) => below?.GetValueOrDefault(name);
}
