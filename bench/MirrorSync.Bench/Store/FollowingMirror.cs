using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Replication;
using MirrorSync.Replication.Convergence;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Mirror;
using MirrorSync.Replication.Mirror.Removal;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Status;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Bench.Store;

/// <summary>
/// A mirror's side of one repository with its own log, spool and apply, everything but the wire: a record is appended,
/// committed and handed to <see cref="FollowedRepository"/>, as they come from a primary.
/// </summary>
internal sealed class FollowingMirror : IAsyncDisposable
{
    private const string Branch = "refs/heads/main";

    private readonly CancellationTokenSource stop = new();
    private readonly RepositoryTable table = new();
    private readonly OpenStores stores = new();
    private readonly ReplicationLog log;
    private readonly ObjectSources sources;
    private readonly BulkClient bulk;
    private readonly FollowedRepository followed;
    private readonly Repository repository;
    private readonly Task maintaining;
    private TaskCompletionSource applied = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ObjectId tip;

    private FollowingMirror(string folder, Repository repository, ObjectId tip, bool maintained)
    {
        this.repository = repository;
        this.tip = tip;
        Directory.CreateDirectory(Path.Combine(folder, "state"));
        log = ReplicationLog.Open(new ReplicationLogOptions { Folder = Path.Combine(folder, "log") }, NullLogger<ReplicationLog>.Instance);
        Spool spool = new(Path.Combine(folder, "spool"), NullLogger<Spool>.Instance);
        MirrorOptions options = new()
        {
            Identity = new NodeIdentity("bench", "bench", "bench"),
            Root = Path.Combine(folder, "root"),
            CheckpointFile = Path.Combine(folder, "state", "checkpoint.json"),
            ObjectSetsFolder = Path.Combine(folder, "state", "object-sets"),
            SketchKeyFile = Path.Combine(folder, "state", "sketch.key"),
            RootIdentityFile = Path.Combine(folder, "state", "root"),
            Upstream = new Uri("http://127.0.0.1:9"),
            CreateClient = static () => new HttpClient(),
            TrashRetention = TimeSpan.FromDays(1),
        };
        Maintenance = maintained
            ? new NodeMaintenance(
                new NodeMaintenanceOptions { HistoryFile = Path.Combine(folder, "state", "maintenance.json") },
                table,
                new RepositoryGates(),
                new ReaderRegistry(TimeProvider.System),
                () => followed!.Work.IsBehind,
                TimeProvider.System,
                NullLogger<NodeMaintenance>.Instance)
            : null;
        PackIndexer indexer = new(new PackIndexOptions { Checks = ObjectChecks.Connected, ListIds = true });
        bulk = new BulkClient(options, spool, TimeProvider.System);
        sources = new ObjectSources(options.Identity, null, [], options.CreateClient, TimeProvider.System, NullLogger.Instance);
        ApplyContext context = new(
            log,
            spool,
            table,
            indexer,
            bulk,
            new SnapshotInstaller(
                options, bulk, indexer, table, new CheckpointStore(options.CheckpointFile, options.Root, options.BootId), Maintenance, NullLogger.Instance),
            static _ => { },
            _ => applied.TrySetResult(),
            TimeProvider.System,
            NullLogger.Instance)
        {
            Checkpoint = static _ => Task.FromResult(true),
            Root = options.Root,
            Trash = new RepositoryTrash(options.Root, options.TrashRetention, TimeProvider.System, NullLogger<RepositoryTrash>.Instance),
            Running = Task.CompletedTask,
            RefusedAgainAfter = TimeSpan.FromMinutes(1),
            Stores = stores,
            Maintenance = Maintenance,
            Problems = new NodeProblems(NullLogger.Instance),
            Repair = new RepositoryRepair(
                sources, new RepositoryGates(), new Salvage(options.Root, TimeProvider.System, NullLogger<Salvage>.Instance), options.Packs, TimeProvider.System),
            ObjectSets = new FollowedObjectSets(new FleetObjectSets(options.ObjectSetsFolder, options.SketchKeyFile), NullLogger.Instance),
        };
        RefSnapshot refs = RefSnapshot.Create(
            repository.Format,
            RefValue.Symbolic(RefName.FromString(Branch)),
            [new RefEntry(RefName.FromString(Branch), RefValue.Direct(tip), default)]);
        RepositoryState state = new(repository, RepositoryCondition.Live, null, refs, log.Appended);
        FollowedRepositories names = new(context, new RemovalGuard([]), stop.Token);
        followed = new FollowedRepository(context, names, state, [], cutOff: false, provenAsOf: null, Task.CompletedTask, stop.Token);
        maintaining = Maintenance?.RunAsync(stop.Token) ?? Task.CompletedTask;
    }

