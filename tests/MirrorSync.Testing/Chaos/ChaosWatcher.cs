using System.Globalization;
using System.Text;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Testing.Chaos;

/// <summary>
/// Looks at a mirror's copies all the while, one after the other: with real git in their folders, whether the node runs or
/// not, and through its public listener as clients do; and at the position that it says is durable.
/// </summary>
public sealed class ChaosWatcher : IDisposable
{
    private const int WalkEvery = 25;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    // A frozen node answers nothing for as long as a fault lasts.
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(5);

    private readonly NodeProcess node;
    private readonly List<(BareRepository Copy, SeenStates States)> folders = [];
    private readonly List<(string Name, SeenStates States)> listeners = [];
    private readonly HttpClient http = new(new SocketsHttpHandler { UseCookies = false, PooledConnectionLifetime = TimeSpan.FromSeconds(1) }) { Timeout = AnswerWithin };

    /// <summary>Looks at nothing yet.</summary>
    public ChaosWatcher(NodeProcess node, IEnumerable<string> repositories)
    {
        this.node = node;
        Positions = new SeenPositions(node.Config.Name);
        foreach (string name in repositories)
        {
            folders.Add((node.Repository(name), new SeenStates($"{name} in the folder at {node.Config.Name}")));
            listeners.Add((name, new SeenStates($"{name} at the listener of {node.Config.Name}")));
        }
    }

    /// <summary>The positions that the node told of.</summary>
    public SeenPositions Positions { get; }

    /// <summary>What was seen of a repository, by each of the ways.</summary>
    public IEnumerable<SeenStates> SeenOf(string repository) =>
        folders.Where(f => f.Copy == node.Repository(repository)).Select(static f => f.States)
            .Concat(listeners.Where(l => l.Name == repository).Select(static l => l.States));

    /// <summary>Looks until told to stop.</summary>
    /// <exception cref="ChaosFailedException">git was not content with what it found in a folder.</exception>
    public Task RunAsync(CancellationToken stop) => Task.WhenAll(WatchFoldersAsync(stop), WatchListenerAsync(stop));

    /// <inheritdoc/>
    public void Dispose() => http.Dispose();

    /// <summary>The state that an answer to <c>ls-refs</c> shows; null when it is no whole answer.</summary>
    public static string? Parse(ReadOnlySpan<byte> answer)
    {
        Dictionary<string, string> refs = [];
        while (answer.Length >= 4 && int.TryParse(answer[..4], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out int length))
        {
            if (length == 0)
            {
                return RefStates.Text(refs);
            }

            if (length < 4 || length > answer.Length)
            {
                return null;
            }

            string[] fields = Encoding.Latin1.GetString(answer[4..length]).TrimEnd('\n').Split(' ');
            if (fields.Length >= 2 && fields[1] != "HEAD")
            {
                refs[fields[1]] = fields[0];
            }

            answer = answer[length..];
        }

        return null;
    }

    private async Task WatchFoldersAsync(CancellationToken stop)
    {
        for (int look = 0; !stop.IsCancellationRequested; look++)
        {
            foreach ((BareRepository copy, SeenStates states) in folders)
            {
                await LookAsync(copy, states, walk: look % WalkEvery == 0).ConfigureAwait(false);
                await Task.Delay(Pause, TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
            }
        }
    }

    private static async Task LookAsync(BareRepository copy, SeenStates states, bool walk)
    {
        GitResult refs = await StockGit.TryAsync(copy.Path, ["for-each-ref", "--format=%(objectname) %(refname)"], default, CancellationToken.None)
            .ConfigureAwait(false);
        if (refs.Code != 0 || refs.Error.Length > 0)
        {
            throw new ChaosFailedException($"git for-each-ref in {copy.Path}: {refs.Error}");
        }

        states.Add(refs.Text.TrimEnd('\n'));

        // Everything that a ref reaches is there, at any moment.
        if (walk)
        {
            GitResult walked = await StockGit.TryAsync(copy.Path, ["rev-list", "--objects", "--all", "--quiet"], default, CancellationToken.None)
                .ConfigureAwait(false);
            if (walked.Code != 0)
            {
                throw new ChaosFailedException($"git rev-list --objects --all in {copy.Path}: {walked.Error}");
            }
        }
    }

    private async Task WatchListenerAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            foreach ((string name, SeenStates states) in listeners)
            {
                if (node.EndpointsIfUp is { } endpoints && await AskAsync(new Uri(endpoints.Public, name + "/git-upload-pack")).ConfigureAwait(false) is { } state)
                {
                    states.Add(state);
                }

                await Task.Delay(Pause, TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
            }

            await PositionAsync(node, Positions).ConfigureAwait(false);
        }
    }

    /// <summary>Asks a node how far it is durable; when it does not answer, nothing is noted.</summary>
    public static async Task PositionAsync(NodeProcess node, SeenPositions positions)
    {
        using CancellationTokenSource limit = new(AnswerWithin);
        try
        {
            if (await node.TryGetStatusAsync(limit.Token).ConfigureAwait(false) is { } status)
            {
                positions.Add(status.Durable);
            }
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException)
        {
            // Frozen, or killed while it answered.
        }
    }

    /// <summary>The state that the listener shows; null when it gives no whole answer.</summary>
    private async Task<string?> AskAsync(Uri address)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, address) { Content = new ByteArrayContent("0014command=ls-refs\n00010000"u8.ToArray()) };
        request.Headers.Add("Git-Protocol", "version=2");
        request.Content.Headers.ContentType = new("application/x-git-upload-pack-request");
        try
        {
            using HttpResponseMessage answer = await http.SendAsync(request, CancellationToken.None).ConfigureAwait(false);
            return answer.IsSuccessStatusCode ? Parse(await answer.Content.ReadAsByteArrayAsync(CancellationToken.None).ConfigureAwait(false)) : null;
        }
        catch (Exception failure) when (failure is HttpRequestException or OperationCanceledException or IOException)
        {
            // Down, or going down.
            return null;
        }
    }
}
