using System.Collections.ObjectModel;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Replication.Convergence;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Mirror.Removal;
using MirrorSync.Replication.Repair;
using MirrorSync.Replication.Status;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;
using MirrorSync.Storage.Scrubbing;

namespace MirrorSync.Replication.Mirror;

/// <summary>The mirror's side: follows the primary's log, keeps its own, and applies every repository's records.</summary>
public sealed partial class MirrorNode : INodeStatusSource, IFollower, IAsyncDisposable
{
    private static readonly TimeSpan RetainInterval = TimeSpan.FromMinutes(1);

    private readonly MirrorOptions options;
    private readonly ReplicationLog log;
    private readonly RepositoryTable table;
    private readonly TimeProvider time;
    private readonly ILogger<MirrorNode> logger;
    private readonly UpstreamLink link;
    private readonly CheckpointWriter checkpoints;
    private readonly CheckpointStore store;
    private readonly NodeProblems problems;
    private readonly BulkClient bulk;
    private readonly SnapshotInstaller snapshots;
    private readonly OpenStores stores = new();
    private readonly DurablePosition durable;
    private readonly LogUpkeep upkeep;
    private readonly FleetObjectSets objectSets;
    private readonly RootGuard root;
    private readonly ObjectSources sources;
    private readonly SketchSource sketches;
    private readonly ObjectSetFetcher objectSetFetcher;
    private readonly RepairPatrol patrol;
    private readonly NodeAudit audit;
    private readonly ApplyContext context;
    private readonly CancellationTokenSource stopping = new();
    private readonly TaskCompletionSource running = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile FollowedRepositories? repositories;
    private CancellationTokenSource generation;

    private volatile string? primaryName;
    private volatile bool recovered;
    private ulong durableSent;
    private long nodeProvenAsOf = long.MinValue;

    /// <summary>Puts the parts together; nothing starts yet.</summary>
    /// <param name="options">What it needs to know.</param>
    /// <param name="log">Its own log.</param>
    /// <param name="spool">Its spool.</param>
    /// <param name="table">What readers see.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Where it reports.</param>
    /// <param name="maintenance">Keeps its packs few; run by the owner. Null when nobody does.</param>
    /// <param name="gates">Shared with whoever else changes packs; null when nobody does.</param>
    public MirrorNode(
        MirrorOptions options,
        ReplicationLog log,
        Spool spool,
        RepositoryTable table,
        TimeProvider time,
        ILoggerFactory loggers,
        NodeMaintenance? maintenance = null,
        RepositoryGates? gates = null)
    {
        this.options = options;
        this.log = log;
        this.table = table;
        this.time = time;
        logger = loggers.CreateLogger<MirrorNode>();
        generation = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token);
        problems = new NodeProblems(logger);
        upkeep = new LogUpkeep(log, new LogRetention(log, spool, options.Retention, time), problems, time, logger);
        store = new CheckpointStore(options.CheckpointFile, options.Root, options.BootId);
        link = new UpstreamLink(options, log, this, upkeep, time, logger);
        checkpoints = new CheckpointWriter(store, () => repositories?.Collect(), problems, time, logger);
        bulk = new BulkClient(options, spool, time);

