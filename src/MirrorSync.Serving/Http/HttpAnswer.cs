using System.Globalization;
using System.Text;

namespace MirrorSync.Serving.Http;

/// <summary>The answer to one exchange: begun once, with the headers that keep caches from keeping it.</summary>
internal sealed class HttpAnswer(IGitHttpExchange exchange)
{
    /// <summary>True once status and headers are out.</summary>
    public bool Begun { get; private set; }

    /// <summary>The answer's body.</summary>
    public Stream Body => exchange.Response;

    /// <summary>Sets status 200 and the headers; a second call does nothing.</summary>
    /// <param name="contentType">The header <c>Content-Type</c>.</param>
    /// <param name="length">The body's length in bytes, when it is known.</param>
    public void Begin(string contentType, long? length = null)
    {
        if (!Begun)
        {
            Respond(200, contentType, length, []);
        }
    }

    /// <summary>Sends a whole body with status 200.</summary>
    public async Task SendAsync(string contentType, ReadOnlyMemory<byte> body, CancellationToken cancellation)
    {
        Begin(contentType, body.Length);
        await Body.WriteAsync(body, cancellation).ConfigureAwait(false);
    }

    /// <summary>Sends a line of text for people.</summary>
    public Task SendTextAsync(int status, string text, CancellationToken cancellation) =>
        SendTextAsync(status, text, [], cancellation);

    /// <summary>Sends a line of text for people, with a further header.</summary>
    public Task SendTextAsync(int status, string text, string header, string value, CancellationToken cancellation) =>
        SendTextAsync(status, text, [new KeyValuePair<string, string>(header, value)], cancellation);

    private async Task SendTextAsync(
        int status, string text, KeyValuePair<string, string>[] headers, CancellationToken cancellation)
    {
        byte[] body = Encoding.UTF8.GetBytes(text + "\n");
        Respond(status, "text/plain; charset=utf-8", body.Length, headers);
        await Body.WriteAsync(body, cancellation).ConfigureAwait(false);
    }

    // The same three that git http-backend sends against caches of every age.
    private void Respond(int status, string contentType, long? length, KeyValuePair<string, string>[] more)
    {
        Begun = true;
        List<KeyValuePair<string, string>> headers =
        [
            new("Expires", "Fri, 01 Jan 1980 00:00:00 GMT"),
            new("Pragma", "no-cache"),
            new("Cache-Control", "no-cache, max-age=0, must-revalidate"),
            .. more,
        ];
        if (length is not null)
        {
            headers.Add(new("Content-Length", length.Value.ToString(CultureInfo.InvariantCulture)));
        }

        exchange.Respond(status, contentType, headers);
    }
}
