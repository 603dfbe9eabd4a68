using System.Text;

namespace MirrorSync.Git.Wire;

/// <summary>
/// The first pkt-line of a <c>git://</c> connection (gitprotocol-pack(5), Git Transport):
/// <c>service SP path NUL host=... NUL NUL version=2 NUL</c>, the host and what follows it being optional.
/// </summary>
/// <param name="Service">The service, as in <c>git-upload-pack</c>.</param>
/// <param name="Path">The path as the client gave it, with its leading slash.</param>
/// <param name="Version">The protocol that is asked for.</param>
public readonly record struct GitDaemonRequest(string Service, string Path, ProtocolVersion Version)
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>Takes the line's payload; false when it is no such request or its path is not UTF-8.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out GitDaemonRequest request)
    {
        request = default;
        int nul = payload.IndexOf((byte)0);
        ReadOnlySpan<byte> line = nul < 0 ? payload : payload[..nul];
        if (line.EndsWith("\n"u8))
        {
            line = line[..^1];
        }

        int blank = line.IndexOf((byte)' ');
        if (blank <= 0)
        {
            return false;
        }

        try
        {
            string service = Strict.GetString(line[..blank]);
            string path = Strict.GetString(line[(blank + 1)..]);
            request = new GitDaemonRequest(service, path, nul < 0 ? ProtocolVersion.V0 : ParseExtra(payload[(nul + 1)..]));
            return true;
        }
        catch (DecoderFallbackException)
        {
            // A path that is no text names no repository; the caller refuses the request as a whole.
            return false;
        }
    }

    // Extra parameters come after an empty one, which old servers take for the end.
    private static ProtocolVersion ParseExtra(ReadOnlySpan<byte> rest)
    {
        int empty = rest.StartsWith("\0"u8) ? 0 : rest.IndexOf("\0\0"u8) + 1;
        if (empty == 0 && !rest.StartsWith("\0"u8))
        {
            return ProtocolVersion.V0;
        }

        return ProtocolVersions.Parse(Encoding.UTF8.GetString(rest[(empty + 1)..]).Replace('\0', ':'));
    }
}
