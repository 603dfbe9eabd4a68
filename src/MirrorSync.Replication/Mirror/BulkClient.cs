using System.Globalization;
using System.Net;
using System.Text.Json;
using MirrorSync.Git.Objects;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>A transfer from the primary that failed and is worth another try.</summary>
internal sealed class TransferException(string message, Exception inner) : Exception(message, inner);

/// <summary>What the primary gives is not, or no longer, what its log names: asking again does not help.</summary>
internal sealed class BodyLostException(string message) : Exception(message);

/// <summary>What a mirror fetches beside the stream, on TCP connections that the stream does not share.</summary>
internal sealed class BulkClient : IDisposable
{
    private const int MaxListLength = 64 << 20;

    private readonly HttpClient http;
    private readonly Spool spool;

    public BulkClient(MirrorOptions options, Spool spool)
    {
        this.spool = spool;
        http = options.CreateClient();
        http.BaseAddress = options.Upstream;
        http.DefaultRequestHeaders.Add(Handshake.FleetHeader, options.Identity.Fleet);
    }

    /// <summary>The primary's repositories.</summary>
    public async Task<IReadOnlyList<(RepositoryName Name, ObjectFormat Format)>> ListAsync(CancellationToken cancellation)
    {
        using HttpResponseMessage response = await GetAsync(Handshake.RepositoriesPath, cancellation).ConfigureAwait(false);
        await response.Content.LoadIntoBufferAsync(MaxListLength, cancellation).ConfigureAwait(false);
        byte[] json = await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
        ListedRepository[] listed = Handshake.Parse(json, WireJson.Default.ListedRepositoryArray);
        return
        [
            .. listed.Select(static r => r is null
                ? throw new ProtocolException("the list of repositories has an empty entry")
                : (Handshake.Name(r.Name), Handshake.Format(r.Format))),
        ];
    }

    /// <summary>Brings a spooled body into the spool, its hash checked on the way.</summary>
    /// <exception cref="BodyLostException">The primary does not have the body that the record names, or not unharmed.</exception>
    public async Task FetchBodyAsync(SpooledBody body, CancellationToken cancellation)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"{Handshake.SpoolPath}?name={body.Name}&length={body.Length}");
        using HttpResponseMessage response = await GetAsync(path, cancellation, lost: $"the primary no longer has the body {body.Name}")
            .ConfigureAwait(false);
        Stream content = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        try
        {
            await spool.WriteAsync(content, body, cancellation).ConfigureAwait(false);
        }
        catch (InvalidDataException damage)
        {
            throw new BodyLostException($"the primary's body {body.Name} is damaged: {damage.Message}");
        }
    }

    /// <summary>Brings a copy of a repository's object set into a file. False when the primary has none now.</summary>
    public async Task<bool> TryFetchObjectSetAsync(RepositoryName name, string file, CancellationToken cancellation)
    {
        string path = $"{Handshake.ObjectSetPath}?repository={Uri.EscapeDataString(name.Value)}";
        try
        {
            using HttpResponseMessage response = await GetAsync(path, cancellation, lost: "there is no object set").ConfigureAwait(false);
            FileStream copy = new(file, FileMode.CreateNew);
            await using (copy.ConfigureAwait(false))
            {
                await response.Content.CopyToAsync(copy, cancellation).ConfigureAwait(false);
            }

            return true;
        }
        catch (BodyLostException)
        {
            return false;
        }
    }

    /// <summary>Opens a repository's snapshot: its header, and the body behind it, which the caller reads to its end.</summary>
    public async Task<(SnapshotHeader Header, HttpResponseMessage Response, ChunkReader Body)> OpenSnapshotAsync(
        RepositoryName name, CancellationToken cancellation)
    {
        HttpResponseMessage response = await GetAsync(
            $"{Handshake.SnapshotPath}?repository={Uri.EscapeDataString(name.Value)}", cancellation).ConfigureAwait(false);
        try
        {
            Stream content = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            byte[] json = new byte[await Chunks.ReadLengthAsync(content, cancellation).ConfigureAwait(false)];
            await content.ReadExactlyAsync(json, cancellation).ConfigureAwait(false);
            SnapshotHeader header = Handshake.Parse(json, SnapshotJson.Default.SnapshotHeader);
            return (header, response, new ChunkReader(content));
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private async Task<HttpResponseMessage> GetAsync(string path, CancellationToken cancellation, string? lost = null)
    {
        HttpResponseMessage response =
            await http.GetAsync(new Uri(path, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            int status = (int)response.StatusCode;
            response.Dispose();
            if (status == (int)HttpStatusCode.NotFound && lost is not null)
            {
                throw new BodyLostException(lost);
            }

            throw new IOException($"the primary answered {status} to {path.Split('?')[0]}");
        }

        return response;
    }
}
