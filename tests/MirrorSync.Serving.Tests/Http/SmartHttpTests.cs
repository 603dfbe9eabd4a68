using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Serving.Tests.Support;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Serving.Tests.Http;

/// <summary>Requests as they stand on the wire, good and bad.</summary>
public sealed class SmartHttpTests : IAsyncLifetime
{
    private const string UploadPackRequest = "application/x-git-upload-pack-request";

    private static readonly HttpClient Client = new() { Timeout = GitClient.Deadline };

    private readonly GitClient git = new();
    private HttpHost host = null!;
    private TestRepository repository = null!;
    private string tip = string.Empty;

    public async Task InitializeAsync()
    {
        host = await HttpHost.StartedAsync(new ServingOptions
        {
            PrimaryName = static () => null,
            RetryAfter = TimeSpan.FromSeconds(7),
            MaxRequestBytes = 100_000,
        });
        repository = await TestRepository.CreateAsync(git, "a b/r.git");
        tip = await repository.CommitAsync("main", "text");
        host.Repositories.Show(await repository.StateAsync());
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        git.Remove();
    }

    [Theory]
    [InlineData("index.html")]
    [InlineData("")]
    [InlineData("info")]
    [InlineData("nothing.git/HEAD")]
    [InlineData("a%20b/r.git/%ff/info/refs")]
    public async Task HandleAsync_PathThatIsNotGits_IsLeftToOthers(string path)
    {
        using HttpResponseMessage response = await Client.GetAsync(host.Address + path);
        Assert.Equal(418, (int)response.StatusCode);
    }

    [Theory]
    [InlineData("a%20b/r.git", 200)]
    [InlineData("a%20b/r", 200)]
    [InlineData("%61%20b%2Fr.git", 200)]
    [InlineData("a%20b/r.git/", 200)]
    [InlineData("a%2520b/r.git", 404)]
    [InlineData("/a%20b/r.git", 404)]
    [InlineData("x/%2e%2e/a%20b/r.git", 404)]
    [InlineData("a%20b/r.git%01", 404)]
    [InlineData("A%20B/r.git", 404)]
    public async Task InfoRefs_RepositoryName_IsDecodedOnceAndTakenExactly(string name, int status)
    {
        // The class Uri would tidy the path up before it is sent.
        string answer = await RawAsync($"GET /{name}/info/refs?service=git-upload-pack HTTP/1.1\r\nHost: x\r\nGit-Protocol: version=2\r\nConnection: close\r\n\r\n");
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task InfoRefs_Version2_IsTheAdvertisementAndNotForCaches()
    {
        using HttpRequestMessage request = new(HttpMethod.Get, Url("info/refs?service=git-upload-pack"));
        request.Headers.Add("Git-Protocol", "version=2");
        using HttpResponseMessage response = await Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/x-git-upload-pack-advertisement", response.Content.Headers.ContentType?.ToString());
        Assert.True(response.Headers.CacheControl!.NoCache);
        Assert.Equal("no-cache", response.Headers.Pragma.Single().Name);
        Assert.True(response.Content.Headers.Contains("Expires"));
        string body = await response.Content.ReadAsStringAsync();
        Assert.StartsWith("000eversion 2\n", body, StringComparison.Ordinal);
        Assert.Contains("0027fetch=shallow wait-for-done filter\n", body, StringComparison.Ordinal);
        Assert.EndsWith("0017object-format=sha1\n0000", body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("version=0")]
    [InlineData("version=1")]
    [InlineData("version=9:junk")]
    public async Task InfoRefs_OlderVersion_EqualsGit(string? version)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, Url("info/refs?x=y&service=git-upload-pack"));
        if (version is not null)
        {
            request.Headers.Add("Git-Protocol", version);
        }

        using HttpResponseMessage response = await Client.SendAsync(request);
        GitResult expected = await git.TryAsync(
            [], version, "-c", "uploadpack.allowFilter=true", "-c", "uploadpack.allowAnySHA1InWant=true",
            "upload-pack", "--stateless-rpc", "--http-backend-info-refs", repository.Path);
        Assert.Equal("001e# service=git-upload-pack\n0000" + expected.Text, await response.Content.ReadAsStringAsync());
        Assert.Equal("application/x-git-upload-pack-advertisement", response.Content.Headers.ContentType?.ToString());
    }

