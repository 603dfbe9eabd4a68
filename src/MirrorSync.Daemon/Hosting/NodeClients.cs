using System.Net;
using System.Net.Http.Headers;
using MirrorSync.Daemon.Health;

namespace MirrorSync.Daemon.Hosting;

/// <summary>HTTP/2 clients that speak to other nodes.</summary>
internal static class NodeClients
{
    private const int WindowBytes = 16 << 20;

    /// <summary>
    /// Makes a handler with one TCP connection per node, of its own: two lanes that must not wait for each other (deltas and
    /// bulk) take two handlers. Keep-alive pings find a dead connection within about ten seconds while a request is open.
    /// </summary>
    /// <param name="tls">This node's certificates; null speaks plain HTTP/2. Must outlive the handler.</param>
    private static SocketsHttpHandler CreateHandler(NodeTls? tls)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            EnableMultipleHttp2Connections = false,
            InitialHttp2StreamWindowSize = WindowBytes,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            KeepAlivePingDelay = TimeSpan.FromSeconds(5),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            PooledConnectionLifetime = Timeout.InfiniteTimeSpan,
        };
        if (tls is not null)
        {
            handler.SslOptions = tls.ClientOptions();
        }

        return handler;
    }

    /// <summary>Makes a client upon a handler of its own. It has no timeout; the caller's cancellation is the limit.</summary>
    /// <param name="tls">This node's certificates; null speaks plain HTTP/2. Must outlive the client.</param>
    public static HttpClient Create(NodeTls? tls)
    {
        var client = new HttpClient(CreateHandler(tls), disposeHandler: true)
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("mirrorsync", StatusReport.BuildVersion));
        return client;
    }
}
