using System.Net;
using Microsoft.AspNetCore.Http;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Testing;

namespace MirrorSync.Daemon.Tests.Hosting;

public sealed class NodeTlsTests : IDisposable
{
    private const string ServerOnly = "1.3.6.1.5.5.7.3.1";

    private readonly TempFolder folder = new();
    private readonly TestAuthority authority;
    private readonly TestAuthority stranger;

    public NodeTlsTests()
    {
        authority = new TestAuthority(folder["ours"]);
        stranger = new TestAuthority(folder["theirs"]);
    }

    public void Dispose()
    {
        authority.Dispose();
        stranger.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task Call_BothOfTheAuthority_IsAnsweredOverHttp2()
    {
        await using RunningNode server = await ServeAsync(authority.Issue("server"));

        Assert.Equal("HTTP/2 client", await CallAsync(server, authority.Issue("client")));
    }

    [Fact]
    public async Task Call_ClientOfAnotherAuthority_IsRefusedByTheServer()
    {
        await using RunningNode server = await ServeAsync(authority.Issue("server"));

        // It trusts the server, but its own certificate is a stranger's.
        TlsConfig client = stranger.Issue("client") with { Authority = authority.AuthorityFile };

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => CallAsync(server, client));
    }

    [Fact]
    public async Task Call_ServerOfAnotherAuthority_IsRefusedByTheClient()
    {
        // The server trusts the client, but its own certificate is a stranger's.
        await using RunningNode server = await ServeAsync(stranger.Issue("server") with { Authority = authority.AuthorityFile });

        HttpRequestException refused = await Assert.ThrowsAnyAsync<HttpRequestException>(() => CallAsync(server, authority.Issue("client")));
        Assert.Equal(HttpRequestError.SecureConnectionError, refused.HttpRequestError);
    }

    [Fact]
    public async Task Call_WithoutCertificate_IsRefusedByTheServer()
    {
        await using RunningNode server = await ServeAsync(authority.Issue("server"));
        using var handler = new SocketsHttpHandler { UseProxy = false };
#pragma warning disable CA5359 // The client's own checks are not what this test is about.
        handler.SslOptions.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
#pragma warning restore CA5359
        using var client = new HttpClient(handler) { DefaultRequestVersion = HttpVersion.Version20 };

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetAsync(new Uri(server.Host.Endpoints.Replication + "/replication/v1/who")));
    }

    [Fact]
    public async Task Call_ServerForAnotherAddress_IsRefusedByTheClient()
    {
        await using RunningNode server = await ServeAsync(authority.Issue("server", address: "192.0.2.1"));

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => CallAsync(server, authority.Issue("client")));
    }

    [Fact]
    public async Task Call_ClientWhoseCertificateIsForServersOnly_IsRefusedByTheServer()
    {
        await using RunningNode server = await ServeAsync(authority.Issue("server"));

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => CallAsync(server, authority.Issue("client", usages: ServerOnly)));
    }

    [Fact]
    public async Task Call_ExpiredClient_IsRefusedByTheServer()
    {
        await using RunningNode server = await ServeAsync(authority.Issue("server"));

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => CallAsync(server, authority.Issue("client", expired: true)));
    }

    [Fact]
    public async Task Call_PlainHttpToATlsListener_IsNotAnswered()
    {
        await using RunningNode server = await ServeAsync(authority.Issue("server"));
        using HttpClient client = NodeClients.Create(null);
        string address = server.Host.Endpoints.Replication.Replace("https:", "http:", StringComparison.Ordinal);

        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetAsync(new Uri(address + "/replication/v1/who")));
    }

    [Fact]
    public void TryLoad_MissingFiles_NamesEachByItsKey()
    {
        Assert.Null(NodeTls.TryLoad(new TlsConfig(folder["a"], folder["b"], folder["c"]), out IReadOnlyList<string> errors));
        Assert.Equal(
            [
                $"Tls:Certificate: '{folder["a"]}' does not exist",
                $"Tls:Authority: '{folder["c"]}' does not exist",
                $"Tls:Key: '{folder["b"]}' does not exist",
            ],
            errors);
    }

    [Fact]
    public void TryLoad_KeyOfAnotherCertificate_IsRefused()
    {
        TlsConfig mixed = authority.Issue("a") with { Key = authority.Issue("b").Key };

        Assert.Null(NodeTls.TryLoad(mixed, out IReadOnlyList<string> errors));
        Assert.Equal([$"Tls:Key: '{mixed.Key}' is not the key of Tls:Certificate, or is encrypted"], errors);
    }

    [Fact]
    public void TryLoad_FilesThatAreNoPem_AreRefused()
    {
        TlsConfig good = authority.Issue("a");
        File.WriteAllText(folder["junk"], "junk");
        File.WriteAllText(folder["bad"], "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");

        Assert.Null(NodeTls.TryLoad(good with { Authority = folder["bad"], Key = folder["junk"] }, out IReadOnlyList<string> errors));
        Assert.Equal([$"Tls:Authority: '{folder["bad"]}' is no good PEM file", $"Tls:Key: '{folder["junk"]}' holds no PEM private key"], errors);
        Assert.Null(NodeTls.TryLoad(good with { Certificate = folder["junk"] }, out errors));
        Assert.Equal([$"Tls:Certificate: '{folder["junk"]}' holds no PEM certificate"], errors);
    }

    private static async Task<string> CallAsync(RunningNode server, TlsConfig config)
    {
        using NodeTls? tls = NodeTls.TryLoad(config, out IReadOnlyList<string> errors);
        Assert.Empty(errors);
        using HttpClient client = NodeClients.Create(tls);
        return await client.GetStringAsync(new Uri(server.Host.Endpoints.Replication + "/replication/v1/who"));
    }

    private Task<RunningNode> ServeAsync(TlsConfig tls)
    {
        var node = new FakeNode();
        node.Replication["/replication/v1/who"] = static http =>
            http.Response.WriteAsync($"{http.Request.Protocol} {http.Connection.ClientCertificate?.Subject[3..]}");
        MirrorSyncConfig config = Configs.Node(folder["node"]) with { Tls = tls };
        return RunningNode.StartAsync(config with { Listen = config.Listen with { Replication = Configs.Free with { IsHttps = true } } }, node);
    }
}
