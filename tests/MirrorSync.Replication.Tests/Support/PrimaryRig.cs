using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Replication.Convergence;
using MirrorSync.Replication.Primary;
using MirrorSync.Replication.Primary.Shipping;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Faults;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Support;

/// <summary>A primary in this process, behind a small Kestrel that speaks plain HTTP/2 on loopback.</summary>
internal sealed class PrimaryRig : IAsyncDisposable
{
    private readonly TempFolder folder = new();
    private CancellationTokenSource stop = new();
    private TimeSpan scanInterval;
    private WebApplication? web;
    private Task running = Task.CompletedTask;
    private int snapshots;
    private int objectRequests;
    private ObjectServer? objects;

    public string Root => folder["root"];

    public string SpoolFolder => folder["spool"];

    public PrimaryNode Node { get; private set; } = null!;

    public ReplicationServer Server { get; private set; } = null!;

    public ReplicationLog Log { get; private set; } = null!;

    public Spool Spool { get; private set; } = null!;

    public RepositoryTable Table { get; private set; } = null!;

    /// <summary>Everything that the primary has on the disk.</summary>
    public string Folder => folder.Path;

    public string CheckpointFile => folder["state/checkpoint.json"];

    /// <summary>The machine's start.</summary>
    public string BootId { get; set; } = "first";

    public LogRetentionOptions Retention { get; set; } = LogRetentionOptions.Default;

    public string FoldersFile => folder["state/folders.json"];

    public Uri Address { get; private set; } = null!;

    /// <summary>How many snapshots were asked for.</summary>
    public int Snapshots => snapshots;

    public SnapshotPins Pins { get; private set; } = null!;

    public BulkServer Bulk { get; private set; } = null!;

    /// <summary>What befalls parts and bodies on their way; null for nothing.</summary>
    public TransferFaults? Faults { get; set; }

    /// <summary>How many objects were asked for by id.</summary>
    public int ObjectRequests => objectRequests;

    /// <summary>Called before objects are given by id; an exception cuts the request.</summary>
    public Func<Task> BeforeObjects { get; set; } = static () => Task.CompletedTask;

    /// <summary>Waited for before a snapshot is sent.</summary>
    public Task MaySendSnapshots { get; set; } = Task.CompletedTask;

    public string StateFolder => folder["state"];

    public BareRepository this[string name] => new(Path.Combine(Root, name));

    /// <param name="scanInterval">How long a repository must be gone; ten minutes when not given.</param>
    public static async Task<PrimaryRig> StartAsync(TimeSpan? scanInterval = null)
    {
        PrimaryRig rig = new() { scanInterval = scanInterval ?? TimeSpan.FromMinutes(10) };
        Directory.CreateDirectory(rig.Root);
        Directory.CreateDirectory(rig.folder["state"]);
        await rig.StartNodeAsync();
        await rig.ListenAsync();
        return rig;
    }

    /// <summary>The daemon ends and starts again; the listener stays.</summary>
    /// <param name="meanwhile">Done while it is down.</param>
    public async Task RestartAsync(Func<Task>? meanwhile = null)
    {
        await StopNodeAsync();
        await (meanwhile?.Invoke() ?? Task.CompletedTask);
        foreach (string kept in Directory.Exists(folder["kept"]) ? Directory.GetFiles(folder["kept"]) : [])
        {
            File.Copy(kept, Path.Combine(folder["state/repositories"], Path.GetFileName(kept)), overwrite: true);
        }

        await StartNodeAsync();
    }

    /// <summary>Ends after the power went, when nothing can be done in good order, and starts the machine again.</summary>
    public async Task LosePowerAsync(PowerLoss power)
    {
        power.Strike();
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Node.DisposeAsync();
        await Log.DisposeAsync();
        stop.Dispose();
        stop = new CancellationTokenSource();
        power.Restore();
        BootId = Guid.NewGuid().ToString();
        await StartNodeAsync();
    }

    /// <summary>Keeps the states of the present checkpoint beside what later ones write, for a test that puts it back.</summary>
    public Task KeepStatesAsync()
    {
        string states = folder["state/repositories"];
        Directory.CreateDirectory(folder["kept"]);
        foreach (string file in Directory.GetFiles(states))
        {
            File.Copy(file, Path.Combine(folder["kept"], Path.GetFileName(file)), overwrite: true);
        }

        return Task.CompletedTask;
    }

