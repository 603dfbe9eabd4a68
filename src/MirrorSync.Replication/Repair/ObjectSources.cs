using System.Buffers.Binary;
using System.Net;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Repairing;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Repair;

/// <summary>What came of asking other nodes for objects.</summary>
/// <param name="Packs">The packs that were made of them, by name.</param>
/// <param name="Objects">How many came.</param>
/// <param name="Bytes">In so many bytes.</param>
/// <param name="From">The nodes that gave some, by address.</param>
/// <param name="Left">Those that nobody gave.</param>
/// <param name="Unreached">Why some node could not be asked; null when all answered, so that asking again does not help.</param>
internal sealed record FetchedObjects(
    IReadOnlyList<string> Packs, int Objects, long Bytes, IReadOnlyList<string> From, IReadOnlyCollection<ObjectId> Left, Exception? Unreached);

/// <summary>
/// The other nodes that objects can be had from: the primary first, then the peers, the one that answers fastest first. Each
/// over a TCP connection of its own, which no transfer of a snapshot holds up. Any thread.
/// </summary>
/// <param name="identity">Who asks.</param>
/// <param name="primary">The primary's replication listener; null on a primary.</param>
/// <param name="peers">The peers' replication listeners.</param>
/// <param name="createClient">Makes an HTTP/2 client with one TCP connection of its own and no timeout.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of nodes that could not be asked.</param>
internal sealed partial class ObjectSources(
    NodeIdentity identity, Uri? primary, IReadOnlyList<Uri> peers, Func<HttpClient> createClient, TimeProvider time, ILogger logger) : IDisposable
{
    /// <summary>The largest answer: an object that is larger comes with a snapshot.</summary>
    private const long MaxAnswerBytes = 8L << 30;

    /// <summary>An answer begins once its pack is made.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromMinutes(1);

    /// <summary>A peer that needs longer to say nothing is no near one.</summary>
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(2);

    private readonly Dictionary<Uri, HttpClient> clients = [];

    /// <summary>Fetches objects into a repository.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="ids">The objects.</param>
    /// <param name="options">Threads and memory for each pack that comes.</param>
    /// <param name="progress">Told what comes.</param>
    /// <param name="cancellation">Gives up; what came stays.</param>
    /// <exception cref="IOException">The disk failed.</exception>
    public async Task<FetchedObjects> FetchAsync(
        Repository repository, IReadOnlyCollection<ObjectId> ids, PackIndexOptions options, RepairProgress progress, CancellationToken cancellation)
    {
        HashSet<ObjectId> left = [.. ids];
        List<FetchedPack> packs = [];
        List<string> from = [];
        Exception? unreached = null;
        await foreach (Uri source in InOrderAsync(repository, cancellation).ConfigureAwait(false))
        {
            int before = left.Count;
            try
            {
                await AskAsync(source, repository, left, packs, options, progress, cancellation).ConfigureAwait(false);
            }
            catch (Exception failure) when (failure is HttpRequestException or ProtocolException or TransferFailedException)
            {
                LogNotHad(logger, repository.Name, source, failure.Message);
                unreached = failure;
            }
            catch (Exception refused) when (refused is InvalidPackException or InvalidDataException)
            {
                // It would give the same again.
                LogNotHad(logger, repository.Name, source, refused.Message);
            }

            if (left.Count < before)
            {
                from.Add(source.GetLeftPart(UriPartial.Authority));
            }

            if (left.Count == 0)
            {
                break;
            }
        }

        return new FetchedObjects(
            [.. packs.Select(static p => p.Name!)], packs.Sum(static p => p.Ids.Count), packs.Sum(static p => p.Bytes), from, left, unreached);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (clients)
        {
            foreach (HttpClient client in clients.Values)
            {
                client.Dispose();
            }

            clients.Clear();
        }
    }

    private async IAsyncEnumerable<Uri> InOrderAsync(
        Repository repository, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        if (primary is not null)
        {
            yield return primary;
        }

        // Only when the primary could not give everything.
        (Uri Peer, TimeSpan? Trip)[] measured = await Task.WhenAll(peers.Select(
            async p => (p, await MeasureAsync(p, repository, cancellation).ConfigureAwait(false)))).ConfigureAwait(false);
        foreach ((Uri peer, _) in measured.Where(static m => m.Trip is not null).OrderBy(static m => m.Trip))
        {
            yield return peer;
        }
    }

    /// <summary>The time of one round trip; null when there was none.</summary>
    private async Task<TimeSpan?> MeasureAsync(Uri peer, Repository repository, CancellationToken cancellation)
    {
        try
        {
            // The first opens the connection.
            TimeSpan trip = default;
            for (int i = 0; i < 2; i++)
            {
                long began = time.GetTimestamp();
                using HttpResponseMessage? answer = await PostAsync(peer, repository, [], ProbeLimit, cancellation).ConfigureAwait(false);
                trip = time.GetElapsedTime(began);
            }

            return trip;
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or TransferFailedException)
        {
            return null;
        }
    }

    private async Task AskAsync(
        Uri source,
        Repository repository,
        HashSet<ObjectId> left,
        List<FetchedPack> packs,
        PackIndexOptions options,
        RepairProgress progress,
        CancellationToken cancellation)
    {
        HashSet<ObjectId> open = [.. left];
        while (open.Count > 0)
        {
            progress.Is($"fetching {left.Count} objects from {source.GetLeftPart(UriPartial.Authority)}");
            int before = open.Count;
            HashSet<ObjectId> batch = [.. open.Take(ObjectServer.MaxObjects)];
            using HttpResponseMessage? answer = await PostAsync(source, repository, batch, AnswerLimit, cancellation).ConfigureAwait(false);
            if (answer is null)
            {
                return;
            }

            Stream content = await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            await using GuardedStream guarded = new(content, MaxAnswerBytes, AnswerLimit, time);
            int absent = await ReadAbsentAsync(guarded, repository.Format, batch, open, cancellation).ConfigureAwait(false);
            FetchedPack pack = await FetchedPack.ReceiveAsync(repository, guarded, batch, options, cancellation).ConfigureAwait(false);
            if (pack.Name is not null)
            {
                packs.Add(pack);
                open.ExceptWith(pack.Ids);
                left.ExceptWith(pack.Ids);
                progress.Came(pack.Ids.Count, guarded.Count);
            }
            else if (absent == 0 || open.Count == before)
            {
                throw new ProtocolException($"{source.Authority} gives nothing of what it was asked for, and misses nothing");
            }
        }
    }

    private static async Task<int> ReadAbsentAsync(
        Stream answer, ObjectFormat format, HashSet<ObjectId> batch, HashSet<ObjectId> open, CancellationToken cancellation)
    {
        try
        {
            byte[] head = new byte[sizeof(uint)];
            await answer.ReadExactlyAsync(head, cancellation).ConfigureAwait(false);
            uint count = BinaryPrimitives.ReadUInt32BigEndian(head);
            if (count > batch.Count)
            {
                throw new ProtocolException($"{count} objects are said to be absent where {batch.Count} were asked for");
            }

            byte[] id = new byte[format.RawLength()];
            for (uint i = 0; i < count; i++)
            {
                await answer.ReadExactlyAsync(id, cancellation).ConfigureAwait(false);
                open.Remove(ObjectId.FromRaw(id));
            }

            return (int)count;
        }
        catch (EndOfStreamException)
        {
            throw new ProtocolException("an answer ended in its head");
        }
    }

    /// <summary>Null when that node has no such repository, or gives no objects.</summary>
    private async Task<HttpResponseMessage?> PostAsync(
        Uri source, Repository repository, HashSet<ObjectId> ids, TimeSpan limit, CancellationToken cancellation)
    {
        int length = repository.Format.RawLength();
        byte[] body = new byte[ids.Count * length];
        int at = 0;
        foreach (ObjectId id in ids)
        {
            id.AsSpan(repository.Format).CopyTo(body.AsSpan(at));
            at += length;
        }

        using HttpRequestMessage request = new(
            HttpMethod.Post, new Uri(source, $"{Handshake.ObjectsPath}?repository={Uri.EscapeDataString(repository.Name.Value)}"))
        {
            Content = new ByteArrayContent(body),
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Add(Handshake.FleetHeader, identity.Fleet);
        using CancellationTokenSource late = new(limit, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        try
        {
            HttpResponseMessage response = await ClientOf(source)
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token).ConfigureAwait(false);
            if (response.StatusCode == HttpStatusCode.OK)
            {
                return response;
            }

            using (response)
            {
                return response.StatusCode == HttpStatusCode.NotFound
                    ? null : throw new ProtocolException($"{source.Authority} answered {(int)response.StatusCode} to a request for objects");
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TransferFailedException($"{source.Authority} did not answer within {limit.TotalSeconds:0} s");
        }
    }

    private HttpClient ClientOf(Uri source)
    {
        lock (clients)
        {
            if (!clients.TryGetValue(source, out HttpClient? client))
            {
                clients.Add(source, client = createClient());
            }

            return client;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: objects could not be had from {Source}: {Reason}")]
    private static partial void LogNotHad(ILogger logger, RepositoryName repository, Uri source, string reason);
}

/// <summary>A node did not answer in time, or not to the end; another may.</summary>
internal sealed class TransferFailedException(string message) : Exception(message);
