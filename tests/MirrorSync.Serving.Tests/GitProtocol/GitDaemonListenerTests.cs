using System.Net;
using System.Net.Sockets;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Serving.GitProtocol;
using MirrorSync.Serving.Tests.Support;

namespace MirrorSync.Serving.Tests.GitProtocol;

/// <summary>Connections as they stand on the wire, good and bad.</summary>
public sealed class GitDaemonListenerTests : IAsyncLifetime
{
    private static readonly ServingOptions Serving = new() { PrimaryName = static () => "origin-1", NodeName = "origin-1" };

    private readonly GitClient git = new();
    private readonly List<IAsyncDisposable> hosts = [];
    private TestRepository repository = null!;
    private string tip = string.Empty;

    public async Task InitializeAsync()
    {
        repository = await TestRepository.CreateAsync(git, "r.git");
        tip = await repository.CommitAsync("main", "text");
    }

    public async Task DisposeAsync()
    {
        foreach (IAsyncDisposable host in hosts)
        {
            await host.DisposeAsync();
        }

        git.Remove();
    }

    [Theory]
    [InlineData("git-receive-pack /r.git", "ERR this address is read-only; push to the primary origin-1")]
    [InlineData("git-upload-archive /r.git", "ERR this service is not offered here")]
    [InlineData("git-upload-pack /nothing.git", "ERR there is no such repository here")]
    [InlineData("git-upload-pack /../r.git", "ERR there is no such repository here")]
    [InlineData("git-upload-pack /\u00ff.git", "ERR malformed request")]
    [InlineData("nonsense", "ERR malformed request")]
    public async Task RunAsync_RequestThatIsNotServed_IsToldWhy(string request, string words)
    {
        GitHost host = await StartAsync(new GitHost());
        string answer = await ConverseAsync(host, Requests.Lines(request + "\0host=x\0"));
        Assert.Equal($"{words.Length + 4:x4}{words}", answer);
    }

