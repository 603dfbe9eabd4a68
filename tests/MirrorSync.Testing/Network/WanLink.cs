using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Testing.Native;

namespace MirrorSync.Testing.Network;

/// <summary>
/// A wide-area network in user space: listens on loopback and passes each connection on to a target, with one-way
/// delays, capacity, TCP's slow start, cutting and healing.
/// </summary>
/// <remarks>
/// One thread of its own does everything, with non-blocking sockets and one ppoll(2) whose timeout counts in
/// nanoseconds: a thread pool's wake-ups would blur delays by milliseconds when the machine is busy. All public
/// members may be called from any thread.
/// </remarks>
public sealed class WanLink : IAsyncDisposable
{
    // SO_REUSEPORT, SOL_SOCKET of Linux.
    private const int SocketLevel = 1;
    private const int ReusePort = 15;

    private readonly TimeProvider clock = TimeProvider.System;
    private readonly ConcurrentQueue<Action<long>> commands = new();
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<LinkConnection> connections = [];
    private readonly List<Libc.PollEntry> entries = [];
    private readonly LinkShape shape;
    private readonly Socket reservation;
    private readonly SafeFileHandle wake;
    private Socket? listener;
    private volatile IPEndPoint target;
    private long downLimit = long.MaxValue;
    private bool stalled;
    private bool stopping;
    private long bytesUp;
    private long bytesDown;
    private int accepted;

    private WanLink(IPEndPoint target, WanLinkOptions options)
    {
        this.target = target;
        long ticks = clock.TimestampFrequency;
        shape = new LinkShape(
            Ticks(options.DelayUp), Ticks(options.DelayDown),
            new LinkCapacity(options.BytesPerSecond, ticks), new LinkCapacity(options.BytesPerSecond, ticks),
            options.SlowStart, ticks);

        // This socket only keeps the port ours while a cut link does not listen.
        reservation = Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Address = (IPEndPoint)reservation.LocalEndPoint!;
        listener = Listen();
        wake = new SafeFileHandle(Libc.EventFd(0, 0), ownsHandle: true);

        long Ticks(TimeSpan time) => (long)(time.TotalSeconds * ticks);
    }

    /// <summary>Where to connect to.</summary>
    public IPEndPoint Address { get; }

    /// <summary>Where new connections lead.</summary>
    public IPEndPoint Target
    {
        get => target;
        set => target = value;
    }

    /// <summary>Bytes delivered to the target so far, over all connections that have ended or are open.</summary>
    public long BytesUp => Interlocked.Read(ref bytesUp);

    /// <summary>Bytes delivered by the target so far.</summary>
    public long BytesDown => Interlocked.Read(ref bytesDown);

    /// <summary>Connections accepted so far.</summary>
    public int Accepted => Volatile.Read(ref accepted);

    /// <summary>Starts a link on an ephemeral port of loopback.</summary>
    public static WanLink Start(IPEndPoint target, WanLinkOptions options)
    {
        WanLink link = new(target, options);
        Thread thread = new(link.Run) { IsBackground = true, Name = $"wan link {link.Address.Port}" };
        thread.Start();
        return link;
    }

    /// <summary>Cuts the link. When this returns, no byte passes any more.</summary>
    public void Cut(CutMode mode) => Do(_ =>
    {
        stalled = true;
        if (mode == CutMode.Reset)
        {
            connections.ForEach(static c => c.Reset());
            connections.Clear();
            listener?.Dispose();
            listener = null;
        }
    });

    /// <summary>Ends a cut: stalled connections go on, new ones are accepted.</summary>
    public void Heal() => Do(now =>
    {
        if (stalled)
        {
            stalled = false;
            connections.ForEach(c => c.Resend(now));
            listener ??= Listen();
        }
    });

    /// <summary>
    /// Lets each connection, present and to come, carry no more than so many bytes from the target, give or take a read's
    /// worth: what is small passes, what is large stands still in its midst.
    /// </summary>
    /// <param name="bytes">Null lets all go on.</param>
    public void LimitDown(long? bytes) => Do(_ =>
    {
        downLimit = bytes ?? long.MaxValue;
        connections.ForEach(c => c.Down.Limit = downLimit);
    });

