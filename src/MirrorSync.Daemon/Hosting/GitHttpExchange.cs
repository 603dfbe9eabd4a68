using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using MirrorSync.Serving.Http;

namespace MirrorSync.Daemon.Hosting;

/// <summary>Shows a request of the public listener to <see cref="SmartHttp"/>.</summary>
/// <param name="context">The request and its answer.</param>
internal sealed class GitHttpExchange(HttpContext context) : IGitHttpExchange
{
    /// <summary>Makes the public listener's handler: what is none of git's paths is not there.</summary>
    public static RequestDelegate Handler(SmartHttp git) => async context =>
    {
        if (!await git.HandleAsync(new GitHttpExchange(context), context.RequestAborted).ConfigureAwait(false))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
        }
    };

    /// <inheritdoc/>
    public string Method => context.Request.Method;

    /// <inheritdoc/>
    public string Path => Target.Split('?', 2)[0];

    /// <inheritdoc/>
    public string QueryString => Target.Split('?', 2) is [_, string query] ? query : string.Empty;

    /// <inheritdoc/>
    public string? ContentType => context.Request.ContentType;

    /// <inheritdoc/>
    public string? ContentEncoding => Header("Content-Encoding");

    /// <inheritdoc/>
    public long? ContentLength => context.Request.ContentLength;

    /// <inheritdoc/>
    public string? GitProtocol => Header("Git-Protocol");

    /// <inheritdoc/>
    public Stream Body => context.Request.Body;

    /// <inheritdoc/>
    public Stream Response => context.Response.Body;

    // As it came: the server's own path is decoded already, which cannot be undone.
    private string Target => OriginForm(context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);

    /// <inheritdoc/>
    public void Respond(int status, string contentType, IEnumerable<KeyValuePair<string, string>> headers)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        foreach ((string name, string value) in headers)
        {
            context.Response.Headers[name] = value;
        }
    }

    // A client may name the whole address, as it does to a proxy (RFC 9112, 3.2.2). Uri would tidy the path up.
    private static string OriginForm(string target)
    {
        int scheme = target.StartsWith("http://", StringComparison.OrdinalIgnoreCase) ? "http://".Length
            : target.StartsWith("https://", StringComparison.OrdinalIgnoreCase) ? "https://".Length : 0;
        if (scheme == 0)
        {
            return target;
        }

        int length = target.AsSpan(scheme).IndexOfAny('/', '?');
        string rest = length < 0 ? string.Empty : target[(scheme + length)..];
        return rest.StartsWith('/') ? rest : "/" + rest;
    }

    private string? Header(string name) => context.Request.Headers.TryGetValue(name, out var value) ? value.ToString() : null;
}
