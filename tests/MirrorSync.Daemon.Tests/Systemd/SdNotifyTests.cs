using System.Net.Sockets;
using System.Text;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Daemon.Systemd;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Testing;

namespace MirrorSync.Daemon.Tests.Systemd;

public sealed class SdNotifyTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Send_ToASocketFile_Arrives()
    {
        using Socket systemd = Listen(folder["notify"]);

        Assert.True(new SdNotify(Environment(folder["notify"]), 1).Send("READY=1"));

        Assert.Equal("READY=1", await ReceiveAsync(systemd));
    }

    [Fact]
    public async Task Send_ToAnAbstractSocket_Arrives()
    {
        string name = "mirrorsync-test-" + Guid.NewGuid().ToString("N");
        using Socket systemd = Listen("\0" + name);

        Assert.True(new SdNotify(Environment("@" + name), 1).Send("READY=1"));

        Assert.Equal("READY=1", await ReceiveAsync(systemd));
    }

    [Fact]
    public void Send_WithoutSystemd_DoesNothing()
    {
        Assert.False(new SdNotify(Configs.NoEnvironment, 1).Send("READY=1"));
        Assert.False(new SdNotify(Environment("relative"), 1).Send("READY=1"));
        Assert.False(new SdNotify(Environment(folder["gone"]), 1).Send("READY=1"));
    }

    [Theory]
    [InlineData("20000000", null, 10.0)]
    [InlineData("20000000", "77", 10.0)]
    [InlineData("20000000", "78", null)]
    [InlineData("0", null, null)]
    [InlineData("soon", null, null)]
    [InlineData(null, null, null)]
    public void WatchdogInterval_IsHalfOfWhatSystemdAllows(string? limit, string? pid, double? seconds)
    {
        Dictionary<string, string> environment = Environment("/run/notify");
        if (limit is not null)
        {
            environment["WATCHDOG_USEC"] = limit;
        }

        if (pid is not null)
        {
            environment["WATCHDOG_PID"] = pid;
        }

        Assert.Equal(seconds, new SdNotify(environment, 77).WatchdogInterval?.TotalSeconds);
    }

    [Fact]
    public async Task Node_TellsReadyWatchdogAndStopping()
    {
        using Socket systemd = Listen(folder["notify"]);
        Dictionary<string, string> environment = Environment(folder["notify"]);
        environment["WATCHDOG_USEC"] = "3600000000";
        var told = new List<string>();

        await using (NodeHost host = await RunningNode.HostAsync(Configs.Node(folder.Path), new FakeNode(), new SdNotify(environment, 1)))
        {
            told.Add(await ReceiveAsync(systemd));
            told.Add(await ReceiveAsync(systemd));
            using var stop = new CancellationTokenSource();
            await stop.CancelAsync();
            await host.RunAsync(stop.Token);
            told.Add(await ReceiveAsync(systemd));
            Assert.Equal($"READY=1\nSTATUS=serving on {host.Endpoints.Public}", told.Single(static t => t.StartsWith("READY", StringComparison.Ordinal)));
        }

        Assert.Contains("WATCHDOG=1", told);
        Assert.Equal("STOPPING=1", told[^1]);
    }

    private static Dictionary<string, string> Environment(string socket) => new() { ["NOTIFY_SOCKET"] = socket };

    private static Socket Listen(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    private static async Task<string> ReceiveAsync(Socket socket)
    {
        byte[] buffer = new byte[4096];
        using var deadline = new CancellationTokenSource(Deadline);
        return Encoding.UTF8.GetString(buffer, 0, await socket.ReceiveAsync(buffer, deadline.Token));
    }
}