    /// <summary>Waits until the table shows what the repository's folder shows, and nothing more comes.</summary>
    public async Task SettledAsync(BareRepository repository)
    {
        await CapturedAsync(repository);
        await Patience.UntilAsync(_ => Task.FromResult(Node.LookAge < TimeSpan.FromSeconds(5) ? null : "no look yet"), "a look");
        await CapturedAsync(repository);
    }

    /// <summary>Waits for the first record of a kind and a name.</summary>
    public async Task<LogRecord> RecordAsync(LogRecordKind kind, string name)
    {
        LogRecord? found = null;
        await Patience.UntilAsync(
            async _ =>
            {
                if (running.IsFaulted)
                {
                    await running;
                }

                found = Records().FirstOrDefault(r => r.Kind == kind && r.Repository.Value == name);
                return found is null ? string.Join(", ", Records().Select(static r => $"{r.Kind} {r.Repository}")) : null;
            },
            $"{kind} of {name}");
        return found!;
    }

    /// <summary>All committed records.</summary>
    public IReadOnlyList<LogRecord> Records()
    {
        List<LogRecord> records = [];
        for (ulong sequence = Log.Base.Sequence + 1; sequence <= Log.Committed.Sequence; sequence++)
        {
            records.Add(Log.ReadRecord(sequence));
        }

        return records;
    }

    /// <summary>A repository with some history on main, a topic branch and an annotated tag; waits for its Baseline.</summary>
    public async Task<BareRepository> RepositoryAsync(string name, string format = "sha1")
    {
        string aside = folder["made/" + name];
        BareRepository made = await BareRepository.InitAsync(aside, format);
        string first = await made.CommitAsync("first of " + name);
        string second = await made.CommitAsync("second of " + name, first);
        await made.GitAsync("update-ref", "refs/heads/main", second);
        await made.GitAsync("update-ref", "refs/heads/topic", first);
        await made.GitAsync("tag", "-a", "-m", "tag", "v1", "topic");
        BareRepository placed = this[name];
        Directory.CreateDirectory(Path.GetDirectoryName(placed.Path)!);
        Directory.Move(aside, placed.Path);
        await CapturedAsync(placed);
        return placed;
    }

    /// <summary>Waits until the table shows what the repository's folder shows.</summary>
    public Task CapturedAsync(BareRepository repository) => Patience.UntilAsync(
        async _ =>
        {
            RepositoryName name = RepositoryName.Parse(Path.GetRelativePath(Root, repository.Path));
            if (!Table.TryGet(name, out RepositoryState? state) || state.Condition != RepositoryCondition.Live)
            {
                return $"{name} is {state?.Condition} {state?.Reason}";
            }

            string expected = (await StockGit.TryAsync(repository.Path, ["show-ref"], default, CancellationToken.None)).Text;
            string shown = string.Concat(state.Refs.Entries.Where(static e => e.Value.Kind == Git.Refs.RefValueKind.Direct)
                .Select(e => $"{e.Value.Id.ToHex(state.Repository.Format)} {System.Text.Encoding.Latin1.GetString(e.Name.Bytes)}\n"));
            return expected == shown ? null : "its refs are not captured";
        },
        "capture");

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        if (web is not null)
        {
            await web.DisposeAsync();
        }

