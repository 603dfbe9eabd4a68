using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Shipping;

/// <summary>
/// What mirrors fetch beside the stream: the list of repositories, snapshots and spooled bodies, each from any offset, and
/// each mirror no faster than its link's cap. It knows paths and streams, not HTTP. Any thread.
/// </summary>
public sealed class BulkServer
{
    /// <summary>Names come from outside: so many mirrors have a cap of their own, and all others share one.</summary>
    private const int MaxLinks = MirrorRoster.MaxMirrors;

    private readonly ReplicationServer server;
    private readonly Spool spool;
    private readonly SnapshotPins snapshots;
    private readonly Func<TokenBucket>? newBucket;
    private readonly ConcurrentDictionary<string, TokenBucket> buckets = new();

    /// <summary>Puts the parts together.</summary>
    /// <param name="server">Knows the repositories.</param>
    /// <param name="spool">The bodies.</param>
    /// <param name="snapshots">The snapshots.</param>
    /// <param name="maxBytesPerSecond">The cap of each mirror's link; null for none.</param>
    /// <param name="time">The clock.</param>
    public BulkServer(ReplicationServer server, Spool spool, SnapshotPins snapshots, long? maxBytesPerSecond, TimeProvider time)
    {
        this.server = server;
        this.spool = spool;
        this.snapshots = snapshots;
        newBucket = maxBytesPerSecond is { } rate ? () => new TokenBucket(rate, time) : null;
    }

    /// <summary>The paths that are answered.</summary>
    public static IReadOnlyList<string> Paths { get; } =
        [Handshake.RepositoriesPath, Handshake.SpoolPath, Handshake.SnapshotPath, Handshake.PartPath, Handshake.ObjectSetPath];

    /// <summary>Answers a GET.</summary>
    /// <param name="path">One of <see cref="Paths"/>.</param>
    /// <param name="query">The value of a key in the query; null or empty when there is none.</param>
    /// <param name="node">The mirror that asks.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Null when there is nothing of that kind, or no longer. Disposed of by the caller.</returns>
    /// <exception cref="IOException">It cannot be had now.</exception>
    public async Task<BulkAnswer?> AnswerAsync(string path, Func<string, string?> query, string node, CancellationToken cancellation)
    {
        switch (path)
        {
            case Handshake.RepositoriesPath:
                return new BulkAnswer(JsonSerializer.SerializeToUtf8Bytes(server.ListRepositories(), WireJson.Default.ListedRepositoryArray));
            case Handshake.SnapshotPath:
                return RepositoryName.TryParse(query("repository"), out RepositoryName name) && TryNumber(query("through"), out long through)
                    && await snapshots.OpenAsync(name, query("have"), query("refused"), (ulong)through, cancellation).ConfigureAwait(false) is { } manifest
                    ? new BulkAnswer(JsonSerializer.SerializeToUtf8Bytes(manifest, SnapshotJson.Default.SnapshotManifest))
                    : null;
            case Handshake.ObjectSetPath:
                return RepositoryName.TryParse(query("repository"), out RepositoryName whose) && server.OpenObjectSet(whose) is { } set
                    ? new BulkAnswer(set.CopyToAsync, set) : null;
            case Handshake.PartPath:
                return TryNumber(query("part"), out long number) && number <= int.MaxValue && query("snapshot") is { } snapshot
                    && snapshots.Take(snapshot, (int)number) is var (part, file, use)
                    ? From(file, part.Length, use, query("offset"), node)
                    : null;
            case Handshake.SpoolPath:
                return Hash256.TryParse(query("name"), out Hash256 hash) && TryNumber(query("length"), out long length)
                    && spool.TryOpenHandle(new SpooledBody(hash, length)) is { } body
                    ? From(body, length, body, query("offset"), node)
                    : null;
            default:
                return null;
        }
    }

    private BulkAnswer? From(SafeFileHandle file, long length, IDisposable held, string? offset, string node)
    {
        if (TryNumber(offset, out long from) && from <= length)
        {
            return new BulkAnswer(file, from, length - from, held, BucketOf(node));
        }

        held.Dispose();
        return null;
    }

    private TokenBucket? BucketOf(string node) =>
        newBucket is null ? null
        : buckets.TryGetValue(node, out TokenBucket? known) ? known
        : buckets.GetOrAdd(buckets.Count < MaxLinks ? node : string.Empty, _ => newBucket());

    private static bool TryNumber(string? text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
