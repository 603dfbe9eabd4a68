using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using MirrorSync.Serving.Tests.Support;
using MirrorSync.Serving.UploadPack;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;

namespace MirrorSync.Serving.Tests.UploadPack;

/// <summary>A node with one slot, taken by a git that says nothing.</summary>
public sealed class UploadPackSlotsTests : IAsyncLifetime
{
    private static readonly HttpClient Client = new() { Timeout = GitClient.Deadline };

    private static readonly ServingOptions Options = new()
    {
        PrimaryName = static () => null,
        RetryAfter = TimeSpan.FromSeconds(7),
        MaxUploadPacks = 1,
    };

    private readonly GitClient git = new();
    private readonly ManualTimeProvider time = new();
    private TestRepository silent = null!;
    private TestRepository other = null!;
    private string silentTip = string.Empty;
    private string otherTip = string.Empty;

    public async Task InitializeAsync()
    {
        silent = await TestRepository.CreateAsync(git, "silent.git");
        silentTip = await silent.CommitAsync("main", "text");
        other = await TestRepository.CreateAsync(git, "other.git");
        otherTip = await other.CommitAsync("main", "text");
    }

    public Task DisposeAsync()
    {
        git.Remove();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task Http_NoSlotInTime_IsToldToComeBackAndServedWhenOneIsFree()
    {
        await using HttpHost host = await HttpHost.StartedAsync(Options, time);
        await ShowAsync(host);
        byte[] request = Requests.Fetch(silentTip);
        using TcpClient first = new();
        await first.ConnectAsync(host.Address.Host, host.Address.Port);
        await first.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /silent.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nGit-Protocol: version=2\r\nContent-Type: application/x-git-upload-pack-request\r\nContent-Length: {request.Length}\r\n\r\n"));
        await first.GetStream().WriteAsync(request);
        await GitProcesses.StartedAsync(silent.Path);

        Task<HttpResponseMessage> waiting = FetchAsync(host);
        await WaitingAsync(1);
        Assert.Empty(GitProcesses.Of(other.Path));
        time.Advance(UploadPackSlots.Patience);
        using HttpResponseMessage refused = await waiting;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(7), refused.Headers.RetryAfter?.Delta);

        // The clock stands still from here on: the slot of the client that leaves is given on.
        Task<HttpResponseMessage> next = FetchAsync(host);
        await WaitingAsync(1);
        first.Close();
        using HttpResponseMessage served = await next;
        Assert.Equal(HttpStatusCode.OK, served.StatusCode);
        Assert.Contains("PACK", Encoding.Latin1.GetString(await served.Content.ReadAsByteArrayAsync()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Git_NoSlotInTime_IsToldInALine()
    {
        await using GitHost host = new() { Time = time };
        await host.StartAsync(Options);
        await ShowAsync(host);
        using TcpClient first = await SendAsync(host, "silent.git", silentTip);
        await GitProcesses.StartedAsync(silent.Path);
        int timers = time.WaitingTimers;

        using TcpClient second = await SendAsync(host, "other.git", otherTip);

        // Its own patience for the connection, and that for a slot.
        await WaitingAsync(timers + 2);
        time.Advance(UploadPackSlots.Patience);
        using StreamReader reader = new(second.GetStream(), Encoding.Latin1);
        second.Client.Shutdown(SocketShutdown.Send);
        string answer = await reader.ReadToEndAsync().WaitAsync(GitClient.Deadline);
        Assert.EndsWith("ERR too many clients are being served here; try again in 7 seconds", answer, StringComparison.Ordinal);
        Assert.Empty(GitProcesses.Of(other.Path));
    }

    private async Task ShowAsync(ITestHost host)
    {
        // Only after git told the refs: it reads the object for that too.
        RepositoryState[] states = [await silent.StateAsync(), await other.StateAsync()];
        await silent.SilenceAsync(silentTip);
        foreach (RepositoryState state in states)
        {
            host.Repositories.Show(state);
        }
    }

    private static async Task<TcpClient> SendAsync(GitHost host, string name, string want)
    {
        TcpClient socket = new();
        await socket.ConnectAsync(host.Bound);
        await socket.GetStream().WriteAsync(Requests.Lines($"git-upload-pack /{name}\0\0version=2\0"));
        await socket.GetStream().WriteAsync(Requests.Fetch(want));
        return socket;
    }

    private async Task<HttpResponseMessage> FetchAsync(HttpHost host)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, host.UrlOf("other.git/git-upload-pack"))
        {
            Content = new ByteArrayContent(Requests.Fetch(otherTip)),
        };
        request.Headers.Add("Git-Protocol", "version=2");
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-git-upload-pack-request");
        return await Client.SendAsync(request);
    }

    private async Task WaitingAsync(int timers)
    {
        using CancellationTokenSource deadline = new(GitClient.Deadline);
        while (time.WaitingTimers < timers)
        {
            deadline.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
