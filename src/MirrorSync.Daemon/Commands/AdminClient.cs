using System.Net;
using System.Text;
using System.Text.Json;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;

namespace MirrorSync.Daemon.Commands;

/// <summary>Speaks to a running daemon's admin listener, found by its configuration.</summary>
internal sealed class AdminClient : IDisposable
{
    private const long MaxAnswerBytes = 256 << 20;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly HttpClient client;
    private readonly string address;

    private AdminClient(string address)
    {
        this.address = address;
        client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false })
        {
            BaseAddress = new Uri(address),
            Timeout = System.Threading.Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = MaxAnswerBytes,
        };
    }

    /// <summary>Finds the daemon by <c>Listen:Admin</c>, or by what it wrote into its data folder when that leaves the port open.</summary>
    /// <exception cref="StartupException">The port is open and no daemon wrote where it listens.</exception>
    public static AdminClient Find(MirrorSyncConfig config)
    {
        ListenAddress admin = config.Listen.Admin;
        if (admin.EndPoint.Port == 0)
        {
            string? url = Endpoints.Read(config.Data)?.Admin;
            if (url is null || !ListenAddress.TryParse(url, out ListenAddress? written, out _))
            {
                throw new StartupException($"the daemon does not run: Listen:Admin leaves the port open, and there is no '{config.Data.EndpointsFile}'");
            }

            admin = written;
        }

        IPAddress host = admin.EndPoint.Address;
        host = host.Equals(IPAddress.Any) ? IPAddress.Loopback : host.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : host;
        return new AdminClient((admin with { EndPoint = new IPEndPoint(host, admin.EndPoint.Port) }).ToString());
    }

    /// <summary>Asks for a page; its text.</summary>
    /// <exception cref="StartupException">The daemon cannot be reached, or refuses.</exception>
    public Task<string> GetAsync(string path, CancellationToken cancellation) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Get, path), Timeout, cancellation);

    /// <summary>Posts JSON; the answer's text.</summary>
    /// <exception cref="StartupException">The daemon cannot be reached, or refuses.</exception>
    public Task<string> PostAsync(string path, string json, CancellationToken cancellation) =>
        PostAsync(path, json, Timeout, cancellation);

    /// <summary>Posts JSON and waits for the answer no longer than said.</summary>
    /// <exception cref="StartupException">The daemon cannot be reached, or refuses.</exception>
    public Task<string> PostAsync(string path, string json, TimeSpan timeout, CancellationToken cancellation) => SendAsync(
        new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") },
        timeout,
        cancellation);

    /// <summary>Reads an answer; anything that is none of the daemon's refuses.</summary>
    public T Parse<T>(string json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw NotOurs();
        }
        catch (JsonException)
        {
            throw NotOurs();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => client.Dispose();

    private StartupException NotOurs() => new($"what answers at {address} is no mirrorsync of this version");

    private async Task<string> SendAsync(HttpRequestMessage request, TimeSpan timeout, CancellationToken cancellation)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        ending.CancelAfter(timeout);
        using (request)
        {
            try
            {
                using HttpResponseMessage response = await client.SendAsync(request, ending.Token).ConfigureAwait(false);
                string text = await response.Content.ReadAsStringAsync(ending.Token).ConfigureAwait(false);
                return response.IsSuccessStatusCode ? text : throw new RefusedException(Refusal(response.StatusCode, text));
            }
            catch (HttpRequestException e)
            {
                string why = e.HttpRequestError == HttpRequestError.ConnectionError ? "nobody listens" : e.Message;
                throw new StartupException($"the daemon cannot be reached at {address}: {why}");
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                throw new StartupException($"the daemon at {address} did not answer within {timeout.TotalSeconds} s");
            }
        }
    }

    private string Refusal(HttpStatusCode status, string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, DaemonJson.Compact.ErrorAnswer) is { Error: string error }
                ? Terminal.Clean(error) : $"{address} answers {(int)status}";
        }
        catch (JsonException)
        {
            return $"{address} answers {(int)status}";
        }
    }
}
