using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// Collects what the objects of a pack name, so that it can be asked for once all ids are known. A tree that was made
/// from another one of the pack is looked at only where it differs: what is equal was collected with the other one.
/// </summary>
internal sealed class LinkCollector(EntryTable entries)
{
    /// <summary>What was named.</summary>
    public ReferencedIds References { get; } = new(entries.Format);

    /// <summary>Collects what an object names.</summary>
    /// <exception cref="InvalidPackException">git could not walk it.</exception>
    public void Add(int index, ObjectType type, ReadOnlySpan<byte> content)
    {
        switch (type)
        {
            case ObjectType.Commit:
                AddCommit(index, content);
                break;
            case ObjectType.Tree:
                AddTree(index, content, 0, content.Length);
                break;
            case ObjectType.Tag:
                AddTag(index, content);
                break;
        }
    }

    /// <summary>Collects what an object names that its delta's base does not.</summary>
    /// <exception cref="InvalidPackException">git could not walk it.</exception>
    public void AddDifference(int index, ObjectType type, ReadOnlySpan<byte> source, ReadOnlySpan<byte> content)
    {
        if (type == ObjectType.Tree)
        {
            TreeDifference.Find(source, content, entries.Format, out int start, out int end);
            AddTree(index, content, start, end);
        }
        else
        {
            Add(index, type, content);
        }
    }

    private void AddCommit(int index, ReadOnlySpan<byte> content)
    {
        if (!CommitLinks.TryParse(content, entries.Format, out CommitLinks links, out int at))
        {
            ThrowMalformed(index, ObjectType.Commit, at);
        }

        References.Add(links.Tree.AsSpan(entries.Format), ObjectType.Tree, index);
        foreach (ObjectId parent in links)
        {
            References.Add(parent.AsSpan(entries.Format), ObjectType.Commit, index);
        }
    }

    private void AddTree(int index, ReadOnlySpan<byte> content, int start, int end)
    {
        TreeReader reader = new(content[start..], entries.Format);
        while (start + reader.End < end && reader.MoveNext())
        {
            switch (reader.Kind)
            {
                case TreeEntryKind.Tree:
                    References.Add(reader.RawId, ObjectType.Tree, index);
                    break;
                case TreeEntryKind.File or TreeEntryKind.Symlink:
                    References.Add(reader.RawId, ObjectType.Blob, index);
                    break;
            }
        }

        if (reader.IsMalformed)
        {
            ThrowMalformed(index, ObjectType.Tree, start + reader.Offset);
        }
    }

    private void AddTag(int index, ReadOnlySpan<byte> content)
    {
        if (!TagLinks.TryParse(content, entries.Format, out TagLinks links, out int at))
        {
            ThrowMalformed(index, ObjectType.Tag, at);
        }

        References.Add(links.Target.AsSpan(entries.Format), links.TargetType, index);
    }

    private void ThrowMalformed(int index, ObjectType type, int at) =>
        InvalidPackException.Throw(PackFault.Structure, entries[index].Offset, $"the {type.GitName()} is malformed at its byte {at}");
}
