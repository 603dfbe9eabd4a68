namespace MirrorSync.Git.Objects;

/// <summary>
/// Finds the stretch of a tree that holds every entry which another tree, its delta base say, has not got: mostly one
/// entry among hundreds, found without comparing entry by entry.
/// </summary>
public static class TreeDifference
{
    /// <summary>
    /// Where in <paramref name="tree"/> the entries lie that <paramref name="known"/> may lack. All entries outside the
    /// stretch are in both, with equal modes, names and ids.
    /// </summary>
    /// <param name="known">A tree; may be malformed, which only makes the stretch longer.</param>
    /// <param name="tree">The tree that is asked about.</param>
    /// <param name="format">The format of the ids in both.</param>
    /// <param name="start">Where the stretch begins: at an entry, or where the tree is malformed.</param>
    /// <param name="end">Where it ends: behind an entry, or at the tree's end.</param>
    public static void Find(ReadOnlySpan<byte> known, ReadOnlySpan<byte> tree, ObjectFormat format, out int start, out int end)
    {
        int common = known.CommonPrefixLength(tree);
        TreeReader reader = new(tree, format);
        start = 0;
        // Equal bytes are equal entries as far as whole entries go, for both are read from their starts.
        while (start < common && reader.MoveNext() && reader.End <= common)
        {
            start = reader.End;
        }

        end = tree.Length;
        int suffix = CommonSuffixLength(known[start..], tree[start..]);
        if (suffix == 0)
        {
            return;
        }

        // Behind the last difference the bytes are equal again. From the first place there at which both have an entry
        // begin, all further entries are equal too.
        int shift = tree.Length - known.Length;
        TreeReader here = new(tree[start..], format);
        TreeReader there = new(known[start..], format);
        int mine = start;
        int theirs = start;
        while (true)
        {
            if (mine >= tree.Length - suffix && mine == theirs + shift)
            {
                end = mine;
                return;
            }

            if (mine <= theirs + shift)
            {
                if (!here.MoveNext())
                {
                    return;
                }

                mine = start + here.End;
            }
            else
            {
                if (!there.MoveNext())
                {
                    return;
                }

                theirs = start + there.End;
            }
        }
    }

    private static int CommonSuffixLength(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        int longest = Math.Min(left.Length, right.Length);
        left = left[^longest..];
        right = right[^longest..];
        int length = 0;
        const int Step = 64;
        while (longest - length >= Step && left.Slice(longest - length - Step, Step).SequenceEqual(right.Slice(longest - length - Step, Step)))
        {
            length += Step;
        }

        while (length < longest && left[longest - length - 1] == right[longest - length - 1])
        {
            length++;
        }

        return length;
    }
}
