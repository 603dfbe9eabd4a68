using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using MirrorSync.Testing;
using MirrorSync.Testing.Network;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench;

/// <summary>
/// Push to visible, ours beside the usual way: a hook on the primary tells each mirror, which runs <c>git fetch</c>.
/// The peer is flattered: its hook's word takes exactly the one-way delay, each fetch has the machine to itself, and it
/// fetches from the primary's own fast smart HTTP.
/// </summary>
internal static class ReplicationBench
{
    private const string Name = "bench.git";
    private const string Branch = "refs/heads/main";

    /// <param name="arguments">How many pushes; 20 when not said.</param>
    public static async Task RunAsync(string[] arguments)
    {
        int pushes = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 20;
        foreach (int refs in new[] { 20, 4000 })
        {
            await MeasureAsync(refs, pushes);
        }
    }

    private static async Task MeasureAsync(int refs, int pushes)
    {
        await using TestNetwork network = await TestNetwork.StartAsync(Region.All, n => PrepareAsync(n, refs));
        await network.InstallHooksAsync();
        await network.WaitConvergedAsync();
        using PushMeter meter = await PushMeter.StartAsync(network, Name);
        List<FetchPeer> peers = [];
        foreach (Region region in Region.All)
        {
            peers.Add(await FetchPeer.StartAsync(network, region));
        }

        List<TimeSpan>[] ours = [.. Region.All.Select(static _ => new List<TimeSpan>())];
        List<TimeSpan>[] theirs = [.. Region.All.Select(static _ => new List<TimeSpan>())];
        for (int push = 0; push < pushes; push++)
        {
            IReadOnlyList<TimeSpan> visible = await meter.PushAsync(CancellationToken.None);
            for (int i = 0; i < peers.Count; i++)
            {
                ours[i].Add(visible[i]);
                theirs[i].Add(await peers[i].FetchAsync());
            }
        }

        for (int i = 0; i < peers.Count; i++)
        {
            double p50 = Percentile.Milliseconds(ours[i], 0.5);
            double fetch = Percentile.Milliseconds(theirs[i], 0.5);
            Console.WriteLine(JsonSerializer.Serialize(
                new
                {
                    Case = "push-to-visible",
                    Region = Region.All[i].Name,
                    OneWayMs = Region.All[i].OneWay.TotalMilliseconds,
                    Refs = refs,
                    OursP50Ms = p50,
                    OursP99Ms = Percentile.Milliseconds(ours[i], 0.99),
                    GitFetchP50Ms = fetch,
                    Ratio = Math.Round(fetch / p50, 2),
                },
                JsonSerializerOptions.Web));
            await peers[i].DisposeAsync();
        }
    }

    private static async Task PrepareAsync(TestNetwork network, int refs)
    {
        BareRepository made = await network.CreateRepositoryAsync(Name, new HistoryShape { Commits = 400 });
        string id = await made.IdOfAsync(Branch);
        int there = (await made.GitAsync("for-each-ref")).Split('\n').Length;
        StringBuilder script = new();
        for (int i = there; i < refs; i++)
        {
            script.Append(CultureInfo.InvariantCulture, $"create refs/many/{i % 50}/{i} {id}\n");
        }

        await StockGit.FeedAsync(made.Path, Encoding.ASCII.GetBytes(script.ToString()), "update-ref", "--stdin");
        await made.GitAsync("pack-refs", "--all");
    }

    /// <summary>A mirror of the usual kind, behind the same kind of link.</summary>
    private sealed class FetchPeer : IAsyncDisposable
    {
        private readonly WanLink link;
        private readonly BareRepository copy;
        private readonly Region region;

        private FetchPeer(WanLink link, BareRepository copy, Region region)
        {
            this.link = link;
            this.copy = copy;
            this.region = region;
        }

        public static async Task<FetchPeer> StartAsync(TestNetwork network, Region region)
        {
            IPEndPoint source = new(IPAddress.Loopback, network.Primary.Endpoints.Public.Port);
            WanLink link = WanLink.Start(source, WanLinkOptions.Symmetric(region.OneWay));
            BareRepository copy = await BareRepository.InitAsync(Path.Combine(network.Folder, "peer-" + region.Name));
            FetchPeer peer = new(link, copy, region);
            await peer.FetchAsync();
            return peer;
        }

        /// <summary>From the hook's moment to the rename of the ref in the copy.</summary>
        public async Task<TimeSpan> FetchAsync()
        {
            DateTimeOffset told = TimeProvider.System.GetUtcNow();
            await Task.Delay(region.OneWay, TimeProvider.System);
            await copy.GitAsync("fetch", "-q", "--prune", "--no-write-fetch-head", $"http://{link.Address}/{Name}", "+refs/*:refs/*");
            return FileFacts.Of(Path.Combine(copy.Path, Branch)).Changed - told;
        }

        public ValueTask DisposeAsync() => link.DisposeAsync();
    }
}