    /// <summary>Its maintenance; null on the side that has none.</summary>
    public NodeMaintenance? Maintenance { get; }

    /// <summary>The repository, for git.</summary>
    public BareRepository Git => new(repository.Path);

    /// <summary>Packs that are there now.</summary>
    public int Packs => Directory.GetFiles(Path.Combine(repository.Path, "objects", "pack"), "pack-*.pack").Length;

    /// <summary>Makes a mirror that holds all up to a commit, as a snapshot brings it: in one pack.</summary>
    public static async Task<FollowingMirror> StartAsync(string folder, PushedDeltas pushes, bool maintained)
    {
        RepositoryName name = RepositoryName.Parse("bench.git");
        string path = name.PathBelow(Path.Combine(folder, "root"));
        Directory.CreateDirectory(path);
        Repository repository = RepositoryLayout.CreateBare(name, path, ObjectFormat.Sha1);
        GitResult pack = await StockGit.TryAsync(
            pushes.Source.Path, ["pack-objects", "--revs", "--stdout", "--delta-base-offset", "-q"], Encoding.ASCII.GetBytes(pushes.First + "\n"));
        await StockGit.FeedAsync(path, pack.Output, "index-pack", "--stdin");
        await StockGit.RunAsync(path, "update-ref", Branch, pushes.First);
        return ObjectId.TryParseHex(pushes.First, ObjectFormat.Sha1, out ObjectId tip)
            ? new FollowingMirror(folder, repository, tip, maintained) : throw new BenchFailedException($"{pushes.First} is no id");
    }

    /// <summary>Applies one push; the time from the durable record to the refs that clients see.</summary>
    public async Task<TimeSpan> ApplyAsync(PushedDelta delta)
    {
        if (!ObjectId.TryParseHex(delta.Commit, repository.Format, out ObjectId next))
        {
            throw new BenchFailedException($"{delta.Commit} is no id");
        }

        LogRecordBody fields = new() { Updates = [new RefUpdate(RefName.FromString(Branch), RefValue.Direct(tip), RefValue.Direct(next))] };
        LogRecord record = log.Append(
            new LogRecordDraft
            {
                Kind = LogRecordKind.Delta,
                NoticedAtMicroseconds = 0,
                Repository = repository.Name,
                Format = repository.Format,
                Before = default,
                After = default,
                InlineBody = (byte[])[.. LogRecordBodyCodec.EncodeFields(fields, repository.Format), .. delta.Pack],
            },
            epoch: 1);
        await log.CommitAsync(record.Position, CancellationToken.None);
        applied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        long began = Stopwatch.GetTimestamp();
        followed.Work.Enqueue(new PendingRecord(record.Sequence));
        await applied.Task;
        TimeSpan took = Stopwatch.GetElapsedTime(began);
        if (followed.State.Condition != RepositoryCondition.Live || followed.State.Applied.Sequence != record.Sequence)
        {
            throw new BenchFailedException($"push {record.Sequence} was not applied: {followed.State.Reason}");
        }

        tip = next;
        return took;
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await maintaining;
        await followed.Work.Worker;
        await (Maintenance?.DisposeAsync() ?? ValueTask.CompletedTask);
        stores.Dispose();
        bulk.Dispose();
        sources.Dispose();
        await log.DisposeAsync();
        stop.Dispose();
    }
}
