namespace MirrorSync.Git.Objects.Fsck;

/// <summary>How an entry stands to the one before it.</summary>
internal enum TreeOrderResult
{
    Ordered,
    Unordered,
    Duplicate,
}

/// <summary>
/// The order of a tree's entries: as bytes, a tree's name with a slash at its end. Finds duplicate names as git does, also
/// those of a file and a tree with others between them (<c>foo</c>, <c>foo.bar</c>, <c>foo/</c>).
/// </summary>
/// <remarks>
/// Files that a later tree might repeat wait on a stack: whatever sorts between a file and the tree of its name begins with
/// that name, so a tree takes off the stack what does not begin it. Reused for tree after tree by one thread.
/// </remarks>
internal sealed class TreeOrder
{
    // Places of names in the tree.
    private (int Start, int Length)[] waiting = new (int, int)[64];
    private int count;

    public void Reset() => count = 0;

    /// <summary>Compares an entry with the one before it.</summary>
    /// <param name="tree">The whole tree.</param>
    /// <param name="before">Where the name before lies.</param>
    /// <param name="beforeIsTree">The one before is a tree.</param>
    /// <param name="name">Where the name lies.</param>
    /// <param name="isTree">It is a tree.</param>
    public TreeOrderResult Compare(ReadOnlySpan<byte> tree, (int Start, int Length) before, bool beforeIsTree, (int Start, int Length) name, bool isTree)
    {
        ReadOnlySpan<byte> left = tree.Slice(before.Start, before.Length);
        ReadOnlySpan<byte> right = tree.Slice(name.Start, name.Length);
        int common = left.CommonPrefixLength(right);
        if (common < left.Length && common < right.Length)
        {
            return left[common] < right[common] ? TreeOrderResult.Ordered : TreeOrderResult.Unordered;
        }

        if (left.Length == right.Length)
        {
            return TreeOrderResult.Duplicate;
        }

        int leftNext = common < left.Length ? left[common] : beforeIsTree ? '/' : 0;
        int rightNext = common < right.Length ? right[common] : isTree ? '/' : 0;
        if (leftNext == 0 && IsBelowSlash(rightNext))
        {
            Push(before);
        }
        else if (rightNext == '/' && IsBelowSlash(leftNext) && IsWaiting(tree, right))
        {
            return TreeOrderResult.Duplicate;
        }

        return leftNext < rightNext ? TreeOrderResult.Ordered : TreeOrderResult.Unordered;
    }

    private static bool IsBelowSlash(int value) => value is > 0 and < '/';

    private bool IsWaiting(ReadOnlySpan<byte> tree, ReadOnlySpan<byte> name)
    {
        while (count > 0)
        {
            (int start, int length) = waiting[--count];
            if (!name.StartsWith(tree.Slice(start, length)))
            {
                continue;
            }

            if (name.Length == length)
            {
                return true;
            }

            if (IsBelowSlash(name[length]))
            {
                count++;
                return false;
            }
        }

        return false;
    }

    private void Push((int Start, int Length) name)
    {
        if (count == waiting.Length)
        {
            Array.Resize(ref waiting, count * 2);
        }

        waiting[count++] = name;
    }
}
