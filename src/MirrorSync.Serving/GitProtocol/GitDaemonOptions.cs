using System.Net;

namespace MirrorSync.Serving.GitProtocol;

/// <summary>How <c>git://</c> is listened for.</summary>
public sealed record GitDaemonOptions
{
    /// <summary>Where to listen; port 0 takes a free one. The IPv6 wildcard takes IPv4 too.</summary>
    public required IPEndPoint Endpoint { get; init; }

    /// <summary>How many connections are served at once; further clients wait in the listen queue.</summary>
    public int MaxConnections { get; init; } = 256;

    /// <summary>How long a client may take to send its first line.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a connection may stand still after that, neither side's bytes moving.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long answers under way may go on when the node stops.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(10);
}
