using System.Buffers.Text;

namespace MirrorSync.Git.Objects;

/// <summary>When a commit was made, by which histories are walked: only an order to go in, never a fact to rely on.</summary>
public static class CommitDate
{
    /// <summary>
    /// Seconds since 1970 as the committer's line says; 0 when it says nothing that can be read, as git's
    /// <c>parse_commit_date</c> has it.
    /// </summary>
    /// <param name="content">The whole commit without its header.</param>
    public static long Parse(ReadOnlySpan<byte> content)
    {
        // Lines tree, parent ..., author, committer; whoever wrote another one there has no date.
        ReadOnlySpan<byte> rest = content;
        while (!rest.StartsWith("author"u8))
        {
            int line = rest.IndexOf((byte)'\n');
            if (line < 0 || !(rest.StartsWith("tree "u8) || rest.StartsWith("parent "u8)))
            {
                return 0;
            }

            rest = rest[(line + 1)..];
        }

        int author = rest.IndexOf((byte)'\n');
        rest = rest[(author + 1)..];
        int end = rest.IndexOf((byte)'\n');
        if (author < 0 || end < 0 || !rest.StartsWith("committer"u8))
        {
            return 0;
        }

        ReadOnlySpan<byte> date = rest[..end];
        date = date[(date.LastIndexOf((byte)'>') + 1)..].TrimStart(" \t\v\f\r"u8);
        return Utf8Parser.TryParse(date, out ulong seconds, out _) ? (long)Math.Min(seconds, long.MaxValue) : 0;
    }
}
