using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace MirrorSync.Daemon.Configuration;

/// <summary>An address to listen on, as in <c>http://127.0.0.1:8460</c>; port 0 takes any free one.</summary>
/// <param name="EndPoint">Address and port.</param>
/// <param name="IsHttps">True for https.</param>
internal sealed record ListenAddress(IPEndPoint EndPoint, bool IsHttps)
{
    /// <summary>True when only this machine can reach it.</summary>
    public bool IsLoopback => IPAddress.IsLoopback(EndPoint.Address);

    /// <summary>
    /// Takes a URL of scheme http or https with an IP address or <c>localhost</c> (127.0.0.1) and nothing behind the
    /// port. A name would have to be looked up, and could move a listener to another interface behind our back.
    /// </summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out ListenAddress? address, out string problem)
    {
        address = null;
        if (!Urls.TryParse(text, out Uri? uri, out problem))
        {
            return false;
        }

        if (!TryParseHost(uri.DnsSafeHost, out IPAddress? host))
        {
            problem = $"'{text}' must name an IP address or localhost";
            return false;
        }

        address = new ListenAddress(new IPEndPoint(host, uri.Port), uri.Scheme == Uri.UriSchemeHttps);
        return true;
    }

    /// <summary>Takes <c>host:port</c>, the host an IP address (IPv6 in brackets) or <c>localhost</c>.</summary>
    public static bool TryParseHostAndPort(string text, [NotNullWhen(true)] out IPEndPoint? endPoint)
    {
        endPoint = null;
        int colon = text.LastIndexOf(':');
        if (colon <= 0
            || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return false;
        }

        string host = text[..colon];
        bool bracketed = host.StartsWith('[') && host.EndsWith(']');
        if (host.Contains(':', StringComparison.Ordinal) != bracketed
            || !TryParseHost(bracketed ? host[1..^1] : host, out IPAddress? address))
        {
            return false;
        }

        endPoint = new IPEndPoint(address, port);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{(IsHttps ? "https" : "http")}://{EndPoint}";

    private static bool TryParseHost(string host, [NotNullWhen(true)] out IPAddress? address)
    {
        if (string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase))
        {
            address = IPAddress.Loopback;
            return true;
        }

        return IPAddress.TryParse(host, out address);
    }
}
