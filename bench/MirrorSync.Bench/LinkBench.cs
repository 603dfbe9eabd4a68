using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using MirrorSync.Testing;
using MirrorSync.Testing.Network;
using MirrorSync.Testing.Nodes;

namespace MirrorSync.Bench;

/// <summary>How much later than asked a link delivers: this error is in every number that is measured over it.</summary>
internal static class LinkBench
{
    private const int Samples = 200;

    public static Task RunAsync(string[] arguments) => Task.WhenAll(Region.All.Select(Measure));

    private static Task Measure(Region region) => Task.Run(async () =>
    {
        using TcpListener target = new(IPAddress.Loopback, 0);
        target.Start();
        await using WanLink link = WanLink.Start((IPEndPoint)target.LocalEndpoint, WanLinkOptions.Symmetric(region.OneWay));
        using Socket client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.Connect(link.Address);
        using Socket server = target.AcceptSocket();
        byte[] message = new byte[300];

        // The handshake's time is not the link's error: the first message is not measured.
        client.Send(message);
        Receive(server, message);
        List<TimeSpan> errors = [];
        for (int i = 0; i < Samples; i++)
        {
            long sent = Stopwatch.GetTimestamp();
            client.Send(message);
            Receive(server, message);
            errors.Add(Stopwatch.GetElapsedTime(sent) - region.OneWay);
        }

        Console.WriteLine(JsonSerializer.Serialize(
            new
            {
                Case = "link-delay-error",
                Region = region.Name,
                OneWayMs = region.OneWay.TotalMilliseconds,
                P50Ms = Percentile.Milliseconds(errors, 0.5),
                P99Ms = Percentile.Milliseconds(errors, 0.99),
            },
            JsonSerializerOptions.Web));
    });

    private static void Receive(Socket socket, byte[] message)
    {
        int received = 0;
        while (received < message.Length)
        {
            received += socket.Receive(message.AsSpan(received));
        }
    }
}
