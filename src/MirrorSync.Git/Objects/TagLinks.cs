namespace MirrorSync.Git.Objects;

/// <summary>What an annotated tag names.</summary>
/// <param name="Target">The id of the object.</param>
/// <param name="TargetType">What the tag says the object is.</param>
/// <remarks>
/// Exactly as lenient as git's <c>parse_tag_buffer</c>: lines <c>object</c>, <c>type</c> and <c>tag</c> in this order, an
/// id and a type that git knows, any name, and nothing is asked of the rest.
/// </remarks>
public readonly record struct TagLinks(ObjectId Target, ObjectType TargetType)
{
    // git copies the type into 20 bytes, the last of them NUL.
    private const int MaxTypeLength = 19;

    /// <summary>Reads a tag.</summary>
    /// <param name="content">The whole tag without its header.</param>
    /// <param name="format">The format of the id in it.</param>
    /// <param name="links">What it names.</param>
    /// <param name="malformedAt">Where the line begins that git could not read, in bytes; -1 when it reads it all.</param>
    /// <returns>False when git could not read it.</returns>
    public static bool TryParse(ReadOnlySpan<byte> content, ObjectFormat format, out TagLinks links, out int malformedAt)
    {
        links = default;
        malformedAt = 0;
        int newline = "object "u8.Length + format.HexLength();
        if (content.Length < format.HexLength() + 24
            || !content.StartsWith("object "u8)
            || !ObjectId.TryParseHex(content["object "u8.Length..newline], format, out ObjectId target)
            || content[newline] != '\n')
        {
            return false;
        }

        malformedAt = newline + 1;
        ReadOnlySpan<byte> rest = content[malformedAt..];
        int typeEnd = rest.IndexOf((byte)'\n');
        if (typeEnd < 0 || !rest.StartsWith("type "u8) || !TryReadType(rest["type "u8.Length..typeEnd], out ObjectType type))
        {
            return false;
        }

        malformedAt += typeEnd + 1;
        rest = content[malformedAt..];
        if (!rest.StartsWith("tag "u8) || !rest["tag "u8.Length..].Contains((byte)'\n'))
        {
            return false;
        }

        malformedAt = -1;
        links = new TagLinks(target, type);
        return true;
    }

    private static bool TryReadType(ReadOnlySpan<byte> value, out ObjectType type)
    {
        type = default;
        if (value.Length > MaxTypeLength)
        {
            return false;
        }

        // git compares C strings: what follows a NUL is not looked at.
        int end = value.IndexOf((byte)0);
        return ObjectTypeFacts.TryParse(end < 0 ? value : value[..end], out type);
    }
}