        await StopNodeAsync();
        objects?.Dispose();
        stop.Dispose();
        folder.Dispose();
    }

    private async Task StartNodeAsync()
    {
        Log = ReplicationLog.Open(new ReplicationLogOptions { Folder = folder["log"] }, NullLogger<ReplicationLog>.Instance);
        Spool = new Spool(folder["spool"], NullLogger<Spool>.Instance);
        Table = new RepositoryTable();
        NodeIdentity identity = new("primary", "home", "fleet");
        PrimaryOptions options = new()
        {
            Identity = identity,
            Root = Root,
            NotifyFolder = folder["notify"],
            ObjectSetsFolder = folder["state/object-sets"],
            SketchKeyFile = folder["state/sketch.key"],
            RootIdentityFile = folder["state/root"],
            FoldersFile = FoldersFile,
            CheckpointFile = CheckpointFile,
            MirrorsFile = folder["state/mirrors.json"],
            BootId = BootId,
            Retention = Retention,
            RetainInterval = TimeSpan.FromMilliseconds(100),
            ScanInterval = scanInterval,
        };
        Node = new PrimaryNode(options, Log, Spool, Table, TimeProvider.System, NullLoggerFactory.Instance);
        Server = new ReplicationServer(Node, identity, Log, Table, TimeProvider.System, NullLogger<ReplicationServer>.Instance);
        PrimaryNode node = Node;
        Pins = new SnapshotPins(Table, () => node.Shown.Sequence, SpoolFolder, TimeProvider.System, NullLogger<SnapshotPins>.Instance);
        Bulk = new BulkServer(Server, Spool, Pins, null, TimeProvider.System);
        await Node.RecoverAsync(CancellationToken.None);
        running = Node.RunAsync(stop.Token);
    }

    private async Task StopNodeAsync()
    {
        await stop.CancelAsync();
        await running;
        Pins.Dispose();
        await Node.DisposeAsync();
        await Log.DisposeAsync();
        stop.Dispose();
        stop = new CancellationTokenSource();
    }

    private async Task ListenAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static o =>
        {
            o.Limits.MinRequestBodyDataRate = null;
            o.Limits.MaxRequestBodySize = null;
            o.Listen(IPAddress.Loopback, 0, static l => l.Protocols = HttpProtocols.Http2);
        });
        web = builder.Build();
        web.Run(HandleAsync);
        await web.StartAsync();
        Address = new Uri(web.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single());
    }

    private async Task HandleAsync(HttpContext http)
    {
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stop.Token);
        try
        {
            switch (http.Request.Path.Value)
            {
                case Handshake.StreamPath:
                    await http.Response.StartAsync(either.Token);
                    await Server.StreamAsync(http.Request.BodyReader, http.Response.BodyWriter, either.Token);
                    break;
                case { } path when BulkServer.Paths.Contains(path):
                    await AnswerAsync(http, path, either.Token);
                    break;
                case Handshake.SketchPath:
                    using (SketchServer sketches = new(Table, Node.ObjectSets))
                    {
                        ReadOnlyMemory<byte>? answer = await sketches.AnswerAsync(http.Request.Query["repository"], http.Request.Body, either.Token);
                        http.Response.StatusCode = answer is null ? 404 : 200;
                        await http.Response.Body.WriteAsync(answer ?? default, either.Token);
                    }

                    break;
                case Handshake.ObjectsPath:
                    Interlocked.Increment(ref objectRequests);
                    await BeforeObjects();
                    objects ??= new ObjectServer(Table, TimeProvider.System, NullLogger<ObjectServer>.Instance);
                    if (!await objects.AnswerAsync(http.Request.Query["repository"], http.Request.Body, static () => { }, http.Response.Body, either.Token))
                    {
                        http.Response.StatusCode = 404;
                    }

                    break;
                default:
                    http.Response.StatusCode = 404;
                    break;
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            http.Abort();
        }
    }

    private async Task AnswerAsync(HttpContext http, string path, CancellationToken cancellation)
    {
        if (path == Handshake.SnapshotPath)
        {
            await MaySendSnapshots.WaitAsync(cancellation);
        }

        using BulkAnswer? answer = await Bulk.AnswerAsync(
            path, key => http.Request.Query[key], http.Request.Headers[Handshake.NodeHeader].ToString(), cancellation);
        if (answer is null)
        {
            http.Response.StatusCode = 404;
            return;
        }

        if (path == Handshake.SnapshotPath)
        {
            Interlocked.Increment(ref snapshots);
        }

        http.Response.ContentType = answer.ContentType;
        http.Response.ContentLength = answer.Length;
        bool large = path is Handshake.PartPath or Handshake.SpoolPath;
        Stream body = large && Faults is { } faults ? faults.Over(
            http.Response.Body,
            $"{http.Request.Query["snapshot"]}{http.Request.Query["part"]}{http.Request.Query["name"]}",
            long.Parse(http.Request.Query["offset"]!, CultureInfo.InvariantCulture),
            answer.Length!.Value) : http.Response.Body;
        await answer.SendAsync(body, cancellation);
    }
}