    [Theory]
    [InlineData("git-upload-pack /r.git\0host=localhost:9418\0\0version=2\0")]
    [InlineData("git-upload-pack r\0\0version=2\0")]
    public async Task RunAsync_SeveralCommands_AreAnsweredOneAfterTheOther(string request)
    {
        GitHost host = await StartAsync(new GitHost());
        byte[] lsRefs = Requests.LsRefs(ObjectFormat.Sha1, "symrefs");
        GitResult refs = await git.TryAsync(lsRefs, "version=2", "upload-pack", "--stateless-rpc", repository.Path);
        string answer = await ConverseAsync(host, Requests.Lines(request), lsRefs, Requests.Fetch(tip), lsRefs, Encoding.ASCII.GetBytes("0000"));
        Assert.StartsWith("000eversion 2\n", answer, StringComparison.Ordinal);
        Assert.Equal(3, answer.Split(refs.Text).Length);
        Assert.Contains("packfile\n", answer, StringComparison.Ordinal);
        Assert.EndsWith(refs.Text, answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_RefsShownBetweenTwoCommands_AreToldInTheSecond()
    {
        GitHost host = await StartAsync(new GitHost());
        using TcpClient socket = await ConnectAsync(host);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Requests.Lines("git-upload-pack /r.git\0\0version=2\0"));
        string second = await repository.CommitAsync("main", "more");
        await stream.WriteAsync(Requests.LsRefs(ObjectFormat.Sha1));
        string old = await ReadUntilAsync(stream, "refs/heads/main\n0000");
        Assert.Contains(tip, old, StringComparison.Ordinal);
        host.Repositories.Show(await repository.StateAsync());
        await stream.WriteAsync(Requests.LsRefs(ObjectFormat.Sha1));
        Assert.Contains(second, await ReadUntilAsync(stream, "refs/heads/main\n0000"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(0)]
    public async Task RunAsync_TruncatedAtEveryByte_EndsTheConnectionAndItsProcesses(int version)
    {
        GitHost host = await StartAsync(new GitHost());
        string extra = version == 2 ? "\0version=2\0" : string.Empty;
        byte[] second = version == 2 ? Requests.Fetch(tip) : Requests.Lines($"want {tip} ofs-delta", Requests.Flush, "done");
        byte[] request = [.. Requests.Lines("git-upload-pack /r.git\0host=x\0" + extra), .. second];
        for (int length = 0; length < request.Length; length++)
        {
            string answer = await ConverseAsync(host, request[..length]);
            Assert.DoesNotContain("PACK", answer, StringComparison.Ordinal);
        }

        await GitProcesses.EndedAsync(GitProcesses.Of(repository.Path));
    }

    [Theory]
    [InlineData("0003")]
    [InlineData("fff1")]
    [InlineData("zzzz")]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("0000")]
    [InlineData("0004")]
    public async Task RunAsync_NoRequestAtAll_EndsTheConnection(string bytes)
    {
        GitHost host = await StartAsync(new GitHost());
        string answer = await ConverseAsync(host, Encoding.ASCII.GetBytes(bytes));
        Assert.True(answer is "" or "0019ERR malformed request", answer);
    }

    [Fact]
    public async Task RunAsync_CommandThatGitDoesNotKnow_EndsTheConnection()
    {
        GitHost host = await StartAsync(new GitHost());
        string answer = await ConverseAsync(
            host, Requests.Lines("git-upload-pack /r.git\0\0version=2\0"), Requests.Lines("command=explode", Requests.Flush), "0000"u8.ToArray());
        Assert.EndsWith("ERR git upload-pack failed here", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(0)]
    public async Task RunAsync_ClientLeavesWhileItsAnswerComes_EndsGit(int version)
    {
        GitHost host = await StartAsync(new GitHost());
        string large = await LargeCommitAsync(host);
        using TcpClient socket = await ConnectAsync(host);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Requests.Lines("git-upload-pack /r.git\0\0" + (version == 2 ? "version=2\0" : "version=0\0")));
        byte[] request = version == 2 ? Requests.Fetch(large) : Requests.Lines($"want {large} ofs-delta side-band-64k", Requests.Flush, "done");
        await stream.WriteAsync(request);
        await ReadUntilAsync(stream, "PACK");
        IReadOnlyList<int> processes = GitProcesses.Of(repository.Path);
        Assert.NotEmpty(processes);
        socket.Close();
        await GitProcesses.EndedAsync(processes);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(0)]
    public async Task RunAsync_ClientLeavesWhileGitIsSilent_EndsGit(int version)
    {
        GitHost host = await StartAsync(new GitHost());
        await repository.SilenceAsync(tip);
        using TcpClient socket = await ConnectAsync(host);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Requests.Lines("git-upload-pack /r.git\0\0" + (version == 2 ? "version=2\0" : "version=0\0")));
        await stream.WriteAsync(Requests.Fetch(tip));
        IReadOnlyList<int> processes = await GitProcesses.StartedAsync(repository.Path);
        socket.Close();
        await GitProcesses.EndedAsync(processes);
    }

    [Fact]
    public async Task RunAsync_Cancelled_EndsAnswersAfterTheirGrace()
    {
        GitHost host = await StartAsync(new GitHost { Options = Loopback with { StopGrace = TimeSpan.FromMilliseconds(1) } });
        await repository.SilenceAsync(tip);
        using TcpClient socket = await ConnectAsync(host);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Requests.Lines("git-upload-pack /r.git\0\0version=2\0"));
        await stream.WriteAsync(Requests.Fetch(tip));
        IReadOnlyList<int> processes = await GitProcesses.StartedAsync(repository.Path);
        await host.StopAsync();
        await GitProcesses.EndedAsync(processes);
    }

    [Fact]
    public async Task RunAsync_FirstRequestTakesTooLong_EndsTheConnection()
    {
        GitHost host = await StartAsync(new GitHost { Options = Loopback with { RequestTimeout = TimeSpan.FromMilliseconds(1) } });
        using TcpClient socket = await ConnectAsync(host);
        Assert.Equal(0, await socket.GetStream().ReadAsync(new byte[1]).AsTask().WaitAsync(GitClient.Deadline));
    }

    [Fact]
    public async Task RunAsync_ConnectionStandsStill_EndsIt()
    {
        GitHost host = await StartAsync(new GitHost { Options = Loopback with { IdleTimeout = TimeSpan.FromMilliseconds(1) } });
        using TcpClient socket = await ConnectAsync(host);
        await socket.GetStream().WriteAsync(Requests.Lines("git-upload-pack /r.git\0\0version=2\0"));
        using StreamReader reader = new(socket.GetStream());
        await reader.ReadToEndAsync().WaitAsync(GitClient.Deadline);
    }

