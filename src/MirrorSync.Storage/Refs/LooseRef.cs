using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;

namespace MirrorSync.Storage.Refs;

/// <summary>A file that holds one ref.</summary>
/// <param name="Name">The ref's name, which is its path.</param>
/// <param name="Value">What it holds; none when it cannot be read.</param>
/// <param name="Problem">Why it cannot be read; null when it can.</param>
internal readonly record struct LooseRef(RefName Name, RefValue Value, string? Problem)
{
    /// <summary>The longest content that is looked at: <c>ref: </c>, a name and room for white space.</summary>
    public const int MaxLength = RefName.MaxLength + 256;

    /// <summary>
    /// Parses a loose ref's content as git does (refs/files-backend.c, parse_loose_ref_contents): <c>ref:</c> and a
    /// name, or an id with nothing or white space behind it.
    /// </summary>
    public static LooseRef Parse(RefName name, ReadOnlySpan<byte> content, ObjectFormat format)
    {
        content = content.TrimEnd(" \t\n\r"u8);
        if (content.IsEmpty)
        {
            return new LooseRef(name, RefValue.None, "its file is empty");
        }

        if (content.StartsWith("ref:"u8))
        {
            ReadOnlySpan<byte> target = content[4..].TrimStart(" \t\n\r"u8);
            return RefName.IsValid(target)
                ? new LooseRef(name, RefValue.Symbolic(RefName.FromBytes(target)), null)
                : new LooseRef(name, RefValue.None, "it points to a name that is no ref below refs/");
        }

        int length = format.HexLength();
        if (content.Length < length || (content.Length > length && !IsSpace(content[length]))
            || !ObjectId.TryParseHex(content[..length], format, out ObjectId id))
        {
            return new LooseRef(name, RefValue.None, "its file holds neither an id nor the name of a ref");
        }

        return id.IsZero
            ? new LooseRef(name, RefValue.None, "it holds the id of all zeros")
            : new LooseRef(name, RefValue.Direct(id), null);
    }

    private static bool IsSpace(byte value) => value is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r';
}
