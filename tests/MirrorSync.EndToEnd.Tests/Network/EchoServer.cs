using System.Net;
using System.Net.Sockets;

namespace MirrorSync.EndToEnd.Tests.Network;

/// <summary>A target for links: sends back what it gets, to the end of each connection.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly Task serving;

    public EchoServer()
    {
        listener.Start();
        serving = ServeAsync();
    }

    public IPEndPoint Address => (IPEndPoint)listener.LocalEndpoint;

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Dispose();
        await serving;
        stop.Dispose();
    }

    private async Task ServeAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                connections.Add(EchoAsync(await listener.AcceptTcpClientAsync(stop.Token)));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or ObjectDisposedException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task EchoAsync(TcpClient client)
    {
        using (client)
        {
            client.NoDelay = true;
            try
            {
                await client.GetStream().CopyToAsync(client.GetStream(), stop.Token);
            }
            catch (Exception ended) when (ended is IOException or OperationCanceledException)
            {
                // A reset or the test's end: there is nobody left to echo to.
            }
        }
    }
}
