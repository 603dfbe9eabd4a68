using System.Net;
using System.Net.Sockets;

namespace MirrorSync.Testing.Network;

/// <summary>One connection through a link. Touched by the link's thread only.</summary>
internal sealed class LinkConnection : IDisposable
{
    private readonly Socket client;
    private readonly Socket target = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly IPEndPoint address;
    private readonly long connectAt;
    private bool connected;

    /// <param name="client">The accepted side; owned from now on.</param>
    /// <param name="address">Where to connect once the first packet has got there.</param>
    /// <param name="link">Delays and capacities.</param>
    /// <param name="now">The moment of the first packet.</param>
    public LinkConnection(Socket client, IPEndPoint address, LinkShape link, long now)
    {
        client.NoDelay = true;
        client.Blocking = false;
        this.client = client;
        this.address = address;
        connectAt = now + link.DelayUp;

        // The client may send only when the answer to its first packet is back: one round trip, as in TCP's handshake.
        long established = connectAt + link.DelayDown;
        Up = new LinkDirection(client, link.Up, link.DelayUp, link.DelayDown, established, link.SlowStart, link.TicksPerSecond);
        Down = new LinkDirection(target, link.Down, link.DelayDown, link.DelayUp, now, link.SlowStart, link.TicksPerSecond)
        {
            Destination = client,
        };
    }

    /// <summary>From the client to the target.</summary>
    public LinkDirection Up { get; }

    /// <summary>From the target to the client.</summary>
    public LinkDirection Down { get; }

    /// <summary>True when both directions have ended.</summary>
    public bool Finished => Up.Finished && Down.Finished;

    /// <summary>True when the target's side may be read.</summary>
    public bool Connected => connected;

    /// <summary>Does all that is due; returns when the next thing is.</summary>
    /// <exception cref="SocketException">A side was reset, or the target refused.</exception>
    public long Advance(long now, LinkEvents up, LinkEvents down)
    {
        if (!connected && now >= connectAt)
        {
            // On loopback a connection is made or refused within the call.
            target.Connect(address);
            target.Blocking = false;
            Up.Destination = target;
            connected = true;
        }

        long next = Math.Min(Up.Advance(now, up.Readable, up.Writable), Down.Advance(now, down.Readable && connected, down.Writable));
        return connected ? next : Math.Min(next, connectAt);
    }

    /// <summary>Sends anew what a cut has swallowed.</summary>
    public void Resend(long now)
    {
        Up.Resend(now);
        Down.Resend(now);
    }

    /// <summary>Resets both sides.</summary>
    public void Reset()
    {
        client.LingerState = new LingerOption(true, 0);
        target.LingerState = new LingerOption(true, 0);
        Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        client.Dispose();
        target.Dispose();
    }
}

/// <summary>What a poll said about one direction.</summary>
/// <param name="Readable">Its source has bytes, its end or an error.</param>
/// <param name="Writable">Its destination takes bytes again.</param>
internal readonly record struct LinkEvents(bool Readable, bool Writable);

/// <summary>A link's options in the unit of timestamps.</summary>
internal sealed record LinkShape(long DelayUp, long DelayDown, LinkCapacity Up, LinkCapacity Down, bool SlowStart, long TicksPerSecond);
