namespace MirrorSync.Git.Objects.Fsck;

/// <summary>
/// A place in a commit or tag. git reads these as C strings: past the end it sees a NUL, and so does this.
/// </summary>
internal ref struct HeaderCursor(ReadOnlySpan<byte> content)
{
    private readonly ReadOnlySpan<byte> content = content;

    /// <summary>The place, in bytes from the beginning.</summary>
    public int Position { get; set; }

    /// <summary>What is left.</summary>
    public readonly ReadOnlySpan<byte> Rest => content[Position..];

    /// <summary>A byte, or 0 past the end.</summary>
    public readonly byte this[int at] => (uint)at < (uint)content.Length ? content[at] : (byte)0;

    /// <summary>Goes past a key when it is here.</summary>
    public bool TrySkip(ReadOnlySpan<byte> key)
    {
        bool found = Rest.StartsWith(key);
        Position += found ? key.Length : 0;
        return found;
    }

    /// <summary>Goes past an id in hex and a newline; false, and stays, when that is not what is here.</summary>
    public bool TrySkipId(ObjectFormat format)
    {
        int length = format.HexLength();
        if (Rest.Length <= length || Rest[length] != '\n' || !ObjectId.TryParseHex(Rest[..length], format, out _))
        {
            return false;
        }

        Position += length + 1;
        return true;
    }

    /// <summary>Goes past the rest of the line and its newline; false, and stays, when there is none.</summary>
    public bool TryReadLine(out ReadOnlySpan<byte> line)
    {
        int end = Rest.IndexOf((byte)'\n');
        line = end < 0 ? Rest : Rest[..end];
        Position += end < 0 ? 0 : end + 1;
        return end >= 0;
    }
}
