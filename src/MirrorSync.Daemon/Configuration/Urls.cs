using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace MirrorSync.Daemon.Configuration;

/// <summary>The plain URLs that a configuration may name: scheme, host, port, nothing else.</summary>
internal static class Urls
{
    /// <summary>Takes <c>http://host:port</c> or <c>https://host:port</c>; otherwise says what is wrong with it.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out Uri? uri, out string problem)
    {
        problem = string.Empty;
        if (!Uri.TryCreate(text, UriKind.Absolute, out uri)
            || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps) || uri.Host.Length == 0)
        {
            problem = $"'{text}' is not a URL such as http://127.0.0.1:8460";
        }
        else if (uri.PathAndQuery != "/" || uri.Fragment.Length > 0 || uri.UserInfo.Length > 0)
        {
            // Not repeated here: what stands before an @ may be a password.
            problem = "must be scheme, host and port only, without user, path or query";
        }

        return problem.Length == 0;
    }

    /// <summary>True when the URL's host can only be this machine.</summary>
    public static bool IsLoopback(Uri uri) =>
        string.Equals(uri.DnsSafeHost, "localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(uri.DnsSafeHost, out IPAddress? address) && IPAddress.IsLoopback(address));
}
