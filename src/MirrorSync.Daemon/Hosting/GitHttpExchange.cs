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
    public string Path => RawTarget.Split('?', 2)[0];

    /// <inheritdoc/>
    public string QueryString => RawTarget.Split('?', 2) is [_, string query] ? query : string.Empty;

    /// <inheritdoc/>
    public string? ContentType => context.Request.ContentType;

    /// <inheritdoc/>
    public string? ContentEncoding => Header("Content-Encoding");

    /// <inheritdoc/>
    public string? GitProtocol => Header("Git-Protocol");

    /// <inheritdoc/>
    public Stream Body => context.Request.Body;

    /// <inheritdoc/>
    public Stream Response => context.Response.Body;

    // As it came: the server's own path is decoded already, which cannot be undone.
    private string RawTarget => context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;

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

    private string? Header(string name) => context.Request.Headers.TryGetValue(name, out var value) ? value.ToString() : null;
}
