using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using MirrorSync.Testing;
using MirrorSync.Testing.Network;

namespace MirrorSync.EndToEnd.Tests.Network;

/// <summary>
/// The link itself. Times are asserted from below only: a delay that is too short is a bug of the link, one that is too
/// long may be the machine's.
/// </summary>
public sealed class WanLinkTests
{
    [Fact]
    public async Task Link_BothDirectionsBusy_BytesArriveIntactAndInOrder()
    {
        await using EchoServer server = new();
        await using WanLink link = WanLink.Start(server.Address, new WanLinkOptions { DelayUp = Milliseconds(3), DelayDown = Milliseconds(2) });
        byte[] sent = new byte[5_000_000];
        new Random(7).NextBytes(sent);

        byte[] received = await EchoAsync(link, sent);

        Assert.True(sent.AsSpan().SequenceEqual(received));
        Assert.Equal(sent.Length, link.BytesUp);
        Assert.Equal(sent.Length, link.BytesDown);
    }

    [Fact]
    public async Task Link_ManyConnections_EachGetsItsOwnBytes()
    {
        await using EchoServer server = new();
        await using WanLink link = WanLink.Start(server.Address, WanLinkOptions.Symmetric(Milliseconds(2)));

        byte[][] sent = [.. Enumerable.Range(0, 60).Select(i => Enumerable.Repeat((byte)i, 20_000 + i).ToArray())];
        byte[][] received = await Task.WhenAll(sent.Select(s => EchoAsync(link, s)));

        Assert.Equal(sent, received);
        Assert.Equal(60, link.Accepted);
    }

    [Fact]
    public async Task Link_OneByteRoundTrip_TakesBothDelaysAtLeast()
    {
        await using EchoServer server = new();
        await using WanLink link = WanLink.Start(server.Address, new WanLinkOptions { DelayUp = Milliseconds(30), DelayDown = Milliseconds(10) });
        using TcpClient client = await ConnectAsync(link);
        await RoundTripAsync(client);

        Stopwatch watch = Stopwatch.StartNew();
        await RoundTripAsync(client);

        Assert.True(watch.Elapsed >= Milliseconds(40), $"{watch.Elapsed.TotalMilliseconds} ms");
    }

    [Fact]
    public async Task Link_FirstByte_WaitsForTheHandshakeToo()
    {
        await using EchoServer server = new();
        await using WanLink link = WanLink.Start(server.Address, WanLinkOptions.Symmetric(Milliseconds(20)));

        Stopwatch watch = Stopwatch.StartNew();
        using TcpClient client = await ConnectAsync(link);
        await RoundTripAsync(client);

        Assert.True(watch.Elapsed >= Milliseconds(80), $"{watch.Elapsed.TotalMilliseconds} ms");
    }

    [Fact]
    public async Task Link_WithCapacity_TakesBytesOverRate()
    {
        await using EchoServer server = new();
        await using WanLink link = WanLink.Start(server.Address, new WanLinkOptions { BytesPerSecond = 4_000_000, SlowStart = false });

        Stopwatch watch = Stopwatch.StartNew();
        byte[][] received = await Task.WhenAll(EchoAsync(link, new byte[400_000]), EchoAsync(link, new byte[400_000]));

        // Both connections share the capacity: 800,000 bytes take 200 ms.
        Assert.All(received, static r => Assert.Equal(400_000, r.Length));
        Assert.True(watch.Elapsed >= Milliseconds(200), $"{watch.Elapsed.TotalMilliseconds} ms");
    }

    [Fact]
    public async Task Link_SlowStart_NeedsARoundTripForEachDoubling()
    {
        await using EchoServer server = new();
        await using WanLink link = WanLink.Start(server.Address, new WanLinkOptions { DelayUp = Milliseconds(15), DelayDown = Milliseconds(15) });

        // 10 + 20 + 40 segments carry 102,200 bytes: the fourth window leaves after three round trips.
        Stopwatch watch = Stopwatch.StartNew();
        using TcpClient client = await ConnectAsync(link);
        await client.GetStream().WriteAsync(new byte[110_000]);
        await client.GetStream().ReadExactlyAsync(new byte[110_000]);

        // One round trip of handshake, three of windows, one for the last window's way there and back.
        Assert.True(watch.Elapsed >= Milliseconds(5 * 30 - 1), $"{watch.Elapsed.TotalMilliseconds} ms");
    }

    [Fact]
    public async Task Cut_Stalling_NothingPassesUntilHealed()
    {
        await using EchoServer server = new();
        await using WanLink link = WanLink.Start(server.Address, WanLinkOptions.Symmetric(Milliseconds(1)));
        using TcpClient client = await ConnectAsync(link);
        await RoundTripAsync(client);

        link.Cut(CutMode.Stall);
        long before = link.BytesUp;
        await client.GetStream().WriteAsync(new byte[] { 1, 2, 3 });
        Task<byte[]> blackholed = EchoAsync(link, [9]);
        link.Cut(CutMode.Stall);
        Assert.Equal(before, link.BytesUp);
        Assert.False(blackholed.IsCompleted);

        link.Heal();
        byte[] answer = new byte[3];
        await client.GetStream().ReadExactlyAsync(answer);
        Assert.Equal([1, 2, 3], answer);
        Assert.Equal([9], await blackholed.WaitAsync(Patience.Deadline));
    }

    [Fact]
    public async Task Cut_Resetting_EndsConnectionsAndRefusesUntilHealed()
    {
        await using EchoServer server = new();
        await using WanLink link = WanLink.Start(server.Address, WanLinkOptions.Symmetric(Milliseconds(1)));
        using TcpClient client = await ConnectAsync(link);
        await RoundTripAsync(client);

        link.Cut(CutMode.Reset);
        await Assert.ThrowsAsync<IOException>(() => client.GetStream().ReadExactlyAsync(new byte[1]).AsTask());
        SocketException refused = await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(link));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);

        link.Heal();
        Assert.Equal([5], await EchoAsync(link, [5]));
    }

    [Fact]
    public async Task Target_Changed_NewConnectionsLeadThere()
    {
        await using EchoServer other = new();
        await using WanLink link = WanLink.Start(new IPEndPoint(IPAddress.Loopback, 1), new WanLinkOptions());
        await Assert.ThrowsAnyAsync<Exception>(() => EchoAsync(link, [4]));

        link.Target = other.Address;

        Assert.Equal([5], await EchoAsync(link, [5]));
    }

    private static TimeSpan Milliseconds(double count) => TimeSpan.FromMilliseconds(count);

    private static async Task<TcpClient> ConnectAsync(WanLink link)
    {
        TcpClient client = new() { NoDelay = true };
        await client.ConnectAsync(link.Address);
        return client;
    }

    private static async Task RoundTripAsync(TcpClient client)
    {
        await client.GetStream().WriteAsync(new byte[] { 42 });
        await client.GetStream().ReadExactlyAsync(new byte[1]);
    }

    /// <summary>Sends all, half-closes, and returns what came back.</summary>
    private static async Task<byte[]> EchoAsync(WanLink link, byte[] bytes)
    {
        using TcpClient client = await ConnectAsync(link);
        using MemoryStream received = new();
        Task read = client.GetStream().CopyToAsync(received);
        await client.GetStream().WriteAsync(bytes);
        client.Client.Shutdown(SocketShutdown.Send);
        await read.WaitAsync(Patience.Deadline);
        return received.ToArray();
    }
}
