using System.Globalization;
using System.Net;
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
    private const int MaxJsonLength = 64 << 20;

    /// <summary>A short answer that takes longer than making a large snapshot does is none.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromMinutes(30);

    private readonly HttpClient http;
    private readonly Spool spool;
    private readonly TimeProvider time;

    public BulkClient(MirrorOptions options, Spool spool, TimeProvider time)
    {
        this.spool = spool;
        this.time = time;
        http = options.CreateClient();
        http.BaseAddress = options.Upstream;
        http.DefaultRequestHeaders.Add(Handshake.FleetHeader, options.Identity.Fleet);
        http.DefaultRequestHeaders.Add(Handshake.NodeHeader, options.Identity.Name);
    }

    /// <summary>The primary's repositories.</summary>
    public async Task<IReadOnlyList<ListedRepository>> ListAsync(CancellationToken cancellation)
    {
        byte[] json = await GetJsonAsync(Handshake.RepositoriesPath, cancellation).ConfigureAwait(false);
        ListedRepository[] listed = Handshake.Parse(json, WireJson.Default.ListedRepositoryArray);
        return Array.TrueForAll(listed, static r => r is not null)
            ? listed : throw new ProtocolException("the list of repositories has an empty entry");
    }

    /// <summary>Brings a spooled body into the spool, its hash checked on the way; what has come stays there when it fails.</summary>
    /// <exception cref="BodyLostException">The primary does not have the body that the record names, or not unharmed.</exception>
    /// <exception cref="IOException">It did not come; another try may help.</exception>
    public async Task FetchBodyAsync(SpooledBody body, CancellationToken cancellation)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"{Handshake.SpoolPath}?name={body.Name}&length={body.Length}");
        string lost = $"the primary no longer has the body {body.Name}";
        try
        {
            await spool.ReceiveAsync(body, from => Transfer(path, lost, from, body.Length, cancellation), cancellation).ConfigureAwait(false);
        }
        catch (DamagedPartException damage) when (damage.ResumedAt > 0)
        {
            throw new IOException($"what had come of the body {body.Name} was damaged, and it is fetched anew: {damage.Message}", damage);
        }
        catch (DamagedPartException damage)
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
            using HttpResponseMessage response = await GetAsync(path, "there is no object set", cancellation).ConfigureAwait(false);
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

    /// <summary>Asks for a repository's snapshot.</summary>
    /// <param name="name">The repository.</param>
    /// <param name="have">The snapshot that was begun; null for none.</param>
    /// <param name="refused">A snapshot that cannot be taken; null for none.</param>
    /// <param name="through">Every record of the repository up to here must be in it.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IOException">There is none now.</exception>
    public async Task<SnapshotManifest> OpenSnapshotAsync(
        RepositoryName name, string? have, string? refused, ulong through, CancellationToken cancellation)
    {
        string path = string.Create(
            CultureInfo.InvariantCulture,
            $"{Handshake.SnapshotPath}?repository={Uri.EscapeDataString(name.Value)}&through={through}&have={have}&refused={refused}");
        return Handshake.Parse(await GetJsonAsync(path, cancellation).ConfigureAwait(false), SnapshotJson.Default.SnapshotManifest);
    }

    /// <summary>Opens a snapshot's part from an offset on.</summary>
    public Stream OpenPart(SnapshotManifest manifest, int part, long offset, CancellationToken cancellation) => Transfer(
        string.Create(CultureInfo.InvariantCulture, $"{Handshake.PartPath}?snapshot={manifest.Snapshot}&part={part}"),
        $"the primary no longer holds the snapshot of {manifest.Name}",
        offset,
        manifest.Parts[part].Length,
        cancellation);

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    private TransferStream Transfer(string path, string lost, long offset, long end, CancellationToken cancellation) => new(
        (at, token) => GetAsync(string.Create(CultureInfo.InvariantCulture, $"{path}&offset={at}"), lost, token), offset, end, time, cancellation);

    private async Task<byte[]> GetJsonAsync(string path, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = new(AnswerLimit, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            using HttpResponseMessage response = await GetAsync(path, null, either.Token).ConfigureAwait(false);
            await response.Content.LoadIntoBufferAsync(MaxJsonLength, either.Token).ConfigureAwait(false);
            return await response.Content.ReadAsByteArrayAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            throw new IOException($"the primary did not answer within {AnswerLimit.TotalMinutes:0} min");
        }
    }

    private async Task<HttpResponseMessage> GetAsync(string path, string? lost, CancellationToken cancellation)
    {
        HttpResponseMessage response =
            await http.GetAsync(new Uri(path, UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            int status = (int)response.StatusCode;
            response.Dispose();
            throw status == (int)HttpStatusCode.NotFound && lost is not null
                ? new BodyLostException(lost) : new IOException($"the primary answered {status} to {path.Split('?')[0]}");
        }

        return response;
    }
}
