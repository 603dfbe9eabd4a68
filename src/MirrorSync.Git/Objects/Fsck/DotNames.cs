using System.Text;

namespace MirrorSync.Git.Objects.Fsck;

/// <summary>
/// Whether a file system would take a name for one of git's own: HFS+, which ignores some code points and the case, and
/// NTFS, which ignores the case and trailing dots and blanks, and has short names and streams (git's <c>utf8.c</c> and
/// <c>path.c</c>).
/// </summary>
internal static class DotNames
{
    /// <summary>
    /// False for names that are none of git's own on any file system, by their first two bytes; true for all others and a
    /// few more. A backslash within the name is not looked for.
    /// </summary>
    /// <param name="first">The first byte.</param>
    /// <param name="second">The second byte, 0 when there is none.</param>
    /// <param name="symlink">It is the name of a symbolic link: of others, nobody asks whether they are a .mailmap.</param>
    public static bool MayBeSpecial(byte first, byte second, bool symlink) => first switch
    {
        // 0xE2 and 0xEF begin the code points that HFS+ ignores.
        (byte)'.' or (byte)'~' or 0xE2 or 0xEF => true,
        (byte)'g' or (byte)'G' => second is (byte)'i' or (byte)'I' or (byte)'~',
        (byte)'m' or (byte)'M' => symlink && second is (byte)'a' or (byte)'A' or (byte)'~',
        _ => false,
    };

    /// <summary>The name is taken for <c>.git</c>.</summary>
    public static bool IsDotgit(ReadOnlySpan<byte> name) => IsHfs(name, "git"u8) || IsNtfsDotgit(name);

    /// <summary>The name is taken for <c>.gitmodules</c>.</summary>
    public static bool IsGitmodules(ReadOnlySpan<byte> name) => IsHfs(name, "gitmodules"u8) || IsNtfsGitmodules(name);

    /// <summary>The name is taken for <c>.gitattributes</c>.</summary>
    public static bool IsGitattributes(ReadOnlySpan<byte> name) =>
        IsHfs(name, "gitattributes"u8) || IsNtfs(name, "gitattributes"u8, "gi7d29"u8);

    /// <summary>The name is taken for <c>.gitignore</c>.</summary>
    public static bool IsGitignore(ReadOnlySpan<byte> name) =>
        IsHfs(name, "gitignore"u8) || IsNtfs(name, "gitignore"u8, "gi250a"u8);

    /// <summary>The name is taken for <c>.mailmap</c>.</summary>
    public static bool IsMailmap(ReadOnlySpan<byte> name) => IsHfs(name, "mailmap"u8) || IsNtfs(name, "mailmap"u8, "maba30"u8);

    /// <summary>NTFS takes the name for <c>.gitmodules</c>.</summary>
    public static bool IsNtfsGitmodules(ReadOnlySpan<byte> name) => IsNtfs(name, "gitmodules"u8, "gi7eba"u8);

    /// <summary>NTFS takes the name, or its first component, for <c>.git</c>, or for its short name <c>git~1</c>.</summary>
    public static bool IsNtfsDotgit(ReadOnlySpan<byte> name)
    {
        int end = StartsWith(name, ".git"u8) ? 4 : StartsWith(name, "git~1"u8) ? 5 : -1;
        if (end < 0)
        {
            return false;
        }

        while (end < name.Length && name[end] is (byte)'.' or (byte)' ')
        {
            end++;
        }

        return end == name.Length || name[end] is (byte)'\\' or (byte)'/' or (byte)':';
    }

    private static bool IsHfs(ReadOnlySpan<byte> name, ReadOnlySpan<byte> needle)
    {
        int at = 0;
        if (NextHfsRune(name, ref at) != '.')
        {
            return false;
        }

        foreach (byte wanted in needle)
        {
            uint found = NextHfsRune(name, ref at);
            if (found > 127 || ToLower((byte)found) != wanted)
            {
                return false;
            }
        }

        // Malformed UTF-8 counts as an end, as in git.
        return NextHfsRune(name, ref at) is 0 or '/';
    }

    // The next code point that HFS+ does not ignore; 0 at the end and for what git holds for malformed.
    private static uint NextHfsRune(ReadOnlySpan<byte> name, ref int at)
    {
        while (at < name.Length)
        {
            if (Rune.DecodeFromUtf8(name[at..], out Rune rune, out int length) != System.Buffers.OperationStatus.Done)
            {
                return 0;
            }

            at += length;
            switch (rune.Value)
            {
                case 0xFFFE or 0xFFFF:
                    return 0;
                case >= 0x200C and <= 0x200F or >= 0x202A and <= 0x202E or >= 0x206A and <= 0x206F or 0xFEFF:
                    continue;
                default:
                    return (uint)rune.Value;
            }
        }

        return 0;
    }

    private static bool IsNtfs(ReadOnlySpan<byte> name, ReadOnlySpan<byte> needle, ReadOnlySpan<byte> hashed)
    {
        if (!name.IsEmpty && name[0] == '.' && StartsWith(name[1..], needle))
        {
            return IsEndOnNtfs(name[(needle.Length + 1)..]);
        }

        if (name.Length >= 8 && StartsWith(name, needle[..6]) && name[6] == '~' && name[7] is >= (byte)'1' and <= (byte)'4')
        {
            return IsEndOnNtfs(name[8..]);
        }

        return name.Length >= 8 && IsHashedShortName(name[..8], hashed) && IsEndOnNtfs(name[8..]);
    }

    // Dots and blanks, then the end or a stream.
    private static bool IsEndOnNtfs(ReadOnlySpan<byte> rest)
    {
        int end = rest.IndexOfAnyExcept((byte)' ', (byte)'.');
        return end < 0 || rest[end] == ':';
    }

    // A beginning of the hash, of any length, a tilde, and digits up to eight bytes, the first not 0.
    private static bool IsHashedShortName(ReadOnlySpan<byte> name, ReadOnlySpan<byte> hashed)
    {
        int tilde = name.IndexOf((byte)'~');
        if (tilde is < 0 or > 6 || name[tilde + 1] == '0' || !StartsWith(name, hashed[..tilde]))
        {
            return false;
        }

        return !name[(tilde + 1)..].ContainsAnyExceptInRange((byte)'0', (byte)'9');
    }

    private static bool StartsWith(ReadOnlySpan<byte> name, ReadOnlySpan<byte> lower) =>
        name.Length >= lower.Length && Ascii.EqualsIgnoreCase(name[..lower.Length], lower);

    private static byte ToLower(byte value) => value is >= (byte)'A' and <= (byte)'Z' ? (byte)(value | 0x20) : value;
}
