namespace MirrorSync.Git.Objects.Fsck;

/// <summary>
/// Reads a blob in git's configuration format, key by key, as git 2.39 does (<c>git_parse_source</c> of config.c).
/// </summary>
/// <remarks>
/// Of a blob git reads signed characters, unlike of a file: no byte order mark is known, and 0xFF is taken for the end.
/// </remarks>
/// <param name="content">The blob.</param>
/// <param name="name">Takes the names.</param>
/// <param name="value">Takes the values.</param>
internal ref struct GitConfigReader(ReadOnlySpan<byte> content, GrowingBytes name, GrowingBytes value)
{
    private const byte Newline = (byte)'\n';
    private const byte End = 0xFF;

    private readonly ReadOnlySpan<byte> content = content;
    private int at;
    private int sectionLength;

    // Once true, always true, also when git goes on after a byte that it takes for the end.
    private bool atEnd;

    /// <summary>True once <see cref="MoveNext"/> has met what git cannot read; it returned false then.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>The full name: section in lower case, dot, subsection and dot when there is one, key in lower case.</summary>
    public readonly ReadOnlySpan<byte> Name => name.Span;

    /// <summary>False for a key without <c>=</c>.</summary>
    public bool HasValue { get; private set; }

    /// <summary>The value without quotes, escapes and comments; empty without one.</summary>
    public readonly ReadOnlySpan<byte> Value => value.Span;

    /// <summary>Goes to the next key; false at the end, and when what follows cannot be read.</summary>
    public bool MoveNext()
    {
        bool comment = false;
        while (true)
        {
            byte next = Next();
            if (next == Newline && atEnd)
            {
                return false;
            }

            comment &= next != Newline;
            if (comment || IsBlank(next))
            {
                continue;
            }

            if (next is (byte)'#' or (byte)';')
            {
                comment = true;
            }
            else if (next == '[')
            {
                if (!ReadSection())
                {
                    return Malformed();
                }
            }
            else
            {
                return (IsLetter(next) && ReadKeyAndValue(next)) || Malformed();
            }
        }
    }

    // git's own: no vertical tab, no form feed.
    private static bool IsBlank(byte value) => value is (byte)' ' or (byte)'\t' or (byte)'\r' or Newline;

    private static bool IsLetter(byte value) => (value | 0x20) is >= 'a' and <= 'z';

    private static bool IsKeyByte(byte value) => IsLetter(value) || value is (>= (byte)'0' and <= (byte)'9') or (byte)'-';

    private static byte ToLower(byte value) => value is >= (byte)'A' and <= (byte)'Z' ? (byte)(value | 0x20) : value;

    // The next byte; a newline for CR LF, at the end for ever, and for what git takes for the end.
    private byte Next()
    {
        if (at < content.Length - 1 && content[at] == '\r' && content[at + 1] is Newline or End)
        {
            // git looks one further for CR LF, and does not put an end back.
            at += 2;
            return content[at - 1] == Newline ? Newline : (byte)'\r';
        }

        if (at < content.Length && content[at++] != End)
        {
            return content[at - 1];
        }

        atEnd = true;
        return Newline;
    }

    private bool ReadSection()
    {
        name.Truncate(0);
        while (true)
        {
            byte next = Next();
            if (atEnd)
            {
                return false;
            }

            if (next == ']' || IsBlank(next))
            {
                bool read = (next == ']' || ReadSubsection(next)) && name.Length > 0;
                name.Add((byte)'.');
                sectionLength = name.Length;
                return read;
            }

            if (!IsKeyByte(next) && next != '.')
            {
                return false;
            }

            name.Add(ToLower(next));
        }
    }

    private bool ReadSubsection(byte next)
    {
        while (IsBlank(next))
        {
            if (next == Newline)
            {
                return false;
            }

            next = Next();
        }

        if (next != '"')
        {
            return false;
        }

        name.Add((byte)'.');
        for (next = Next(); next != '"'; next = Next())
        {
            next = next == '\\' ? Next() : next;
            if (next == Newline)
            {
                return false;
            }

            name.Add(next);
        }

        return Next() == ']';
    }

    private bool ReadKeyAndValue(byte next)
    {
        name.Truncate(sectionLength);
        value.Truncate(0);
        do
        {
            name.Add(ToLower(next));
            next = Next();
        }
        while (!atEnd && IsKeyByte(next));

        while (next is (byte)' ' or (byte)'\t')
        {
            next = Next();
        }

        HasValue = next == '=';
        return HasValue ? ReadValue() : next == Newline;
    }

    private readonly void AddBlanks(ref int blanks)
    {
        for (; blanks > 0; blanks--)
        {
            value.Add((byte)' ');
        }
    }

    // Each blank within the value becomes a space, those around it vanish.
    private bool ReadValue()
    {
        bool quoted = false;
        int blanks = 0;
        for (byte next = Next(); next != Newline; next = Next())
        {
            if (IsBlank(next) && !quoted)
            {
                blanks += value.Length > 0 ? 1 : 0;
                continue;
            }

            if (!quoted && next is (byte)';' or (byte)'#')
            {
                SkipLine();
                return true;
            }

            AddBlanks(ref blanks);
            if (next == '"')
            {
                quoted = !quoted;
            }
            else if (next != '\\')
            {
                value.Add(next);
            }
            else if (!ReadEscape())
            {
                return false;
            }
        }

        return !quoted;
    }

    private bool ReadEscape()
    {
        byte next = Next();
        switch (next)
        {
            case Newline:
                return true;
            case (byte)'t' or (byte)'b' or (byte)'n':
                value.Add(next == 't' ? (byte)'\t' : next == 'b' ? (byte)'\b' : Newline);
                return true;
            case (byte)'\\' or (byte)'"':
                value.Add(next);
                return true;
            default:
                return false;
        }
    }

    private void SkipLine()
    {
        while (Next() != Newline)
        {
        }
    }

    private bool Malformed()
    {
        IsMalformed = true;
        return false;
    }
}
