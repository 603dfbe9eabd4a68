using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Mirror;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Faults;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Support;

/// <summary>A mirror in this process; its folders outlive the node, so that it can be stopped, killed and started again.</summary>
internal sealed class MirrorRig : IAsyncDisposable
{
    private readonly TempFolder folder = new();
    private readonly NodeIdentity identity;
    private readonly Uri upstream;
    private CancellationTokenSource stop = new();
    private Task running = Task.CompletedTask;

    public MirrorRig(Uri upstream, NodeIdentity? identity = null)
    {
        this.upstream = upstream;
        this.identity = identity ?? new NodeIdentity("ams", "eu", "fleet");
        Directory.CreateDirectory(folder["state"]);
    }

    /// <summary>Everything that the mirror has on the disk.</summary>
    public string Folder => folder.Path;

    /// <summary>The machine's start.</summary>
    public string BootId { get; set; } = "first";

    public string Root => folder["root"];

    public string SpoolFolder => folder["spool"];

    public string CheckpointFile => folder["state/checkpoint.json"];

    public MirrorNode Node { get; private set; } = null!;

    public ReplicationLog Log { get; private set; } = null!;

    public Spool Spool { get; private set; } = null!;

    public RepositoryTable Table { get; private set; } = null!;

    public bool RefuseFindings { get; init; }

    public IReadOnlyList<Uri> Peers { get; init; } = [];

    public RepositoryGates Gates { get; } = new();

    /// <summary>A file in the node's data folder.</summary>
    public string StateFile(string name) => folder["state/" + name];

    /// <summary>Where its log is.</summary>
    public string LogFolder => folder["log"];

    /// <summary>The bounds of maintenance; null without any.</summary>
    public MaintenanceOptions? Maintained { get; init; }

    public NodeMaintenance? Maintenance { get; private set; }

    public MirrorOptions Options => new()
    {
        RefuseFindings = RefuseFindings,
        RefusedAgainAfter = TimeSpan.FromMilliseconds(100),
        TrashRetention = TimeSpan.FromDays(14),
        Identity = identity,
        Root = Root,
        CheckpointFile = CheckpointFile,
        ObjectSetsFolder = folder["state/object-sets"],
        SketchKeyFile = folder["state/sketch.key"],
        RootIdentityFile = folder["state/root"],
        BootId = BootId,
        Upstream = upstream,
        Peers = Peers,
        PatrolInterval = TimeSpan.FromMilliseconds(100),
        CreateClient = static () => new HttpClient(new SocketsHttpHandler { EnableMultipleHttp2Connections = false })
        {
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Timeout = Timeout.InfiniteTimeSpan,
        },
    };

    public string StateFolder => folder["state"];

    public BareRepository this[string name] => new(Path.Combine(Root, name));

    public void OpenLog()
    {
        Log = ReplicationLog.Open(new ReplicationLogOptions { Folder = folder["log"] }, NullLogger<ReplicationLog>.Instance);
        Spool = new Spool(folder["spool"], NullLogger<Spool>.Instance);
        Table = new RepositoryTable();
    }

    /// <summary>Recovers without following.</summary>
    public async Task RecoverAsync()
    {
        OpenLog();
        Maintenance = Maintained is null ? null : new NodeMaintenance(
            new NodeMaintenanceOptions { Repository = Maintained, HistoryFile = folder["state/maintenance.json"], Load = static () => 0 },
            Table,
            Gates,
            new ReaderRegistry(TimeProvider.System),
            () => Node.IsBehind,
            TimeProvider.System,
            NullLogger<NodeMaintenance>.Instance);
        Node = new MirrorNode(Options, Log, Spool, Table, TimeProvider.System, NullLoggerFactory.Instance, Maintenance, Gates);
        await Node.RecoverAsync(CancellationToken.None);
    }

    public async Task StartAsync()
    {
        await RecoverAsync();
        running = Task.WhenAll(Node.RunAsync(stop.Token), Maintenance?.RunAsync(stop.Token) ?? Task.CompletedTask);
    }

    /// <summary>Stops in good order.</summary>
    public async Task StopAsync()
    {
        if (Log is null)
        {
            return;
        }

        await stop.CancelAsync();
        await running;
        running = Task.CompletedTask;
        await Node.DisposeAsync();
        await (Maintenance?.DisposeAsync() ?? ValueTask.CompletedTask);
        await Log.DisposeAsync();
        stop.Dispose();
        stop = new CancellationTokenSource();
        Log = null!;
    }

    /// <summary>Ends after the power went, when nothing can be done in good order, and starts the machine again.</summary>
    public async Task LosePowerAsync(PowerLoss power)
    {
        power.Strike();
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        running = Task.CompletedTask;
        await Node.DisposeAsync();
        await (Maintenance?.DisposeAsync() ?? ValueTask.CompletedTask);
        await Log.DisposeAsync();
        stop.Dispose();
        stop = new CancellationTokenSource();
        Log = null!;
        power.Restore();
        BootId = Guid.NewGuid().ToString();
    }

    /// <summary>Waits until the mirror's folder of a repository equals the primary's and the table says so.</summary>
    public Task ConvergedAsync(BareRepository primary, string name) => Patience.UntilAsync(
        async _ =>
        {
            if (running.IsFaulted)
            {
                await running;
            }

            if (!Table.TryGet(RepositoryName.Parse(name), out RepositoryState? state) || state.Condition != RepositoryCondition.Live)
            {
                return $"{name} is {state?.Condition} {state?.Reason}";
            }

            try
            {
                (string wanted, string found) = (await primary.RefsTextAsync(), await this[name].RefsTextAsync());
                return wanted == found ? null : $"{found}\ninstead of\n{wanted}";
            }
            catch (Exception moved) when (moved is IOException or GitFailedException or System.ComponentModel.Win32Exception)
            {
                // Its folder has just gone to the trash or to another name, and readers are told next.
                return moved.Message;
            }
        },
        $"{name} on the mirror");

    /// <summary>Waits until the mirror has a repository of that name neither in its table nor on its disk.</summary>
    public Task GoneAsync(string name) => Patience.UntilAsync(
        async _ =>
        {
            if (running.IsFaulted)
            {
                await running;
            }

            bool known = Table.TryGet(RepositoryName.Parse(name), out RepositoryState? state);
            return known ? $"{name} is {state!.Condition} {state.Reason}" : Directory.Exists(this[name].Path) ? "its folder is there" : null;
        },
        $"{name} to be gone on the mirror");

    /// <summary>Waits until a repository is held for a reason that holds these words.</summary>
    public Task HeldAsync(string name, string words) => Patience.UntilAsync(
        _ => Task.FromResult(Table.TryGet(RepositoryName.Parse(name), out RepositoryState? state)
            && state.Condition == RepositoryCondition.Held && state.Reason!.Contains(words, StringComparison.Ordinal)
                ? null : $"{state?.Condition} {state?.Reason}"),
        $"{name} to be held");

    public RepositoryState State(string name) =>
        Table.TryGet(RepositoryName.Parse(name), out RepositoryState? state) ? state : throw new InvalidOperationException(name);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        stop.Dispose();
        folder.Dispose();
    }
}