        // Whatever the options say: what is taken must be connected, for the apply path walks nothing.
        PackIndexer indexer = new(options.Packs with { ListIds = true, Checks = options.RefuseFindings ? ObjectChecks.Strict : ObjectChecks.Connected });
        objectSets = new FleetObjectSets(options.ObjectSetsFolder, options.SketchKeyFile);
        snapshots = new SnapshotInstaller(options, bulk, indexer, table, store, maintenance, loggers.CreateLogger<SnapshotInstaller>());
        durable = new DurablePosition(log, spool);
        Trash = new RepositoryTrash(options.Root, options.TrashRetention, time, loggers.CreateLogger<RepositoryTrash>());
        Salvage = new Salvage(options.Root, time, loggers.CreateLogger<Salvage>());
        sources = new ObjectSources(
            options.Identity, options.Upstream, options.Peers, options.CreateClient, time, loggers.CreateLogger<ObjectSources>());
        root = new RootGuard(options.Root, options.RootIdentityFile);
        sketches = new SketchSource(options.Identity, options.CreateClient, time);
        objectSetFetcher = new ObjectSetFetcher(() => Repositories.All, bulk, options.ObjectSetsFolder + ".incoming", time, logger);
        RefsRepair refs = new(Salvage, time);
        patrol = new RepairPatrol(() => [.. Repositories.Shown.Values], refs, root.Check, options.PatrolInterval, time, logger);
        audit = new NodeAudit(
            () => [.. Repositories.Shown.Values],
            objectSets,
            refs,
            sketches,
            objectSetFetcher.FetchAsync,
            options.Upstream,
            options.AuditInterval,
            time,
            loggers.CreateLogger<NodeAudit>());
        context = new ApplyContext(
            log, spool, table, indexer, bulk, snapshots, OnBodyPresent, OnApplied, time, loggers.CreateLogger<FollowedRepository>())
        {
            Checkpoint = checkpoints.WriteAsync,
            Problems = problems,
            Root = options.Root,
            RootProblem = root.Check,
            Trash = Trash,
            Running = running.Task,
            RefusedAgainAfter = options.RefusedAgainAfter,
            Stores = stores,
            Maintenance = maintenance,
            Repair = new RepositoryRepair(sources, gates ?? new RepositoryGates(), Salvage, options.Packs, time),
            ObjectSets = new FollowedObjectSets(objectSets, loggers.CreateLogger<FollowedObjectSets>()),
        };
    }

    /// <summary>The primary's node name; null before the first hello.</summary>
    public string? PrimaryName => primaryName;

    /// <summary>The repositories that were removed at the primary.</summary>
    public RepositoryTrash Trash { get; }

    /// <summary>What repairs took out of repositories.</summary>
    public Salvage Salvage { get; }

    private FollowedRepositories Repositories => repositories ?? throw new InvalidOperationException("RecoverAsync comes first");

    /// <summary>True while records or a snapshot wait to be applied.</summary>
    public bool IsBehind => repositories is { } all && all.All.Any(static r => r.Work.IsBehind);

    /// <summary>Brings every repository to the log's end. Before anything is served.</summary>
    /// <exception cref="InvalidDataException">The root is not the one that this node filled, or its checkpoint does not fit.</exception>
    public async Task RecoverAsync(CancellationToken cancellation)
    {
        if (log.Appended == LogPosition.Origin)
        {
            Directory.CreateDirectory(options.Root);
        }

        // A root that is not mounted looks empty, and everything would be fetched again onto the wrong disk.
        if (root.Open() is { } problem)
        {
            throw new InvalidDataException(problem);
        }

        Trash.Open();
        objectSets.Open();
        MirrorRecovery.Outcome found = await new MirrorRecovery(options, context, store).RunAsync(cancellation).ConfigureAwait(false);
        foreach (LogRecord record in found.Repositories.SelectMany(static r => r.Pending).Order().Select(log.ReadRecord).Concat(found.Rest))
        {
            durable.Added(record);
        }

        RemovalGuard removals = new(Trash.Entries.Where(static e => !e.Accepted).Select(static e => e.NoticedAt));
        FollowedRepositories all = new(context, removals, generation.Token);
        repositories = all;
        all.Begin(found);
        foreach (FollowedRepository repository in all.All)
        {
            repository.Repair.Resume();
        }

        snapshots.Clean(all.ByName.Where(static r => r.Repository.State.Condition != RepositoryCondition.Live).Select(static r => r.Name));
        recovered = true;
        LogRecovered(logger, found.Repositories.Count, log.Committed);
    }

    /// <summary>Lets removals pass that were refused for their number.</summary>
    /// <param name="name">One repository; null for all.</param>
    /// <returns>The repositories that go now.</returns>
    public IReadOnlyList<RepositoryName> Accept(RepositoryName? name) =>
    [
        .. Repositories.Shown.Where(r => (name is null || r.Key == name) && r.Value.AcceptRemoval()).Select(static r => r.Key).Order(),
    ];

    /// <summary>Repairs a repository, and waits until that is done, as long as it may take. Any thread.</summary>
    /// <param name="name">The repository.</param>
    /// <param name="order">What was found wrong with it.</param>
    /// <param name="cancellation">Waits no longer; the repair goes on.</param>
    /// <returns>What was done; null when no repository of that name is here.</returns>
    public async Task<RepairOutcome?> RepairAsync(RepositoryName name, RepairOrder order, CancellationToken cancellation)
    {
        if (!Repositories.Shown.TryGetValue(name, out FollowedRepository? repository))
        {
            return null;
        }

        Task<RepairOutcome> done = await repository.Repair.OrderAsync(order, cancellation).ConfigureAwait(false);
        return await done.WaitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>Orders the repair of what a scrub found; returns once it is ordered, and requests are kept away where they have to be.</summary>
    public async Task RepairAsync(RepositoryState state, IReadOnlyList<ScrubFault> faults, CancellationToken cancellation)
    {
        if (Repositories.Shown.TryGetValue(state.Name, out FollowedRepository? repository))
        {
            _ = await repository.Repair.OrderAsync(RepairOrder.Of(faults), cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Looks what a repair of a repository would find, and changes nothing.</summary>
    /// <returns>In words; null when no repository of that name is here.</returns>
    /// <exception cref="IOException">It cannot be read.</exception>
    public async Task<IReadOnlyList<string>?> FindDamageAsync(RepositoryName name, CancellationToken cancellation) =>
        Repositories.Shown.TryGetValue(name, out FollowedRepository? repository)
            ? await context.Repair.FindAsync(repository.State, cancellation).ConfigureAwait(false) : null;

    /// <summary>Compares what is here with what should be, and with another node; repairs what is missing. Any thread.</summary>
    /// <param name="name">One repository; null for all.</param>
    /// <param name="against">A node's replication listener; null for the primary's.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Null when no repository of that name is here.</returns>
    public Task<IReadOnlyList<AuditOutcome>?> AuditAsync(RepositoryName? name, Uri? against, CancellationToken cancellation) =>
        audit.AuditAsync(name, against, cancellation);

    /// <summary>The object sets.</summary>
    public FleetObjectSets ObjectSets => objectSets;

    /// <summary>Follows the primary until cancelled, through every cut of the link.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task[] loops =
        [
            link.RunAsync(linked.Token),
            checkpoints.RunAsync(linked.Token),

            // Nobody follows a mirror: of its log only what a restart needs is needed, and the rest kept to be looked at.
            upkeep.RetainAsync(RetainInterval, () => checkpoints.ReplayAfter, static () => ulong.MaxValue, linked.Token),
            Trash.RunAsync(linked.Token),
            Salvage.RunAsync(linked.Token),
            patrol.RunAsync(linked.Token),
            objectSetFetcher.RunAsync(linked.Token),
            audit.RunAsync(linked.Token),
            objectSets.CompactAsync(() => table.All.Select(static s => s.Repository), time, linked.Token),
        ];
        try
        {
            running.TrySetResult();
            foreach (FollowedRepository repository in Repositories.All)
            {
                repository.Work.Start();
            }

            Task first = await Task.WhenAny(loops).ConfigureAwait(false);
            await first.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The node stops in good order.
        }
        finally
        {
            await linked.CancelAsync().ConfigureAwait(false);
            await stopping.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.WhenAll(Repositories.All.Select(static r => r.Work.Worker)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await checkpoints.WriteAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public NodeStatus GetStatus()
    {
        List<RepositoryStatus> statuses = [];
        long proven = Volatile.Read(ref nodeProvenAsOf);
        double? lag = proven == long.MinValue ? null : time.GetElapsedTime(proven).TotalSeconds;
        IReadOnlyDictionary<RepositoryName, FollowedRepository> shownBy =
            repositories?.Shown ?? ReadOnlyDictionary<RepositoryName, FollowedRepository>.Empty;
        foreach (RepositoryState state in table.All)
        {
            FollowedRepository? repository = shownBy.GetValueOrDefault(state.Name);
            double? own = repository?.Work.ProvenAsOf is { } asOf ? time.GetElapsedTime(asOf).TotalSeconds : null;

            // With records still to apply it is this node that is behind, whatever the primary says of later ones.
            bool held = repository?.Work is { IsHeldAtPrimary: true, IsBehind: false };
            RepositoryState shown = held && state.Condition == RepositoryCondition.Live
                ? state with { Condition = RepositoryCondition.Held, Reason = "held, or still being captured, at the primary" }
                : state;
            RepositoryStatus one = RepositoryStatuses.Of(shown, repository?.Work.IsBehind ?? false, own);
            RepairStatus? repair = repository?.Repair.Status;
            statuses.Add(one with
            {
                State = repair?.Doing is null || state.Condition == RepositoryCondition.Missing ? one.State : "repairing",
                Repair = repair,
                LastAudit = audit.LastOf(state.Name),
                HeldHere = state.Condition == RepositoryCondition.Held && repository?.IsRemovalRefused != true,
                Findings = repository?.Findings ?? ReadOnlyDictionary<string, long>.Empty,
            });
            if (shown.Condition == RepositoryCondition.Live)
            {
                lag = lag is null || own is null ? null : Math.Max(lag.Value, own.Value);
            }
        }

        return new NodeStatus
        {
            Recovered = recovered,
            Durable = durable.Current,
            Primary = primaryName,
            Connected = link.IsConnected,
            PrimaryHeardSecondsAgo = link.HeardSecondsAgo,
            LagSeconds = lag,
            LinkProblem = link.Problem,
            Problems = problems.All,
            Repositories = statuses,
            Mirrors = [],
            Findings = context.Findings.ByName(),
            Trashed = Trash.Entries.Count,
        };
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        generation.Dispose();
        stopping.Dispose();
        link.Dispose();
        bulk.Dispose();
        sources.Dispose();
        sketches.Dispose();
        checkpoints.Dispose();
        stores.Dispose();
    }

    /// <summary>An empty log begins where the primary says; every repository that there is then wants a snapshot.</summary>
    async Task IFollower.BeginAsync(Welcome welcome, CancellationToken cancellation)
    {
        primaryName = welcome.Node;
        try
        {
            objectSets.Learn(welcome.SketchKey);
        }
        catch (FormatException failure)
        {
            throw new ProtocolException($"the welcome's sketch key is none: {failure.Message}");
        }

        LogPosition from = Handshake.Position(welcome.Epoch, welcome.Sequence, welcome.Chain);
        if (log.Appended == from)
        {
            LogFollowing(logger, welcome.Node, from);
            return;
        }

        if (from.Sequence <= log.Appended.Sequence || from.Epoch < log.Appended.Epoch)
        {
            throw new ProtocolException($"the primary begins at {from}, where this log is at {log.Appended}");
        }

        IReadOnlyList<ListedRepository> listed = await bulk.ListAsync(cancellation).ConfigureAwait(false);
        if (log.Appended != LogPosition.Origin)
        {
            await BeginAnewAsync(from, listed, cancellation).ConfigureAwait(false);
            return;
        }

        // The checkpoint first: with the log begun and no list, a repository would be forgotten for ever.
        (Repositories.Begin(from, listed) with { Boot = options.BootId }).Write(options.CheckpointFile);
        log.StartAt(from);
        LogFollowing(logger, welcome.Node, from);
        foreach (FollowedRepository repository in Repositories.All)
        {
            repository.Work.Start();
        }
    }

    /// <summary>The primary's log no longer goes back to where this one ends: the records in between are not to be had.</summary>
    private async Task BeginAnewAsync(LogPosition from, IReadOnlyList<ListedRepository> listed, CancellationToken cancellation)
    {
        LogCutOff(logger, log.Appended, from);
        FollowedRepositories before = Repositories;
        await generation.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(before.All.Select(static r => r.Work.Worker)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        generation.Dispose();
        generation = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token);
        FollowedRepositories anew = new(context, before.Removals, generation.Token);
        anew.BeginAnew(before.All, log.Appended.Sequence, from, listed, Records.Now(time));
        foreach (FollowedRepository former in before.All)
        {
            former.Close();
        }

        repositories = anew;

        // The checkpoint first: after an end in between, the old log ends below it, and all of this is done again.
        if (!await checkpoints.WriteAsync(cancellation).ConfigureAwait(false))
        {
            throw new IOException("the log cannot begin anew: no checkpoint can be written");
        }

        log.StartAt(from);
        durable.BeginAnew();
        LogFollowing(logger, primaryName ?? string.Empty, from);
        foreach (FollowedRepository repository in anew.All)
        {
            repository.Repair.Resume();
            repository.Work.Start();
        }
    }

    void IFollower.Connected()
    {
        // A new stream has heard nothing yet.
        Interlocked.Exchange(ref durableSent, ulong.MaxValue);

        // From here on each apply reports itself; what was applied before is reported here, and the higher word counts.
        foreach (FollowedRepository repository in Repositories.All)
        {
            RepositoryState state = repository.State;
            if (state.Condition == RepositoryCondition.Live)
            {
                OnApplied(AppliedFrame.Of(state));
            }
        }

        SendDurable();
    }

    /// <summary>An answer speaks once everything that the primary had committed by then is in this log too.</summary>
    void IFollower.Flushed(Queue<AnswerFrame> answers)
    {
        SendDurable();
        Repositories.Removals.Flush();
        ulong here = log.Committed.Sequence;
        while (answers.TryPeek(out AnswerFrame answer) && answer.Committed <= here)
        {
            answers.Dequeue();
            if (answer.LookAge == TimeSpan.MaxValue || answer.LookAge.TotalDays > 1)
            {
                // The primary has not seen its own disk for so long that its word proves nothing.
                continue;
            }

            long asOf = answer.AskedAt - (long)(answer.LookAge.TotalSeconds * time.TimestampFrequency);
            Volatile.Write(ref nodeProvenAsOf, Math.Max(Volatile.Read(ref nodeProvenAsOf), asOf));
            HashSet<RepositoryName> held = [.. answer.Held];
            foreach ((RepositoryName name, FollowedRepository repository) in Repositories.ByName)
            {
                repository.Work.Offer(answer.Committed, asOf, held.Contains(name));
            }
        }
    }

    void IFollower.Dispatch(LogRecord record)
    {
        durable.Added(record);

        // Of a repository that this record is the first to name, the last proof said that neither side had it.
        long proven = Volatile.Read(ref nodeProvenAsOf);
        Repositories.Dispatch(record, proven == long.MinValue ? null : proven);
    }

    private void OnApplied(AppliedFrame applied) => link.Send(applied.Write);

    private void OnBodyPresent(ulong sequence)
    {
        durable.BodyPresent(sequence);
        SendDurable();
    }

    private void SendDurable()
    {
        ulong sequence = durable.Current.Sequence;
        if (Interlocked.Exchange(ref durableSent, sequence) == sequence)
        {
            return;
        }

        link.Send(o => Frames.WriteSequence(o, FrameKind.Durable, sequence));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "this log ends at {End}, and the primary's begins after that: it begins anew at {From}, and what differs is brought up by snapshots")]
    private static partial void LogCutOff(ILogger logger, LogPosition end, LogPosition from);

    [LoggerMessage(Level = LogLevel.Information, Message = "recovered {Repositories} repositories at {Position}")]
    private static partial void LogRecovered(ILogger logger, int repositories, LogPosition position);

    [LoggerMessage(Level = LogLevel.Information, Message = "following primary {Node} from {Position}")]
    private static partial void LogFollowing(ILogger logger, string node, LogPosition position);
}
