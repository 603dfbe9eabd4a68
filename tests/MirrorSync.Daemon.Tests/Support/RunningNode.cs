using System.Net;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Daemon.Systemd;

namespace MirrorSync.Daemon.Tests.Support;

/// <summary>A node host in this process, and an HTTP client for it.</summary>
internal sealed class RunningNode : IAsyncDisposable
{
    private readonly HttpClient client = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(60) };

    private RunningNode(NodeHost host) => Host = host;

    public NodeHost Host { get; }

    public static async Task<RunningNode> StartAsync(MirrorSyncConfig config, FakeNode node, SdNotify? notify = null) =>
        new(await HostAsync(config, node, notify));

    public static Task<NodeHost> HostAsync(MirrorSyncConfig config, FakeNode node, SdNotify? notify = null) => NodeHost.StartAsync(
        config, node.Compose, TimeProvider.System, notify ?? new SdNotify(Configs.NoEnvironment, 1), CancellationToken.None);

    public Task<(HttpStatusCode Status, string Body)> AdminAsync(string path) => GetAsync(Host.Endpoints.Admin + path);

    public async Task<(HttpStatusCode Status, string Body)> GetAsync(string url)
    {
        using HttpResponseMessage response = await client.GetAsync(new Uri(url));
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public async Task<(HttpStatusCode Status, string Body)> PostAsync(string url, HttpContent content)
    {
        using HttpResponseMessage response = await client.PostAsync(new Uri(url), content);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await Host.DisposeAsync();
    }
}
