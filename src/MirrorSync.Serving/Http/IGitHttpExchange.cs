namespace MirrorSync.Serving.Http;

/// <summary>One HTTP request and its answer, as the web server that hosts <see cref="SmartHttp"/> presents it.</summary>
public interface IGitHttpExchange
{
    /// <summary>The method, as in <c>GET</c>.</summary>
    string Method { get; }

    /// <summary>The path as it came, percent-encoded, without query, with its leading slash.</summary>
    string Path { get; }

    /// <summary>The query as it came, without its question mark; empty when there is none.</summary>
    string QueryString { get; }

    /// <summary>The header <c>Content-Type</c>.</summary>
    string? ContentType { get; }

    /// <summary>The header <c>Content-Encoding</c>; the body is read as it came.</summary>
    string? ContentEncoding { get; }

    /// <summary>The header <c>Content-Length</c>, in bytes; null when the length is not said beforehand.</summary>
    long? ContentLength { get; }

    /// <summary>The header <c>Git-Protocol</c>.</summary>
    string? GitProtocol { get; }

    /// <summary>The request's body. May be read while <see cref="Response"/> is written.</summary>
    Stream Body { get; }

    /// <summary>The answer's body: what is written goes out at once. For use after <see cref="Respond"/>.</summary>
    Stream Response { get; }

    /// <summary>Sets status and headers; called once, before the first write.</summary>
    /// <param name="status">The status code.</param>
    /// <param name="contentType">The header <c>Content-Type</c>.</param>
    /// <param name="headers">All further headers, <c>Content-Length</c> among them when the length is known.</param>
    void Respond(int status, string contentType, IEnumerable<KeyValuePair<string, string>> headers);
}