    /// <summary>Resets all connections and stops listening.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!ended.Task.IsCompleted)
        {
            Post(_ => stopping = true);
            await ended.Task.ConfigureAwait(false);
        }
    }

    private static Socket Bind(IPEndPoint address)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.SetRawSocketOption(SocketLevel, ReusePort, BitConverter.GetBytes(1));
        socket.Bind(address);
        return socket;
    }

    private Socket Listen()
    {
        Socket socket = Bind(Address);
        socket.Blocking = false;
        socket.Listen(512);
        return socket;
    }

    private void Do(Action<long> command)
    {
        using ManualResetEventSlim done = new();
        Post(now =>
        {
            command(now);
            done.Set();
        });
        while (!done.Wait(TimeSpan.FromMilliseconds(100)))
        {
            ObjectDisposedException.ThrowIf(ended.Task.IsCompleted, this);
        }
    }

    private void Post(Action<long> command)
    {
        commands.Enqueue(command);
        ulong one = 1;
        _ = Libc.Write(wake, in one, sizeof(ulong));
    }

    private void Run()
    {
        try
        {
            Libc.PreferThisThread();
            for (Obey(); !stopping; Obey())
            {
                Poll(stalled ? long.MaxValue : AdvanceAll());
            }

            connections.ForEach(static c => c.Reset());
            listener?.Dispose();
            reservation.Dispose();
            wake.Dispose();
            ended.SetResult();
        }
        catch (Exception failure) when (failure is SocketException or IOException or ObjectDisposedException)
        {
            ended.SetException(failure);
        }
    }

    private void Obey()
    {
        while (commands.TryDequeue(out Action<long>? command))
        {
            command(clock.GetTimestamp());
        }
    }

    /// <summary>Advances every connection by what the last poll said, and returns the next deadline.</summary>
    private long AdvanceAll()
    {
        // Entries lie as they were asked for: wake, listener, then four for each connection that was there.
        long next = long.MaxValue;
        int at = 2;
        for (int i = 0; i < connections.Count; i++)
        {
            LinkConnection connection = connections[i];
            LinkEvents up = default;
            LinkEvents down = default;
            if (at + 4 <= entries.Count)
            {
                up = new LinkEvents(entries[at].Returned != 0, entries[at + 1].Returned != 0);
                down = new LinkEvents(entries[at + 2].Returned != 0, entries[at + 3].Returned != 0);
                at += 4;
            }

            (long wasUp, long wasDown) = (connection.Up.Delivered, connection.Down.Delivered);
            bool open = true;
            try
            {
                next = Math.Min(next, connection.Advance(clock.GetTimestamp(), up, down));
                open = !connection.Finished;
                if (!open)
                {
                    connection.Dispose();
                }
            }
            catch (SocketException)
            {
                // A reset on one side is one on the other.
                connection.Reset();
                open = false;
            }

            Interlocked.Add(ref bytesUp, connection.Up.Delivered - wasUp);
            Interlocked.Add(ref bytesDown, connection.Down.Delivered - wasDown);
            if (!open)
            {
                connections.RemoveAt(i--);
            }
        }

        return next;
    }

    private void Poll(long deadline)
    {
        entries.Clear();
        Ask((int)wake.DangerousGetHandle(), Libc.PollIn);
        Ask(listener is not null && !stalled ? Descriptor(listener) : -1, Libc.PollIn);
        if (!stalled)
        {
            foreach (LinkConnection connection in connections)
            {
                Ask(connection.Up.WantsRead ? Descriptor(connection.Up.Source) : -1, Libc.PollIn);
                Ask(connection.Up.WantsWrite ? Descriptor(connection.Up.Destination!) : -1, Libc.PollOut);
                Ask(connection.Down.WantsRead && connection.Connected ? Descriptor(connection.Down.Source) : -1, Libc.PollIn);
                Ask(connection.Down.WantsWrite ? Descriptor(connection.Down.Destination!) : -1, Libc.PollOut);
            }
        }

        long wait = deadline == long.MaxValue ? shape.TicksPerSecond : Math.Max(0, deadline - clock.GetTimestamp());
        Int128 nanoseconds = (Int128)wait * 1_000_000_000 / shape.TicksPerSecond;
        Libc.TimeSpec timeout = new((long)(nanoseconds / 1_000_000_000), (long)(nanoseconds % 1_000_000_000));
        if (Libc.Poll(CollectionsMarshal.AsSpan(entries), (nuint)entries.Count, in timeout, 0) <= 0)
        {
            return;
        }

        if (entries[0].Returned != 0)
        {
            _ = Libc.Read(wake, stackalloc byte[sizeof(ulong)], sizeof(ulong));
        }

        if (entries[1].Returned != 0 && listener is not null)
        {
            Accept(listener);
        }
    }

    private void Accept(Socket from)
    {
        try
        {
            LinkConnection connection = new(from.Accept(), target, shape, clock.GetTimestamp());
            connection.Down.Limit = downLimit;
            connections.Add(connection);
            Interlocked.Increment(ref accepted);
        }
        catch (SocketException gone) when (gone.SocketErrorCode is SocketError.WouldBlock or SocketError.ConnectionAborted)
        {
            // The client went away between the poll and the accept: there is nothing to pass on.
        }
    }

    private void Ask(int descriptor, short events) =>
        entries.Add(new Libc.PollEntry { Descriptor = descriptor, Events = events });

    private static int Descriptor(Socket socket) => (int)socket.SafeHandle.DangerousGetHandle();
}
