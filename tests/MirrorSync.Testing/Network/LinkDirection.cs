using System.Net.Sockets;

namespace MirrorSync.Testing.Network;

/// <summary>The capacity of one direction of a link, shared by its connections.</summary>
/// <param name="bytesPerSecond">Null when unlimited.</param>
/// <param name="ticksPerSecond">Timestamps a second.</param>
internal sealed class LinkCapacity(long? bytesPerSecond, long ticksPerSecond)
{
    private long free = long.MinValue;

    /// <summary>Puts bytes on the wire no earlier than asked; returns when the last of them has left.</summary>
    public long Send(long notBefore, int bytes)
    {
        if (bytesPerSecond is not { } rate)
        {
            return notBefore;
        }

        free = Math.Max(free, notBefore) + (long)(bytes * (double)ticksPerSecond / rate);
        return free;
    }
}

/// <summary>
/// One direction of one connection: bytes read from the source wait for room in the congestion window, are on their
/// way for the delay, and are then written to the destination, whose acknowledgement frees the window one reverse
/// delay later. Touched by the link's thread only.
/// </summary>
internal sealed class LinkDirection(
    Socket source, LinkCapacity capacity, long delay, long reverseDelay, long notBefore, bool slowStart, long ticksPerSecond)
{
    private const int InitialWindow = 10 * 1460;
    private const int MaxWindow = 4 << 20;
    private const int MaxUnsent = 256 << 10;
    private const int ReadSize = 16 << 10;

    private readonly Queue<ReadOnlyMemory<byte>> unsent = new();
    private readonly Queue<(long At, int Bytes)> acknowledgements = new();
    private Queue<Chunk> flight = new();
    private ReadOnlyMemory<byte> partial;
    private long lastSent = long.MinValue / 2;
    private int unsentBytes;
    private int inFlight;
    private int window = slowStart ? InitialWindow : MaxWindow;
    private long received;
    private bool ended;

    /// <summary>How many bytes are taken from the source before it has to wait for a higher limit.</summary>
    public long Limit { get; set; } = long.MaxValue;

    /// <summary>Where the bytes go; null until the target has been reached.</summary>
    public Socket? Destination { get; set; }

    /// <summary>The side that sends.</summary>
    public Socket Source => source;

    /// <summary>True when there is room for more of the source's bytes.</summary>
    public bool WantsRead => !ended && unsentBytes < MaxUnsent && received < Limit;

    /// <summary>True when the destination has to be waited for.</summary>
    public bool WantsWrite { get; private set; }

    /// <summary>True when the source's end has been passed on.</summary>
    public bool Finished { get; private set; }

    /// <summary>Bytes handed to the destination so far.</summary>
    public long Delivered { get; private set; }

    /// <summary>Does all that is due, and returns when the next thing is; <see cref="long.MaxValue"/> when nothing is.</summary>
    /// <exception cref="SocketException">One side was reset.</exception>
    public long Advance(long now, bool readable, bool writable)
    {
        WantsWrite &= !writable;
        while (acknowledgements.TryPeek(out (long At, int Bytes) acknowledged) && acknowledged.At <= now)
        {
            acknowledgements.Dequeue();
            inFlight -= acknowledged.Bytes;
            window = Math.Min(MaxWindow, window + acknowledged.Bytes);
        }

        if (readable && WantsRead)
        {
            Read();
        }

        Send(now);
        Deliver(now);

        long next = !WantsWrite && Destination is not null && flight.TryPeek(out Chunk first) ? first.Due : long.MaxValue;
        bool windowFull = unsent.Count > 0 || !partial.IsEmpty;
        return windowFull && acknowledgements.TryPeek(out (long At, int Bytes) ack) ? Math.Min(next, ack.At) : next;
    }

    /// <summary>Sends anew, as it were, what a cut has swallowed.</summary>
    public void Resend(long now) =>
        flight = new Queue<Chunk>(flight.Select(c => c with { Due = Math.Max(c.Due, now + delay) }));

    private void Read()
    {
        byte[] buffer = new byte[ReadSize];
        int read = source.Receive(buffer, SocketFlags.None, out SocketError error);
        if (error == SocketError.WouldBlock)
        {
            return;
        }

        if (error != SocketError.Success)
        {
            throw new SocketException((int)error);
        }

        ended = read == 0;
        unsentBytes += read;
        received += read;
        unsent.Enqueue(buffer.AsMemory(0, read));
    }

    private void Send(long now)
    {
        if (slowStart && inFlight == 0 && now - lastSent > ticksPerSecond)
        {
            window = InitialWindow;
        }

        while (inFlight < window)
        {
            if (partial.IsEmpty && !unsent.TryDequeue(out partial))
            {
                return;
            }

            // An empty chunk is the source's end: it follows the last byte.
            ReadOnlyMemory<byte> bytes = partial[..Math.Min(partial.Length, window - inFlight)];
            partial = partial[bytes.Length..];
            unsentBytes -= bytes.Length;
            inFlight += bytes.Length;
            lastSent = now;
            flight.Enqueue(new Chunk(bytes, capacity.Send(Math.Max(now, notBefore), bytes.Length) + delay));
        }
    }

    private void Deliver(long now)
    {
        while (!WantsWrite && Destination is { } destination && flight.TryPeek(out Chunk chunk) && chunk.Due <= now)
        {
            if (chunk.Bytes.IsEmpty)
            {
                destination.Shutdown(SocketShutdown.Send);
                Finished = true;
                flight.Dequeue();
                return;
            }

            int sent = 0;
            while (sent < chunk.Bytes.Length)
            {
                int part = destination.Send(chunk.Bytes.Span[sent..], SocketFlags.None, out SocketError error);
                if (error == SocketError.WouldBlock)
                {
                    WantsWrite = true;
                    break;
                }

                if (error != SocketError.Success)
                {
                    throw new SocketException((int)error);
                }

                sent += part;
            }

            Delivered += sent;
            acknowledgements.Enqueue((now + reverseDelay, sent));
            if (sent < chunk.Bytes.Length)
            {
                // What is left keeps its place at the head of the queue.
                Chunk rest = chunk with { Bytes = chunk.Bytes[sent..] };
                flight = new Queue<Chunk>(flight.Skip(1).Prepend(rest));
                return;
            }

            flight.Dequeue();
        }
    }

    private readonly record struct Chunk(ReadOnlyMemory<byte> Bytes, long Due);
}
