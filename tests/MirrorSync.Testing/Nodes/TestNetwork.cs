using System.Net;
using System.Text;
using MirrorSync.Testing.Network;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Testing.Nodes;

/// <summary>A mirror with the link that it reaches its primary by.</summary>
/// <param name="Region">Where it stands.</param>
/// <param name="Node">Its process.</param>
/// <param name="Link">The way to the primary's replication listener.</param>
public sealed record TestMirror(Region Region, NodeProcess Node, WanLink Link);

/// <summary>A primary and its mirrors, each a process of its own, each mirror behind a WAN link.</summary>
public sealed class TestNetwork : IAsyncDisposable
{
    private readonly TempFolder folder = new();
    private readonly List<TestMirror> mirrors = [];

    private readonly TestAuthority? authority;

    private TestNetwork(IReadOnlyDictionary<string, string>? more, bool secure)
    {
        authority = secure ? new TestAuthority(folder["authority"]) : null;
        Primary = new NodeProcess(NewConfig("primary", null, more));
    }

    /// <summary>The primary.</summary>
    public NodeProcess Primary { get; }

    /// <summary>The mirrors in the order of their regions.</summary>
    public IReadOnlyList<TestMirror> Mirrors => mirrors;

    /// <summary>The folder that all the network's files are in.</summary>
    public string Folder => folder.Path;

