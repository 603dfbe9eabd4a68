namespace MirrorSync.Git.Objects.Fsck;

/// <summary>
/// Whether git would give a submodule's URL to a transport (<c>check_submodule_url</c> of git's fsck.c): no option, no newline
/// that would forge a line of the credential protocol, no relative URL that climbs into the host, no HTTP URL without host.
/// </summary>
internal static class SubmoduleUrl
{
    /// <summary>True when git allows the URL.</summary>
    /// <param name="url">The URL, without NUL.</param>
    public static bool IsAllowed(ReadOnlySpan<byte> url)
    {
        if (url.StartsWith((byte)'-'))
        {
            return false;
        }

        if (StartsWithDotSlash(url) || StartsWithDotDotSlash(url) || url.StartsWith("git://"u8))
        {
            // It may be appended to an HTTP URL.
            return !HasNewlineDecoded(url) && !ClimbsIntoHost(url);
        }

        return !TryGetHttpUrl(url, out ReadOnlySpan<byte> http) || IsAllowedHttp(http);
    }

    private static bool StartsWithDotSlash(ReadOnlySpan<byte> url) =>
        url.Length >= 2 && url[0] == '.' && url[1] is (byte)'/' or (byte)'\\';

    private static bool StartsWithDotDotSlash(ReadOnlySpan<byte> url) => url.StartsWith((byte)'.') && StartsWithDotSlash(url[1..]);

    private static bool ClimbsIntoHost(ReadOnlySpan<byte> url)
    {
        bool climbs = false;
        while (true)
        {
            bool up = StartsWithDotDotSlash(url);
            if (!up && !StartsWithDotSlash(url))
            {
                return climbs && !url.IsEmpty && url[0] is (byte)':' or (byte)'/';
            }

            climbs |= up;
            url = url[(up ? 3 : 2)..];
        }
    }

    // What git-remote-curl would be given.
    private static bool TryGetHttpUrl(ReadOnlySpan<byte> url, out ReadOnlySpan<byte> http)
    {
        http = url;
        int colon = url.IndexOf((byte)':');
        if (colon < 0 || !IsCurlScheme(url[..colon]))
        {
            return false;
        }

        ReadOnlySpan<byte> rest = url[(colon + 1)..];
        bool named = rest.StartsWith((byte)':');
        http = named ? rest[1..] : url;
        return named || rest.StartsWith("//"u8);
    }

    private static bool IsCurlScheme(ReadOnlySpan<byte> scheme) =>
        scheme.SequenceEqual("http"u8) || scheme.SequenceEqual("https"u8)
        || scheme.SequenceEqual("ftp"u8) || scheme.SequenceEqual("ftps"u8);

    // As git takes a URL apart for a credential helper; no part may hold a newline, and there must be a host.
    private static bool IsAllowedHttp(ReadOnlySpan<byte> url)
    {
        int scheme = url.IndexOf("://"u8);
        if (scheme <= 0)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = url[(scheme + 3)..];
        int at = rest.IndexOf((byte)'@');
        int colon = rest.IndexOf((byte)':');
        int slash = rest.IndexOfAny((byte)'/', (byte)'?', (byte)'#');
        slash = slash < 0 ? rest.Length : slash;
        ReadOnlySpan<byte> user = default;
        ReadOnlySpan<byte> password = default;
        int host = 0;
        if (at >= 0 && slash > at)
        {
            bool hasPassword = colon >= 0 && at > colon;
            user = rest[..(hasPassword ? colon : at)];
            password = hasPassword ? rest[(colon + 1)..at] : default;
            host = at + 1;
        }

        return slash > host
            && !url[..scheme].Contains((byte)'\n')
            && !HasNewlineDecoded(user)
            && !HasNewlineDecoded(password)
            && !HasNewlineDecoded(rest[host..slash])
            && !HasNewlineDecoded(rest[slash..].TrimStart((byte)'/'));
    }

    // Percent signs are decoded from the first colon on: what comes before it is taken for a scheme.
    private static bool HasNewlineDecoded(ReadOnlySpan<byte> text)
    {
        if (text.Contains((byte)'\n'))
        {
            return true;
        }

        int start = Math.Max(0, text.IndexOf((byte)':'));
        for (int at = start; at < text.Length; at++)
        {
            if (text[at] != '%' || text.Length - at < 3
                || !byte.TryParse(text.Slice(at + 1, 2), System.Globalization.NumberStyles.AllowHexSpecifier, null, out byte value)
                || value == 0)
            {
                continue;
            }

            if (value == '\n')
            {
                return true;
            }

            at += 2;
        }

        return false;
    }
}
