namespace MirrorSync.Git.Objects.Fsck;

/// <summary>The rules that commits and tags share (<c>verify_headers</c> and <c>fsck_ident</c> of git's fsck.c).</summary>
internal static class HeaderRules
{
    /// <summary>The header lines have no NUL and the last of them ends; true when git refuses the object.</summary>
    public static bool CheckHeader(FsckContext context, ReadOnlySpan<byte> content)
    {
        int end = content.IndexOf("\n\n"u8);
        if ((end < 0 ? content : content[..end]).Contains((byte)0))
        {
            return context.Say(FsckMessage.NulInHeader);
        }

        return end < 0 && (content.IsEmpty || content[^1] != '\n') && context.Say(FsckMessage.UnterminatedHeader);
    }

    /// <summary>
    /// Checks name, address, date and time zone, from the byte after the key, and goes to the next line; true when git
    /// refuses the object.
    /// </summary>
    public static bool CheckIdent(FsckContext context, ref HeaderCursor cursor)
    {
        int start = cursor.Position;
        HeaderCursor text = cursor;
        if (!cursor.TryReadLine(out ReadOnlySpan<byte> line))
        {
            cursor.Position += line.Length;
        }

        FsckMessage? fault = FindFault(text, start, line);
        return fault is { } message && context.Say(message, line);
    }

    private static FsckMessage? FindFault(HeaderCursor text, int start, ReadOnlySpan<byte> line)
    {
        if (text[start] == '<')
        {
            return FsckMessage.MissingNameBeforeEmail;
        }

        int open = IndexOfAngle(line, 0);
        if (open == line.Length || line[open] == '>')
        {
            return open == line.Length ? FsckMessage.MissingEmail : FsckMessage.BadName;
        }

        if (line[open - 1] != ' ')
        {
            return FsckMessage.MissingSpaceBeforeEmail;
        }

        int close = IndexOfAngle(line, open + 1);
        if (close == line.Length || line[close] != '>')
        {
            return FsckMessage.BadEmail;
        }

        int at = start + close + 1;
        return text[at] == ' ' ? FindFaultInDate(text, at + 1) : FsckMessage.MissingSpaceBeforeDate;
    }

    // From here git does not stop at the line's end: strtoumax skips blanks, newlines among them, before the digits.
    private static FsckMessage? FindFaultInDate(HeaderCursor text, int at)
    {
        if (text[at] == '0' && text[at + 1] != ' ')
        {
            return FsckMessage.ZeroPaddedDate;
        }

        int end = SkipTimestamp(text, at, out bool overflows);
        if (overflows)
        {
            return FsckMessage.BadDateOverflow;
        }

        if (end == at || text[end] != ' ')
        {
            return FsckMessage.BadDate;
        }

        at = end + 1;
        return text[at] is (byte)'+' or (byte)'-'
            && IsDigit(text[at + 1]) && IsDigit(text[at + 2]) && IsDigit(text[at + 3]) && IsDigit(text[at + 4])
            && text[at + 5] == '\n' ? null : FsckMessage.BadTimezone;
    }

    // As strtoumax reads: blanks, a sign, digits. Its end is its beginning when there are no digits.
    private static int SkipTimestamp(HeaderCursor text, int start, out bool overflows)
    {
        int at = start;
        while (text[at] is (byte)' ' or (>= (byte)'\t' and <= (byte)'\r'))
        {
            at++;
        }

        bool negative = text[at] == '-';
        at += text[at] is (byte)'-' or (byte)'+' ? 1 : 0;
        int digits = at;
        ulong value = 0;
        bool saturated = false;
        for (; IsDigit(text[at]); at++)
        {
            uint digit = (uint)(text[at] - '0');
            saturated |= value > (ulong.MaxValue - digit) / 10;
            value = unchecked((value * 10) + digit);
        }

        // It takes a negative number modulo 2^64, and git wants the outcome to fit a time_t.
        overflows = saturated || (negative ? unchecked(0 - value) : value) > long.MaxValue;
        return at == digits ? start : at;
    }

    private static int IndexOfAngle(ReadOnlySpan<byte> line, int from)
    {
        int found = line[from..].IndexOfAny((byte)'<', (byte)'>');
        return found < 0 ? line.Length : from + found;
    }

    private static bool IsDigit(byte value) => value is >= (byte)'0' and <= (byte)'9';
}
