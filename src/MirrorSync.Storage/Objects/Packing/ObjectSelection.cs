using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>
/// Chooses the objects of a push: what the trees of new commits hold and those of the boundary commits do not. Trees of both
/// are compared path by path, and only where they differ, so that the old trees need not be read as a whole.
/// </summary>
/// <remarks>
/// The same choice as that of <c>git pack-objects</c> with <c>pack.useSparse</c>, its default: an object is had when it is
/// anywhere in a boundary tree that was read, under whatever name.
/// </remarks>
internal sealed class ObjectSelection
{
    // Old tips that are trees are rare; what of such a tree is beyond this may be sent once more.
    private const int MaxOldTipObjects = 1 << 16;

    private readonly ObjectStore store;
    private readonly PackingBudget budget;
    private readonly HashSet<ObjectId> had = [];
    private readonly HashSet<ObjectId> oldTips = [];
    private readonly HashSet<ObjectId> taken = [];
    private readonly Dictionary<ObjectId, byte[]> trees = [];
    private readonly TreePath root = new();
    private readonly Queue<TreePath> comparing = [];
    private readonly Stack<Place> reading = [];

    /// <param name="store">The repository's objects.</param>
    /// <param name="budget">Bounds what is read.</param>
    public ObjectSelection(ObjectStore store, PackingBudget budget)
    {
        this.store = store;
        this.budget = budget;
    }

    /// <summary>What is to be sent: commits newest first, tags, and the rest by path.</summary>
    public List<PackItem> Items { get; } = [];

    /// <summary>Objects in the trees of boundary commits, those trees included: what may be a base outside the pack.</summary>
    public HashSet<ObjectId> Boundary => had;

    /// <summary>Chooses.</summary>
    /// <exception cref="ObjectsMissingException">A wanted object is not there.</exception>
    /// <exception cref="DamagedObjectException">A tree is damaged.</exception>
    /// <exception cref="PackingLimitException">It is too much.</exception>
    public void Run(CommitWalk walk, KnownCommits known, CancellationToken cancellation)
    {
        foreach (int commit in walk.Commits)
        {
            Add(new PackItem(known[commit].Id, ObjectType.Commit, NameHash.Root, null) { Content = walk.ContentOf(commit) });
        }

        foreach (int tag in walk.Tags)
        {
            Add(new PackItem(known[tag].Id, ObjectType.Tag, NameHash.Root, null) { Content = walk.ContentOf(tag) });
        }

        foreach (ObjectId tip in walk.OtherOldTips)
        {
            AddOldTip(tip, cancellation);
        }

        foreach (int edge in walk.Edges)
        {
            ObjectId tree = known[edge].Target;
            if (had.Add(tree))
            {
                root.Trees.Add(tree);
                root.OldTrees.Add(tree);
            }
        }

        HashSet<ObjectId> seen = [.. root.Trees];
        foreach (int commit in walk.Commits)
        {
            if (seen.Add(known[commit].Target))
            {
                root.Trees.Add(known[commit].Target);
            }
        }

        comparing.Enqueue(root);
        while (comparing.TryDequeue(out TreePath? path))
        {
            cancellation.ThrowIfCancellationRequested();
            Compare(path);
        }

        foreach (int commit in walk.Commits)
        {
            Take(known[commit].Target, ObjectType.Tree, NameHash.Root, root);
            TakeAllBelow(cancellation);
        }

        foreach (ObjectId tip in walk.OtherTips)
        {
            TakeTip(tip);
            TakeAllBelow(cancellation);
        }
    }

    private void AddOldTip(ObjectId tip, CancellationToken cancellation)
    {
        Stack<ObjectId> open = [];
        oldTips.Add(tip);
        open.Push(tip);
        while (open.TryPop(out ObjectId id) && oldTips.Count < MaxOldTipObjects)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!store.TryReadHeader(id, out ObjectType type, out _) || type != ObjectType.Tree || ReadOld(id) is not { } content)
            {
                continue;
            }