    [Fact]
    public async Task RunAsync_AsManyClientsAsAreServed_LetsTheNextWait()
    {
        GitHost host = await StartAsync(new GitHost { Options = Loopback with { MaxConnections = 1 } });
        using TcpClient first = await ConnectAsync(host);
        await first.GetStream().WriteAsync(Requests.Lines("git-upload-pack /r.git\0\0version=2\0"));
        await ReadUntilAsync(first.GetStream(), "0000");
        Task<string> second = ConverseAsync(host, Requests.Lines("git-upload-pack /r.git\0\0version=2\0"));

        // The first connection is still served, and by the order of things the second one is not.
        await first.GetStream().WriteAsync(Requests.LsRefs(ObjectFormat.Sha1));
        await ReadUntilAsync(first.GetStream(), "refs/heads/main\n0000");
        Assert.False(second.IsCompleted);
        first.Close();
        Assert.StartsWith("000eversion 2\n", await second, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_Cancelled_LetsIdleClientsGo()
    {
        GitHost host = await StartAsync(new GitHost());
        using TcpClient socket = await ConnectAsync(host);
        await socket.GetStream().WriteAsync(Requests.Lines("git-upload-pack /r.git\0\0version=2\0"));
        await ReadUntilAsync(socket.GetStream(), "0000");
        IPEndPoint bound = host.Bound;
        await host.StopAsync();
        Assert.Equal(0, await socket.GetStream().ReadAsync(new byte[1]).AsTask().WaitAsync(GitClient.Deadline));
        using TcpClient late = new();
        await Assert.ThrowsAsync<SocketException>(() => late.ConnectAsync(bound));
    }

    [Fact]
    public async Task Start_Ipv6Wildcard_TakesBothFamilies()
    {
        GitHost host = await StartAsync(new GitHost { Options = new GitDaemonOptions { Endpoint = new IPEndPoint(IPAddress.IPv6Any, 0) } });
        foreach (string address in new[] { "127.0.0.1", "[::1]" })
        {
            GitResult refs = await git.RunAsync("ls-remote", $"git://{address}:{host.Bound.Port}/r.git");
            Assert.Contains(tip, refs.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Start_PortInUse_Throws()
    {
        GitHost host = await StartAsync(new GitHost());
        GitHost other = new() { Options = new GitDaemonOptions { Endpoint = host.Bound } };
        await Assert.ThrowsAsync<SocketException>(() => other.StartAsync(Serving));
    }

    private static GitDaemonOptions Loopback => new() { Endpoint = new IPEndPoint(IPAddress.Loopback, 0) };

    private async Task<GitHost> StartAsync(GitHost host)
    {
        hosts.Add(host);
        host.Repositories.Show(await repository.StateAsync());
        await host.StartAsync(Serving);
        return host;
    }

    private async Task<string> LargeCommitAsync(GitHost host)
    {
        byte[] noise = new byte[24 << 20];
        new Random(1).NextBytes(noise);
        string blob = await repository.HashAsync("blob", noise);
        GitResult tree = await git.TryAsync(Encoding.ASCII.GetBytes($"100644 blob {blob}\tnoise\n"), null, "-C", repository.Path, "mktree");
        GitResult commit = await repository.GitAsync("commit-tree", "-m", "large", tree.Text.Trim());
        await repository.GitAsync("update-ref", "refs/heads/large", commit.Text.Trim());
        host.Repositories.Show(await repository.StateAsync());
        return commit.Text.Trim();
    }

    private static async Task<TcpClient> ConnectAsync(GitHost host)
    {
        TcpClient socket = new();
        await socket.ConnectAsync(host.Bound);
        return socket;
    }

    /// <summary>Sends all of it, ends the own side and reads to the end.</summary>
    private static async Task<string> ConverseAsync(GitHost host, params byte[][] requests)
    {
        using TcpClient socket = await ConnectAsync(host);
        NetworkStream stream = socket.GetStream();
        foreach (byte[] request in requests)
        {
            await stream.WriteAsync(request);
        }

        // A client that says goodbye waits for the server to close; any other breaks off.
        if (!requests[^1].AsSpan().SequenceEqual("0000"u8))
        {
            socket.Client.Shutdown(SocketShutdown.Send);
        }

        using StreamReader reader = new(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync().WaitAsync(GitClient.Deadline);
    }

    private static async Task<string> ReadUntilAsync(NetworkStream stream, string end)
    {
        StringBuilder read = new();
        byte[] buffer = new byte[4096];
        while (!read.ToString().Contains(end, StringComparison.Ordinal))
        {
            int length = await stream.ReadAsync(buffer).AsTask().WaitAsync(GitClient.Deadline);
            Assert.True(length > 0, "the connection ended");
            read.Append(Encoding.Latin1.GetString(buffer, 0, length));
        }

        return read.ToString();
    }
}
