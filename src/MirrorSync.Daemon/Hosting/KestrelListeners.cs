using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Serving;

namespace MirrorSync.Daemon.Hosting;

/// <summary>The three HTTP listeners of one Kestrel.</summary>
/// <param name="config">Where they listen.</param>
/// <param name="tls">The certificates of the replication listener; null for plain HTTP/2 on loopback.</param>
internal sealed class KestrelListeners(ListenConfig config, NodeTls? tls)
{
    /// <summary>
    /// Flow-control windows of replication: with the 96 KiB that is the default, one stream would carry under 1 MB/s over
    /// 100 ms of ocean.
    /// </summary>
    private const int WindowBytes = 16 << 20;

    private const int FrameBytes = 256 << 10;

    // tcp(7), TCP_NOTSENT_LOWAT of Linux: what waits in the kernel before it is sent can no longer be overtaken. A window
    // that fills the ocean is for what is under way, not for what waits.
    private const int TcpLevel = 6;
    private const int UnsentLowMark = 25;
    private const int UnsentBytes = 128 << 10;

    /// <summary>A little more than what git's clients may send, so that those who send more get the words made for them.</summary>
    private const long PublicBodyBytes = ServingOptions.DefaultMaxRequestBytes + (1 << 20);

    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly Dictionary<Listener, ListenOptions> bound = [];

    /// <summary>Sets Kestrel up.</summary>
    public void Configure(KestrelServerOptions options)
    {
        options.AddServerHeader = false;
        options.Limits.MaxRequestBodySize = PublicBodyBytes;

        // A replication stream is silent for as long as nobody pushes. The other listeners set theirs request by request.
        options.Limits.MinRequestBodyDataRate = null;
        options.Limits.MinResponseDataRate = null;
        options.Limits.Http2.InitialConnectionWindowSize = WindowBytes;
        options.Limits.Http2.InitialStreamWindowSize = WindowBytes;
        options.Limits.Http2.MaxFrameSize = FrameBytes;
        options.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(5);
        options.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);

        Listen(options, Listener.Public, config.Public, HttpProtocols.Http1);
        Listen(options, Listener.Replication, config.Replication, HttpProtocols.Http2);
        Listen(options, Listener.Admin, config.Admin, HttpProtocols.Http1);
    }

    /// <summary>Makes a port that cannot be had name its key and address.</summary>
    public void Configure(SocketTransportOptions options) => options.CreateBoundListenSocket = endPoint =>
        BindOrRefuse(KeyOf(endPoint), endPoint, bound =>
        {
            Socket socket = SocketTransportOptions.CreateDefaultBoundListenSocket(bound);
            if (KeyOf(endPoint) == ListenReader.ReplicationKey)
            {
                // What is accepted takes it over from the listener.
                socket.SetRawSocketOption(TcpLevel, UnsentLowMark, BitConverter.GetBytes(UnsentBytes));
            }

            return socket;
        });

    /// <summary>The URL that a listener was bound to, once Kestrel runs.</summary>
    public string UrlOf(Listener listener) =>
        (AddressOf(listener) with { EndPoint = bound[listener].IPEndPoint! }).ToString();

    /// <summary>Binds, or refuses the start in one line that names the key and the address.</summary>
    public static T BindOrRefuse<T>(string key, EndPoint endPoint, Func<EndPoint, T> bind)
    {
        try
        {
            return bind(endPoint);
        }
        catch (SocketException e)
        {
            string why = e.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => "is in use by another process",
                SocketError.AddressNotAvailable => "is no address of this machine",
                SocketError.AccessDenied => "may not be listened on by this user",
                _ => e.Message,
            };
            throw new StartupException($"{key}: {endPoint} {why}");
        }
    }

    private void Listen(KestrelServerOptions options, Listener listener, ListenAddress address, HttpProtocols protocols) =>
        options.Listen(address.EndPoint, listen =>
        {
            listen.Protocols = protocols;
            listen.Mark(listener);
            if (address.IsHttps)
            {
                listen.UseHttps(new TlsHandshakeCallbackOptions
                {
                    HandshakeTimeout = HandshakeTimeout,
                    OnConnection = _ => ValueTask.FromResult(tls!.ServerOptions()),
                });
            }

            bound[listener] = listen;
        });

    private ListenAddress AddressOf(Listener listener) => listener switch
    {
        Listener.Public => config.Public,
        Listener.Replication => config.Replication,
        _ => config.Admin,
    };

    // Addresses differ from each other except for port 0, which is never in use.
    private string KeyOf(EndPoint endPoint) => endPoint.Equals(config.Public.EndPoint) ? ListenReader.PublicKey
        : endPoint.Equals(config.Replication.EndPoint) ? ListenReader.ReplicationKey : ListenReader.AdminKey;
}