            TreeReader reader = new(content, store.Format);
            while (reader.MoveNext())
            {
                ObjectId entry = ObjectId.FromRaw(reader.RawId);
                if (reader.Kind != TreeEntryKind.Gitlink && oldTips.Add(entry) && reader.Kind == TreeEntryKind.Tree)
                {
                    open.Push(entry);
                }
            }
        }
    }

    /// <summary>
    /// Compares the trees at one path, if some of them are had and some are not: entries of the former are had too, and
    /// paths at which they differ are compared in turn.
    /// </summary>
    private void Compare(TreePath path)
    {
        bool some = false;
        bool lacking = false;
        foreach (ObjectId id in path.Trees)
        {
            some |= had.Contains(id);
            lacking |= !IsHad(id);
        }

        if (!some || !lacking)
        {
            return;
        }

        List<byte[]> old = [];
        List<byte[]> fresh = [];
        foreach (ObjectId id in path.Trees)
        {
            if (had.Contains(id))
            {
                if (ReadOld(id) is { } content && TryMarkEntries(content))
                {
                    old.Add(content);
                }
            }
            else if (!oldTips.Contains(id))
            {
                fresh.Add(ReadNew(id));
            }
        }

        if (old.Count == 0)
        {
            return;
        }

        path.Known = old[0];
        foreach (byte[] tree in fresh)
        {
            NoteDifferences(path, tree);
        }

        foreach (byte[] tree in old)
        {
            NoteOld(path, tree, fresh);
        }

        foreach (TreePath below in path.Below)
        {
            if (below.Trees.Count > 1)
            {
                comparing.Enqueue(below);
            }
        }
    }

    /// <summary>Marks the entries of a tree that the receiver has; false when git could not read them all.</summary>
    private bool TryMarkEntries(byte[] tree)
    {
        TreeReader reader = new(tree, store.Format);
        while (reader.MoveNext())
        {
            if (reader.Kind != TreeEntryKind.Gitlink)
            {
                had.Add(ObjectId.FromRaw(reader.RawId));
            }
        }

        return !reader.IsMalformed;
    }

    private void NoteDifferences(TreePath path, byte[] tree)
    {
        TreeDifference.Find(path.Known, tree, store.Format, out int start, out int end);
        TreeReader reader = new(tree.AsSpan(start, end - start), store.Format);
        while (reader.MoveNext())
        {
            if (reader.Kind != TreeEntryKind.Gitlink)
            {
                TreePath below = path.Add(Name(tree, start, reader));
                if (reader.Kind == TreeEntryKind.Tree)
                {
                    AddOnce(below.Trees, ObjectId.FromRaw(reader.RawId));
                }
            }
        }
    }

    /// <summary>Adds what a had tree has at the paths that were noted.</summary>
    private void NoteOld(TreePath path, byte[] tree, List<byte[]> fresh)
    {
        int start = 0;
        int end = tree.Length;
        if (fresh.Count == 1)
        {
            TreeDifference.Find(fresh[0], tree, store.Format, out start, out end);
        }

        TreeReader reader = new(tree.AsSpan(start, end - start), store.Format);
        while (reader.MoveNext())
        {
            if (reader.Kind == TreeEntryKind.Gitlink || path.Find(Name(tree, start, reader)) is not { } below)
            {
                continue;
            }

            ObjectId id = ObjectId.FromRaw(reader.RawId);
            if (reader.Kind == TreeEntryKind.Tree)
            {
                AddOnce(below.Trees, id);
                AddOnce(below.OldTrees, id);
            }
            else
            {
                AddOnce(below.OldBlobs, id);
            }
        }
    }

    private void TakeTip(ObjectId tip)
    {
        if (!store.TryReadHeader(tip, out ObjectType type, out _))
        {
            ThrowMissing(tip);
        }

        Take(tip, type, NameHash.Root, null);
    }

    private void Take(in ObjectId id, ObjectType type, uint nameHash, TreePath? path)
    {
        if (IsHad(id) || !taken.Add(id))
        {
            return;
        }

        PackItem item = new(id, type, nameHash, path);
        Add(item);
        if (type == ObjectType.Tree)
        {
            item.Content = ReadNew(id);
            reading.Push(new Place(item.Content, nameHash, path));
        }
    }

    private void TakeAllBelow(CancellationToken cancellation)
    {
        while (reading.TryPop(out Place place))
        {
            cancellation.ThrowIfCancellationRequested();
            int start = 0;
            int end = place.Tree.Length;
            if (place.Path is { Known.Length: > 0 })
            {
                // All entries outside of it are had.
                TreeDifference.Find(place.Path.Known, place.Tree, store.Format, out start, out end);
            }

            TreeReader reader = new(place.Tree.AsSpan(start, end - start), store.Format);
            while (reader.MoveNext())
            {
                if (reader.Kind != TreeEntryKind.Gitlink)
                {
                    Take(
                        ObjectId.FromRaw(reader.RawId),
                        reader.Kind == TreeEntryKind.Tree ? ObjectType.Tree : ObjectType.Blob,
                        NameHash.Below(place.NameHash, place.Path == root, reader.Name),
                        place.Path?.Find(Name(place.Tree, start, reader)));
                }
            }
        }
    }

    private bool IsHad(in ObjectId id) => had.Contains(id) || oldTips.Contains(id);

    private void Add(PackItem item)
    {
        budget.TakeObject();
        Items.Add(item);
    }

    /// <summary>Reads a tree that the receiver has; null when it is not there any more, which only makes the pack larger.</summary>
    private byte[]? ReadOld(in ObjectId id)
    {
        if (trees.TryGetValue(id, out byte[]? content))
        {
            return content;
        }

        if (!budget.TryRead(store, id, ObjectType.Tree, out content))
        {
            return null;
        }

        trees.Add(id, content);
        return content;
    }

    private byte[] ReadNew(in ObjectId id)
    {
        if (trees.TryGetValue(id, out byte[]? content))
        {
            return content;
        }

        if (!budget.TryRead(store, id, ObjectType.Tree, out content))
        {
            ThrowMissing(id);
        }

        TreeReader reader = new(content, store.Format);
        while (reader.MoveNext())
        {
        }

        if (reader.IsMalformed)
        {
            throw new DamagedObjectException(id, "its content", reader.Offset, "a tree that git could not read");
        }

        trees.Add(id, content);
        return content;
    }

    private EntryName Name(byte[] tree, int start, in TreeReader reader)
    {
        int idLength = store.Format.RawLength();
        int nameEnd = start + reader.End - idLength - 1;
        return new EntryName(tree.AsMemory(nameEnd - reader.Name.Length, reader.Name.Length));
    }

    private static void AddOnce(List<ObjectId> ids, in ObjectId id)
    {
        if (!ids.Contains(id))
        {
            ids.Add(id);
        }
    }

    [DoesNotReturn]
    private void ThrowMissing(in ObjectId id) => throw new ObjectsMissingException($"object {id.ToHex(store.Format)} is missing");

    /// <summary>A tree whose entries are still to be taken.</summary>
    private readonly record struct Place(byte[] Tree, uint NameHash, TreePath? Path);
}
