namespace MirrorSync.Git.Objects;

/// <summary>The ids that a commit names: its tree and its parents, in their order.</summary>
/// <remarks>
/// Exactly as lenient as git's <c>parse_commit_buffer</c>: a first line <c>tree</c> with an id, then as many lines
/// <c>parent</c> with an id as there are, and nothing is asked of the rest but that the last of these lines is not the
/// commit's last byte. What looks like a parent but is too near to the end to hold an id is none.
/// </remarks>
public readonly ref struct CommitLinks
{
    private readonly ReadOnlySpan<byte> content;
    private readonly ObjectFormat format;

    private CommitLinks(ReadOnlySpan<byte> content, ObjectFormat format, ObjectId tree, int parentCount)
    {
        this.content = content;
        this.format = format;
        Tree = tree;
        ParentCount = parentCount;
    }

    /// <summary>The tree.</summary>
    public ObjectId Tree { get; }

    /// <summary>How many parents it names; the same one may be there twice.</summary>
    public int ParentCount { get; }

    /// <summary>Reads a commit.</summary>
    /// <param name="content">The whole commit without its header.</param>
    /// <param name="format">The format of the ids in it.</param>
    /// <param name="links">What it names; its parents are read from <paramref name="content"/>.</param>
    /// <param name="malformedAt">Where the line begins that git could not read, in bytes; -1 when it reads it all.</param>
    /// <returns>False when git could not read it.</returns>
    public static bool TryParse(ReadOnlySpan<byte> content, ObjectFormat format, out CommitLinks links, out int malformedAt)
    {
        links = default;
        malformedAt = 0;
        if (!TryReadLine(content, "tree "u8, format, out ObjectId tree))
        {
            return false;
        }

        int parents = 0;
        int at = TreeLength(format);
        int parentLength = ParentLength(format);
        while (HasParentAt(content[at..], parentLength))
        {
            if (!TryReadLine(content[at..], "parent "u8, format, out _))
            {
                malformedAt = at;
                return false;
            }

            at += parentLength;
            parents++;
        }

        links = new CommitLinks(content, format, tree, parents);
        malformedAt = -1;
        return true;
    }

    /// <summary>The parents, for <c>foreach</c>.</summary>
    public ParentEnumerator GetEnumerator() => new(this);

    private static int TreeLength(ObjectFormat format) => "tree "u8.Length + format.HexLength() + 1;

    private static int ParentLength(ObjectFormat format) => "parent "u8.Length + format.HexLength() + 1;

    private static bool HasParentAt(ReadOnlySpan<byte> rest, int parentLength) =>
        rest.Length >= parentLength && rest.StartsWith("parent "u8);

    // The line must not be the end of the commit: git wants one byte more.
    private static bool TryReadLine(ReadOnlySpan<byte> rest, ReadOnlySpan<byte> key, ObjectFormat format, out ObjectId id)
    {
        id = default;
        int newline = key.Length + format.HexLength();
        return rest.Length > newline + 1
            && rest.StartsWith(key)
            && rest[newline] == '\n'
            && ObjectId.TryParseHex(rest[key.Length..newline], format, out id);
    }

    /// <summary>Walks a commit's parents without allocating.</summary>
    public ref struct ParentEnumerator
    {
        private readonly ReadOnlySpan<byte> content;
        private readonly ObjectFormat format;
        private int at;
        private int left;

        internal ParentEnumerator(CommitLinks links)
        {
            content = links.content;
            format = links.format;
            left = links.ParentCount;
            at = TreeLength(format) + "parent "u8.Length;
        }

        /// <summary>The parent.</summary>
        public ObjectId Current { get; private set; }

        /// <summary>Goes to the next parent.</summary>
        public bool MoveNext()
        {
            if (left == 0)
            {
                return false;
            }

            bool parsed = ObjectId.TryParseHex(content.Slice(at, format.HexLength()), format, out ObjectId parent);
            System.Diagnostics.Debug.Assert(parsed, "read once before");
            Current = parent;
            at += ParentLength(format);
            left--;
            return true;
        }
    }
}
