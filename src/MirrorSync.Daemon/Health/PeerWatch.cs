using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;

namespace MirrorSync.Daemon.Health;

/// <summary>
/// Asks every peer, over and over, when it last heard the primary. A peer's word counts for three rounds after its last
/// answer, and grows older meanwhile.
/// </summary>
internal sealed partial class PeerWatch : BackgroundService
{
    private const int MaxAnswerBytes = 4096;
    private const int RoundsThatCount = 3;

    private readonly MirrorSyncConfig config;
    private readonly HttpClient client;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly TimeSpan round;
    private readonly Heard?[] words;

    /// <summary>Makes a watch that asks once it is started.</summary>
    /// <param name="config">The peers, the fleet and the limit of freshness.</param>
    /// <param name="client">Speaks to nodes of the fleet; stays the caller's.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Hears of peers that fall silent and come back.</param>
    public PeerWatch(MirrorSyncConfig config, HttpClient client, TimeProvider time, ILogger<PeerWatch> logger)
    {
        this.config = config;
        this.client = client;
        this.time = time;
        this.logger = logger;
        round = TimeSpan.FromSeconds(Math.Clamp(config.Freshness.MaxLag.TotalSeconds / 3, 0.2, 5));
        words = new Heard?[config.Peers.Count];
    }

    /// <summary>What the peers say, as of now, in the order of the configuration.</summary>
    public IReadOnlyList<PeerWord> Words() => [.. config.Peers.Select((peer, i) => Word(peer, Volatile.Read(ref words[i])))];

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (config.Peers.Count == 0 || config.Node.Role == NodeRole.Primary)
        {
            return;
        }

        // Each peer on its own, so that a silent one delays nobody else's word.
        await Task.WhenAll(config.Peers.Select((_, i) => WatchAsync(i, stoppingToken))).ConfigureAwait(false);
    }

    private async Task WatchAsync(int index, CancellationToken cancellation)
    {
        Uri peer = config.Peers[index];
        bool? answers = null;
        try
        {
            while (true)
            {
                string? problem = await AskAsync(index, cancellation).ConfigureAwait(false);
                if (problem is not null && answers != false)
                {
                    LogSilent(peer, problem);
                }
                else if (problem is null && answers == false)
                {
                    LogBack(peer);
                }

                answers = problem is null;
                await Task.Delay(round, time, cancellation).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The node stops; whoever still reads the words sees them age.
            return;
        }
    }

    /// <summary>Asks one peer once; returns what was wrong, null when it answered.</summary>
    internal async Task<string?> AskAsync(int index, CancellationToken cancellation)
    {
        // Taken before asking: the answer is at least as fresh as this, so its age is never told too small.
        long asked = time.GetTimestamp();
        using var limit = new CancellationTokenSource(round, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            HeardAnswer? answer = await GetAsync(new Uri(config.Peers[index], NodePaths.Heard), both.Token).ConfigureAwait(false);
            if (answer is null || answer.Fleet != config.Fleet.Id || answer.HeardSecondsAgo is < 0)
            {
                return answer is null || answer.Fleet == config.Fleet.Id ? "its answer makes no sense" : "it belongs to another fleet";
            }

            if (answer.Node == config.Node.Name)
            {
                // One list of peers for all nodes is convenient; but our own voice tells nothing of the others.
                return "it is this node itself";
            }

            Volatile.Write(ref words[index], new Heard(asked, answer));
            return null;
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or IOException)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return "no answer in time";
        }
    }

    private async Task<HeardAnswer?> GetAsync(Uri address, CancellationToken cancellation)
    {
        using HttpResponseMessage response =
            await client.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        response.EnsureSuccessStatusCode();
        Stream body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            byte[] buffer = new byte[MaxAnswerBytes];
            int length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            return length == buffer.Length
                ? null : JsonSerializer.Deserialize(buffer.AsSpan(0, length), DaemonJson.Compact.HeardAnswer);
        }
    }

    private PeerWord Word(Uri peer, Heard? heard)
    {
        string name = peer.GetLeftPart(UriPartial.Authority);
        if (heard is null)
        {
            return new PeerWord(name, null, false, null);
        }

        TimeSpan age = time.GetElapsedTime(heard.Asked);
        return new PeerWord(
            name, heard.Answer.Node, age <= round * RoundsThatCount, heard.Answer.HeardSecondsAgo + age.TotalSeconds);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Peer {Peer} does not answer: {Problem}")]
    private partial void LogSilent(Uri peer, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "Peer {Peer} answers again")]
    private partial void LogBack(Uri peer);

    private sealed record Heard(long Asked, HeardAnswer Answer);
}