    [Theory]
    [InlineData("info/refs")]
    [InlineData("HEAD")]
    [InlineData("objects/info/packs")]
    [InlineData("objects/12/34567890123456789012345678901234567890")]
    [InlineData("info/refs?service=git-upload-archive")]
    public async Task Get_WhatIsNotOffered_IsForbidden(string path)
    {
        using HttpResponseMessage response = await Client.GetAsync(Url(path));
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.NotEmpty(await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("POST", "info/refs?service=git-upload-pack", "GET, HEAD")]
    [InlineData("GET", "git-upload-pack", "POST")]
    [InlineData("PUT", "git-receive-pack", "POST")]
    public async Task HandleAsync_WrongMethod_IsToldTheRightOne(string method, string path, string allow)
    {
        using HttpRequestMessage request = new(new HttpMethod(method), Url(path));
        using HttpResponseMessage response = await Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(allow, string.Join(", ", response.Content.Headers.Allow));
    }

    [Fact]
    public async Task ReceivePack_PostedToDirectly_IsForbidden()
    {
        using HttpResponseMessage response = await Client.PostAsync(Url("git-receive-pack"), new ByteArrayContent([]));
        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal("this is a read-only mirror; push to the primary\n", await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData(RepositoryCondition.Damaged)]
    [InlineData(RepositoryCondition.Missing)]
    public async Task HandleAsync_NotServable_SaysWhenToComeBack(RepositoryCondition condition)
    {
        host.Repositories.Show(await repository.StateAsync(condition));
        using HttpResponseMessage get = await Client.GetAsync(Url("info/refs?service=git-upload-pack"));
        using HttpResponseMessage post = await PostAsync(Requests.LsRefs(ObjectFormat.Sha1));
        foreach (HttpResponseMessage response in new[] { get, post })
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(7), response.Headers.RetryAfter?.Delta);
        }
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("x-gzip")]
    [InlineData(null)]
    public async Task UploadPack_LsRefs_EqualsGit(string? encoding)
    {
        byte[] request = Requests.LsRefs(ObjectFormat.Sha1, "peel", "symrefs");
        GitResult expected = await git.TryAsync(request, "version=2", "upload-pack", "--stateless-rpc", repository.Path);
        using HttpResponseMessage response = await PostAsync(encoding is null ? request : Gzip(request), encoding);
        Assert.Equal(expected.Text, await response.Content.ReadAsStringAsync());
        Assert.Equal("application/x-git-upload-pack-result", response.Content.Headers.ContentType?.ToString());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(0)]
    public async Task UploadPack_InflatedRequestTooLong_IsRefused(int version)
    {
        string[] prefixes = [.. Enumerable.Range(0, 10_000).Select(static i => "ref-prefix refs/heads/x")];
        byte[] request = Gzip(Requests.LsRefs(ObjectFormat.Sha1, prefixes));
        Assert.True(request.Length < 10_000);
        using HttpResponseMessage response = await PostAsync(request, "gzip", version);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Fact]
    public async Task UploadPack_LengthToldBeforehandTooLong_IsRefusedUnread()
    {
        // The body is never sent: only its length can have been judged.
        using TcpClient socket = new();
        await socket.ConnectAsync(host.Address.Host, host.Address.Port);
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /a%20b/r.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: {UploadPackRequest}\r\nContent-Length: 100001\r\n\r\n"));
        byte[] start = new byte["HTTP/1.1 413 ".Length];
        await socket.GetStream().ReadExactlyAsync(start).AsTask().WaitAsync(GitClient.Deadline);
        Assert.Equal("HTTP/1.1 413 ", Encoding.ASCII.GetString(start));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(0)]
    public async Task UploadPack_BodyThatTheWebServerRefuses_IsABadRequest(int version)
    {
        string answer = await RawAsync(
            $"POST /a%20b/r.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\nGit-Protocol: version={version}\r\nContent-Type: {UploadPackRequest}\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n");
        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        Assert.EndsWith("Bad chunk size data.\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UploadPack_OlderVersionSaysNothing_IsABadRequest()
    {
        using HttpResponseMessage response = await PostAsync([], version: 0);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task UploadPack_NoGzipAfterAll_IsABadRequest()
    {
        using HttpResponseMessage response = await PostAsync(Requests.LsRefs(ObjectFormat.Sha1), "gzip");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Theory]
    [InlineData("text/plain", null)]
    [InlineData(UploadPackRequest, "br")]
    public async Task UploadPack_WrongTypeOrEncoding_IsUnsupported(string type, string? encoding)
    {
        using HttpResponseMessage response = await PostAsync(Requests.LsRefs(ObjectFormat.Sha1), encoding, type: type);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
    }

    [Theory]
    [InlineData("unexpected line: 'wrong'", "command=ls-refs", Requests.Delimiter, "wrong", Requests.Flush)]
    [InlineData("expected flush after ls-refs arguments", "command=ls-refs", Requests.Delimiter, Requests.Delimiter, Requests.Flush)]
    [InlineData("unknown capability 'wrong'", "command=ls-refs", "wrong", Requests.Flush)]
    [InlineData("no command requested", "agent=x", Requests.Flush)]
    [InlineData("mismatched object format: server sha1; client sha256", "command=ls-refs", "object-format=sha256", Requests.Flush)]
    public async Task UploadPack_RequestThatGitRefuses_GetsGitsWords(string words, params string[] lines)
    {
        byte[] request = Requests.Lines(lines);
        GitResult refused = await git.TryAsync(request, "version=2", "upload-pack", "--stateless-rpc", repository.Path);
        Assert.NotEqual(0, refused.Code);
        Assert.Contains(words, refused.Error, StringComparison.Ordinal);
        using HttpResponseMessage response = await PostAsync(request);
        Assert.Equal($"{4 + 4 + words.Length:x4}ERR {words}", await response.Content.ReadAsStringAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("0000")]
    public async Task UploadPack_Probe_IsAnsweredWithNothing(string body)
    {
        using HttpResponseMessage response = await PostAsync(Encoding.ASCII.GetBytes(body));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("ls-refs")]
    [InlineData("fetch")]
    public async Task UploadPack_TruncatedAtEveryByte_IsAnsweredAndEndsItsProcesses(string command)
    {
        byte[] request = command == "fetch" ? Requests.Fetch(tip) : Requests.LsRefs(ObjectFormat.Sha1, "peel", "ref-prefix refs/");
        for (int length = 1; length < request.Length; length++)
        {
            using HttpResponseMessage response = await PostAsync(request[..length]);
            byte[] body = await response.Content.ReadAsByteArrayAsync();
            Assert.False(body.AsSpan().EndsWith("0000"u8), $"an answer to {length} bytes");
        }

        using HttpResponseMessage whole = await PostAsync(request);
        Assert.Equal(HttpStatusCode.OK, whole.StatusCode);
        Assert.EndsWith("0000", await whole.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await GitProcesses.EndedAsync(GitProcesses.Of(repository.Path));
    }

    [Fact]
    public async Task UploadPack_ClientLeavesWhileItsAnswerComes_EndsGit()
    {
        string large = await LargeCommitAsync();
        byte[] request = Requests.Fetch(large);
        using TcpClient socket = new();
        await socket.ConnectAsync(host.Address.Host, host.Address.Port);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /a%20b/r.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nGit-Protocol: version=2\r\nContent-Type: {UploadPackRequest}\r\nContent-Length: {request.Length}\r\n\r\n"));
        await stream.WriteAsync(request);
        await stream.ReadExactlyAsync(new byte[1000]).AsTask().WaitAsync(GitClient.Deadline);
        IReadOnlyList<int> processes = GitProcesses.Of(repository.Path);
        Assert.NotEmpty(processes);
        socket.Close();
        await GitProcesses.EndedAsync(processes);
    }

    [Fact]
    public async Task UploadPack_ClientLeavesWhileGitIsSilent_EndsGit()
    {
        await repository.SilenceAsync(tip);
        byte[] request = Requests.Fetch(tip);
        using TcpClient socket = new();
        await socket.ConnectAsync(host.Address.Host, host.Address.Port);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /a%20b/r.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nGit-Protocol: version=2\r\nContent-Type: {UploadPackRequest}\r\nContent-Length: {request.Length}\r\n\r\n"));
        await stream.WriteAsync(request);
        IReadOnlyList<int> processes = await GitProcesses.StartedAsync(repository.Path);
        socket.Close();
        await GitProcesses.EndedAsync(processes);
    }

    [Fact]
    public async Task UploadPack_ClientLeavesInItsRequest_EndsGit()
    {
        using TcpClient socket = new();
        await socket.ConnectAsync(host.Address.Host, host.Address.Port);
        NetworkStream stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /a%20b/r.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nContent-Type: {UploadPackRequest}\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n"));

        // The server asks for the body when it is first read; git is started only for what comes then.
        await stream.ReadExactlyAsync(new byte["HTTP/1.1 100 Continue\r\n\r\n".Length]).AsTask().WaitAsync(GitClient.Deadline);
        Assert.Empty(GitProcesses.Of(repository.Path));
        await stream.WriteAsync("0"u8.ToArray());
        IReadOnlyList<int> processes = await GitProcesses.StartedAsync(repository.Path);
        socket.Close();
        await GitProcesses.EndedAsync(processes);
    }

    private async Task<string> LargeCommitAsync()
    {
        byte[] noise = new byte[24 << 20];
        new Random(1).NextBytes(noise);
        string blob = await repository.HashAsync("blob", noise);
        GitResult tree = await git.TryAsync(Encoding.ASCII.GetBytes($"100644 blob {blob}\tnoise\n"), null, "-C", repository.Path, "mktree");
        GitResult commit = await repository.GitAsync("commit-tree", "-m", "large", tree.Text.Trim());
        await repository.GitAsync("update-ref", "refs/heads/large", commit.Text.Trim());
        return commit.Text.Trim();
    }

    private string Url(string rest) => $"{host.Address}a%20b/r.git/{rest}";

    private async Task<HttpResponseMessage> PostAsync(
        byte[] body, string? encoding = null, int version = 2, string type = UploadPackRequest)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, Url("git-upload-pack")) { Content = new ByteArrayContent(body) };
        request.Headers.Add("Git-Protocol", $"version={version}");
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        if (encoding is not null)
        {
            request.Content.Headers.ContentEncoding.Add(encoding);
        }

        return await Client.SendAsync(request);
    }

    private async Task<string> RawAsync(string request)
    {
        using TcpClient socket = new();
        await socket.ConnectAsync(host.Address.Host, host.Address.Port);
        await socket.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));
        using StreamReader reader = new(socket.GetStream(), Encoding.Latin1);
        return await reader.ReadToEndAsync().WaitAsync(GitClient.Deadline);
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using MemoryStream output = new();
        using (GZipStream gzip = new(output, CompressionLevel.Optimal))
        {
            gzip.Write(bytes);
        }

        return output.ToArray();
    }
}
