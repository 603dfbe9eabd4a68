using System.Text;
using System.Text.RegularExpressions;

namespace MirrorSync.Serving.Http;

/// <summary>Which of git's HTTP endpoints is meant (gitprotocol-http(5)).</summary>
internal enum GitHttpEndpoint
{
    /// <summary><c>/info/refs</c></summary>
    InfoRefs,

    /// <summary><c>/git-upload-pack</c></summary>
    UploadPack,

    /// <summary><c>/git-receive-pack</c></summary>
    ReceivePack,

    /// <summary>A file of the repository, as the old ("dumb") protocol asks for.</summary>
    DumbFile,
}

/// <summary>A path taken apart.</summary>
/// <param name="Endpoint">What is wanted.</param>
/// <param name="Repository">The decoded path before it.</param>
internal readonly partial record struct GitHttpRoute(GitHttpEndpoint Endpoint, string Repository)
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    private static readonly (string Suffix, GitHttpEndpoint Endpoint)[] Endpoints =
    [
        ("/info/refs", GitHttpEndpoint.InfoRefs),
        ("/git-upload-pack", GitHttpEndpoint.UploadPack),
        ("/git-receive-pack", GitHttpEndpoint.ReceivePack),
    ];

    /// <summary>Takes a percent-encoded path apart; false when it is none of git's.</summary>
    public static bool TryParse(string path, out GitHttpRoute route)
    {
        route = default;
        if (!TryDecode(path, out string decoded))
        {
            return false;
        }

        foreach ((string suffix, GitHttpEndpoint endpoint) in Endpoints)
        {
            if (decoded.EndsWith(suffix, StringComparison.Ordinal))
            {
                route = new GitHttpRoute(endpoint, decoded[..^suffix.Length]);
                return true;
            }
        }

        Match dumb = DumbFile().Match(decoded);
        route = dumb.Success ? new GitHttpRoute(GitHttpEndpoint.DumbFile, decoded[..dumb.Index]) : default;
        return dumb.Success;
    }

    /// <summary>The last value of a parameter in a query string; null when it is not there.</summary>
    public static string? Parameter(string query, string name)
    {
        string? value = null;
        foreach (string part in query.Split('&'))
        {
            int equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && part[..equals] == name && TryDecode(part[(equals + 1)..], out string decoded))
            {
                value = decoded;
            }
        }

        return value;
    }

    // Once, to bytes, and these to text: what is not UTF-8 names nothing here.
    private static bool TryDecode(string encoded, out string decoded)
    {
        decoded = encoded;
        if (!encoded.Contains('%', StringComparison.Ordinal))
        {
            return true;
        }

        try
        {
            byte[] bytes = Strict.GetBytes(encoded);
            int length = 0;
            Span<byte> one = stackalloc byte[1];
            for (int i = 0; i < bytes.Length; i++)
            {
                byte next = bytes[i];
                if (next == '%')
                {
                    if (i + 2 >= bytes.Length
                        || Convert.FromHexString(bytes.AsSpan(i + 1, 2), one, out _, out _) != System.Buffers.OperationStatus.Done)
                    {
                        return false;
                    }

                    next = one[0];
                    i += 2;
                }

                bytes[length++] = next;
            }

            decoded = Strict.GetString(bytes, 0, length);
            return true;
        }
        catch (Exception failure) when (failure is DecoderFallbackException or EncoderFallbackException)
        {
            // Not text: the caller treats it as a path of nothing.
            return false;
        }
    }

    [GeneratedRegex(
        "/(HEAD|objects/(info/(alternates|http-alternates|packs)|[0-9a-f]{2}/[0-9a-f]{38,62}|pack/pack-[0-9a-f]{40,64}\\.(pack|idx)))$",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex DumbFile();
}
