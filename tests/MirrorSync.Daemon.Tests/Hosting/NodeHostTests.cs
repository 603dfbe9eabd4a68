using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Testing;

namespace MirrorSync.Daemon.Tests.Hosting;

public sealed class NodeHostTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly TempFolder folder = new();
    private readonly FakeNode node = new();
    private readonly MirrorSyncConfig config;

    public NodeHostTests() => config = Configs.Node(folder.Path);

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Start_PortsLeftOpen_AreToldInEndpointsFileAndTakenAwayAtTheEnd()
    {
        await using (RunningNode running = await RunningNode.StartAsync(config, node))
        {
            Endpoints endpoints = Assert.IsType<Endpoints>(Endpoints.Read(config.Data));
            Assert.Equal(running.Host.Endpoints, endpoints);
            Assert.Equal(3, new[] { endpoints.Public, endpoints.Replication, endpoints.Admin }.Distinct().Count());
            Assert.All([endpoints.Public, endpoints.Replication, endpoints.Admin], static e => Assert.Matches(@"^http://127\.0\.0\.1:[1-9]\d*$", e));
            Assert.Equal((HttpStatusCode.OK, "public"), await running.GetAsync(endpoints.Public + "/x"));
            await StopAsync(running.Host);
        }

        Assert.Null(Endpoints.Read(config.Data));
    }

    [Fact]
    public async Task Request_ByOneListener_NeverReachesAnothersPaths()
    {
        node.Replication["/replication/v1/who"] = static http => http.Response.WriteAsync("secret");
        await using RunningNode running = await RunningNode.StartAsync(config, node);
        Endpoints at = running.Host.Endpoints;

        // Whatever the path, a listener answers as itself.
        Assert.Equal("public", (await running.GetAsync(at.Public + "/status")).Body);
        Assert.Equal("public", (await running.GetAsync(at.Public + "/replication/v1/who")).Body);
        Assert.Equal(HttpStatusCode.NotFound, (await running.AdminAsync("/replication/v1/who")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await running.AdminAsync("/a.git/info/refs")).Status);
        using HttpClient client = NodeClients.Create(null);
        Assert.Equal("secret", await client.GetStringAsync(new Uri(at.Replication + "/replication/v1/who")));
        foreach (string path in new[] { "/status", "/metrics", "/a.git/info/refs", "/replication/v1/", "/" })
        {
            using HttpResponseMessage answer = await client.GetAsync(new Uri(at.Replication + path));
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
    }

    [Fact]
    public async Task Start_ReplicationSpeaksHttp2Only()
    {
        await using RunningNode running = await RunningNode.StartAsync(config, node);

        HttpStatusCode? status = null;
        try
        {
            status = (await running.GetAsync(running.Host.Endpoints.Replication + NodePaths.Heard)).Status;
        }
        catch (HttpRequestException)
        {
            // Cut off is as good a refusal as an error page.
            status = HttpStatusCode.BadRequest;
        }

        Assert.Equal(HttpStatusCode.BadRequest, status);
    }

    [Fact]
    public async Task Start_WhileRecovering_NothingListens()
    {
        int port = FreePort();
        MirrorSyncConfig fixedPort = config with
        {
            Listen = config.Listen with { Public = new ListenAddress(new IPEndPoint(IPAddress.Loopback, port), false) },
        };
        var recovering = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        node.Recover = async _ =>
        {
            recovering.SetResult();
            await go.Task;
        };

        Task<RunningNode> starting = RunningNode.StartAsync(fixedPort, node);
        await recovering.Task.WaitAsync(Deadline);

        Assert.False(CanConnect(port));
        Assert.Null(Endpoints.Read(config.Data));
        go.SetResult();
        await using RunningNode running = await starting.WaitAsync(Deadline);
        Assert.True(CanConnect(port));
    }

    [Fact]
    public async Task Start_RecoveryRefuses_StartsNothingAndLetsTheDataGo()
    {
        var service = new RecordingService();
        node.Services = [service];
        node.Recover = static _ => throw new StartupException("the log is shorter than it was");

        StartupException refused = await Assert.ThrowsAsync<StartupException>(() => RunningNode.HostAsync(config, node));

        Assert.Equal("the log is shorter than it was", refused.Message);
        Assert.False(service.Started);
        DataFolder.Open(config).Dispose();
    }

    [Theory]
    [InlineData("Listen:Public")]
    [InlineData("Listen:Replication")]
    [InlineData("Listen:Admin")]
    public async Task Start_PortInUse_NamesKeyAndAddressAndStopsWhatItStarted(string key)
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var endPoint = (IPEndPoint)other.LocalEndpoint;
        var taken = new ListenAddress(endPoint, false);
        var service = new RecordingService();
        node.Services = [service];
        MirrorSyncConfig clashing = config with
        {
            Listen = key switch
            {
                "Listen:Public" => config.Listen with { Public = taken },
                "Listen:Replication" => config.Listen with { Replication = taken },
                _ => config.Listen with { Admin = taken },
            },
        };

        StartupException refused = await Assert.ThrowsAsync<StartupException>(() => RunningNode.HostAsync(clashing, node));

        Assert.Equal($"{key}: {endPoint} is in use by another process", refused.Message);
        Assert.True(service.Started && service.Stopped);
    }

    [Fact]
    public async Task Start_SecondDaemonOnTheSameData_IsRefused()
    {
        await using RunningNode first = await RunningNode.StartAsync(config, node);

        StartupException refused = await Assert.ThrowsAsync<StartupException>(() => RunningNode.HostAsync(config, new FakeNode()));

        Assert.Contains("is in use by another mirrorsync", refused.Message, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await first.AdminAsync("/healthz")).Status);
        Assert.NotNull(Endpoints.Read(config.Data));
    }

    [Fact]
    public async Task Run_ServiceFails_EndsTheNodeWithItsWords()
    {
        var failing = new FailingService();
        node.Services = [failing];
        await using NodeHost host = await RunningNode.HostAsync(config, node);

        failing.Fail("the log cannot be written");

        Assert.Equal("the failing one failed: the log cannot be written", await host.RunAsync(CancellationToken.None).WaitAsync(Deadline));
    }

    [Fact]
    public async Task Stop_OpenReplicationStream_IsEnded()
    {
        var open = new TaskCompletionSource();
        node.Replication["/replication/v1/stream"] = async http =>
        {
            await http.Response.Body.FlushAsync();
            open.SetResult();
            await new TaskCompletionSource().Task.WaitAsync(http.RequestAborted);
        };
        await using NodeHost host = await RunningNode.HostAsync(config, node);
        using HttpClient client = NodeClients.Create(null);
        using HttpResponseMessage response = await client.GetAsync(
            new Uri(host.Endpoints.Replication + "/replication/v1/stream"), HttpCompletionOption.ResponseHeadersRead).WaitAsync(Deadline);
        await open.Task.WaitAsync(Deadline);

        Assert.Null(await StopAsync(host));

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => response.Content.ReadAsStringAsync().WaitAsync(Deadline));
    }

    [Fact]
    public async Task Stop_HandlerThatWritesToAClientThatDoesNotRead_IsEnded()
    {
        var begun = new TaskCompletionSource();
        node.Replication["/replication/v1/flood"] = async http =>
        {
            byte[] block = new byte[1 << 20];
            await http.Response.Body.FlushAsync();
            begun.SetResult();
            while (true)
            {
                // Without a token: only the end of the connection ends it.
                await http.Response.Body.WriteAsync(block, CancellationToken.None);
                http.RequestAborted.ThrowIfCancellationRequested();
            }
        };
        await using NodeHost host = await RunningNode.HostAsync(config, node);
        using HttpClient client = NodeClients.Create(null);
        using HttpResponseMessage response = await client.GetAsync(
            new Uri(host.Endpoints.Replication + "/replication/v1/flood"), HttpCompletionOption.ResponseHeadersRead).WaitAsync(Deadline);
        await begun.Task.WaitAsync(Deadline);

        Assert.Null(await StopAsync(host));
    }

    [Fact]
    public async Task Replication_LongBody_IsNotLimited()
    {
        node.Replication["/replication/v1/count"] = static async http =>
        {
            long count = 0;
            byte[] buffer = new byte[1 << 20];
            for (int read; (read = await http.Request.Body.ReadAsync(buffer)) > 0;)
            {
                count += read;
            }

            await http.Response.WriteAsync($"{count}");
        };
        await using RunningNode running = await RunningNode.StartAsync(config, node);
        using HttpClient client = NodeClients.Create(null);

        // Over the limit that the public listener has.
        using var body = new ByteArrayContent(new byte[80 << 20]);
        using HttpResponseMessage response = await client
            .PostAsync(new Uri(running.Host.Endpoints.Replication + "/replication/v1/count"), body).WaitAsync(Deadline);

        Assert.Equal($"{80 << 20}", await response.Content.ReadAsStringAsync());
    }

    private static async Task<string?> StopAsync(NodeHost host)
    {
        using var stop = new CancellationTokenSource();
        Task<string?> run = host.RunAsync(stop.Token);
        await stop.CancelAsync();
        return await run.WaitAsync(Deadline);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static bool CanConnect(int port)
    {
        using var client = new TcpClient();
        try
        {
            client.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private sealed class RecordingService : IHostedService
    {
        public bool Started { get; private set; }

        public bool Stopped { get; private set; }

        public Task StartAsync(CancellationToken cancellationToken)
        {
            Started = true;
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken)
        {
            Stopped = true;
            return Task.CompletedTask;
        }
    }

    private sealed class FailingService : BackgroundService
    {
        private readonly TaskCompletionSource failure = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Fail(string message) => failure.SetException(new InvalidOperationException(message));

        public override string ToString() => "the failing one";

        protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.Task;
    }
}