    /// <summary>Starts a primary and one mirror in each region, all at once.</summary>
    /// <param name="regions">Where mirrors stand.</param>
    /// <param name="prepare">Called before anything runs: makes repositories in the primary's root, for example.</param>
    /// <param name="more">Further configuration keys for every node.</param>
    /// <param name="secure">True gives the network an authority of its own and mutual TLS between the nodes.</param>
    public static async Task<TestNetwork> StartAsync(
        IReadOnlyList<Region> regions,
        Func<TestNetwork, Task>? prepare = null,
        IReadOnlyDictionary<string, string>? more = null,
        bool secure = false)
    {
        TestNetwork network = new(more, secure);
        try
        {
            await (prepare?.Invoke(network) ?? Task.CompletedTask).ConfigureAwait(false);
            await network.Primary.StartAsync().ConfigureAwait(false);
            await Task.WhenAll(regions.Select(r => network.AddMirrorAsync(r, more))).ConfigureAwait(false);
            network.mirrors.Sort(static (a, b) => a.Region.OneWay.CompareTo(b.Region.OneWay));
            return network;
        }
        catch
        {
            await network.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Adds a mirror and starts it.</summary>
    /// <param name="region">Where it stands.</param>
    /// <param name="more">Further configuration keys.</param>
    /// <param name="searchPath">Its PATH; null for that of the tests.</param>
    public async Task<TestMirror> AddMirrorAsync(Region region, IReadOnlyDictionary<string, string>? more = null, string? searchPath = null)
    {
        WanLink link = WanLink.Start(ReplicationOf(Primary), WanLinkOptions.Symmetric(region.OneWay) with { BytesPerSecond = region.BytesPerSecond });
        TestMirror mirror = new(region, new NodeProcess(NewConfig(region.Name, UpstreamBy(link), more) with { SearchPath = searchPath }), link);
        lock (mirrors)
        {
            mirrors.Add(mirror);
        }

        await mirror.Node.StartAsync().ConfigureAwait(false);
        return mirror;
    }

    /// <summary>A configuration for a node of this network.</summary>
    public NodeConfig NewConfig(string name, string? upstream, IReadOnlyDictionary<string, string>? more = null)
    {
        Dictionary<string, string> keys = authority is null ? [] : new(authority.Issue(name))
        {
            ["Listen:Replication"] = "https://127.0.0.1:0",
        };
        foreach ((string key, string value) in more ?? new Dictionary<string, string>())
        {
            keys[key] = value;
        }

        return new NodeConfig
        {
            Folder = Directory.CreateDirectory(folder[name]).FullName,
            Name = name,
            Region = upstream is null ? "home" : name,
            Upstream = upstream,
            More = keys,
        };
    }

    /// <summary>Starts the primary again, wherever it then listens.</summary>
    public async Task StartPrimaryAsync()
    {
        await Primary.StartAsync().ConfigureAwait(false);
        foreach (TestMirror mirror in mirrors)
        {
            mirror.Link.Target = ReplicationOf(Primary);
        }
    }

    /// <summary>Puts the hooks into all of the primary's repositories.</summary>
    public Task InstallHooksAsync() => Primary.CommandAsync("hook", "install");

    /// <summary>Makes a repository with history at the primary, aside first, so that it appears in one moment.</summary>
    /// <param name="name">Its name below the root.</param>
    /// <param name="shape">Its history; null leaves it empty.</param>
    public async Task<BareRepository> CreateRepositoryAsync(string name, HistoryShape? shape = null)
    {
        string aside = Path.Combine(folder.Path, "aside-" + Guid.NewGuid().ToString("N"));
        BareRepository made = await BareRepository.InitAsync(aside).ConfigureAwait(false);
        if (shape is not null)
        {
            await History.WriteAsync(made, shape).ConfigureAwait(false);
        }

        BareRepository placed = Primary.Repository(name);
        Directory.CreateDirectory(Path.GetDirectoryName(placed.Path)!);
        Directory.Move(aside, placed.Path);
        return placed;
    }

    /// <summary>
    /// Waits until every mirror says that it holds the primary's refs in every repository, and until real git finds all
    /// refs and HEAD of all repositories equal on all nodes; then <c>git fsck --full</c> must find nothing on any.
    /// </summary>
    /// <exception cref="TimeoutException">They did not become equal; the message tells what differs.</exception>
    /// <exception cref="GitFailedException">fsck found damage.</exception>
    public async Task WaitConvergedAsync(CancellationToken cancellation = default)
    {
        await Patience.UntilAsync(
            async token => await DifferenceAsync(token).ConfigureAwait(false), "the mirrors to be equal to the primary", LogTails, cancellation).ConfigureAwait(false);
        foreach (NodeProcess node in mirrors.Select(static m => m.Node).Prepend(Primary))
        {
            foreach (BareRepository repository in BareRepository.FindAll(node.Config.Root).Values)
            {
                if (await repository.FsckAsync().ConfigureAwait(false) is { } damage)
                {
                    throw new GitFailedException($"fsck: {damage}{Environment.NewLine}{LogTails()}");
                }
            }
        }
    }

    /// <summary>Waits until one mirror has a repository exactly as the primary has it.</summary>
    public static async Task<bool> SameRefsAsync(BareRepository one, BareRepository other) =>
        Directory.Exists(one.Path) && Directory.Exists(other.Path)
        && await one.RefsTextAsync().ConfigureAwait(false) == await other.RefsTextAsync().ConfigureAwait(false);

    /// <summary>The last log lines of all nodes.</summary>
    public string LogTails() =>
        mirrors.Aggregate(new StringBuilder(Primary.LogTail), static (text, m) => text.Append(m.Node.LogTail)).ToString();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(mirrors.Select(static m => m.Node.DisposeAsync().AsTask()).Append(Primary.DisposeAsync().AsTask())).ConfigureAwait(false);
        await Task.WhenAll(mirrors.Select(static m => m.Link.DisposeAsync().AsTask())).ConfigureAwait(false);
        authority?.Dispose();
        folder.Dispose();
    }

    private string UpstreamBy(WanLink link) => $"{(authority is null ? "http" : "https")}://{link.Address}";

    private static IPEndPoint ReplicationOf(NodeProcess node) => new(IPAddress.Loopback, node.Endpoints.Replication.Port);

    /// <summary>What still differs between the primary and the mirrors: first by their own words, then by git's.</summary>
    private async Task<string?> DifferenceAsync(CancellationToken cancellation)
    {
        NodeStatusView? primary = await Primary.TryGetStatusAsync(cancellation).ConfigureAwait(false);
        if (primary is null)
        {
            return "no status of the primary";
        }

        foreach (TestMirror mirror in mirrors)
        {
            NodeStatusView? status = await mirror.Node.TryGetStatusAsync(cancellation).ConfigureAwait(false);
            if (status is null)
            {
                return $"no status of {mirror.Region.Name}";
            }

            foreach (RepositoryView wanted in primary.Repositories)
            {
                RepositoryView? here = status.Find(wanted.Name);
                if (here is null || here.RefsDigest != wanted.RefsDigest || here.State != "converged")
                {
                    return $"{mirror.Region.Name} has {wanted.Name} {here?.State ?? "not"} ({here?.Reason}) at {here?.AppliedSequence}, the primary is at {wanted.AppliedSequence}";
                }
            }
        }

        IReadOnlyDictionary<string, BareRepository> repositories = BareRepository.FindAll(Primary.Config.Root);
        foreach (TestMirror mirror in mirrors)
        {
            IReadOnlyDictionary<string, BareRepository> copies = BareRepository.FindAll(mirror.Node.Config.Root);
            if (!copies.Keys.SequenceEqual(repositories.Keys))
            {
                return $"{mirror.Region.Name} holds [{string.Join(", ", copies.Keys)}], the primary [{string.Join(", ", repositories.Keys)}]";
            }

            foreach ((string name, BareRepository repository) in repositories)
            {
                string wanted = await repository.RefsTextAsync().ConfigureAwait(false);
                string here = await copies[name].RefsTextAsync().ConfigureAwait(false);
                if (wanted != here)
                {
                    return $"{name} at {mirror.Region.Name}: {FirstDifference(wanted, here)}";
                }
            }
        }

        return null;
    }

    private static string FirstDifference(string wanted, string here)
    {
        string[] left = wanted.Split('\n');
        string[] right = here.Split('\n');
        int at = 0;
        while (at < left.Length && at < right.Length && left[at] == right[at])
        {
            at++;
        }

        return $"'{right.ElementAtOrDefault(at)}' instead of '{left.ElementAtOrDefault(at)}'";
    }
}
