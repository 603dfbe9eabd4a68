using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Convergence;
using MirrorSync.Replication.Primary.Capture;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Replication.Primary.Recovery;
using MirrorSync.Replication.Status;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Packing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary;

/// <summary>
/// The primary's side up to the log: hooks, watch and scan lead through one loop into one
/// <see cref="CapturedRepository"/> each.
/// </summary>
public sealed partial class PrimaryNode : IAsyncDisposable
{
    private const int SweepWidth = 4;
    private static readonly TimeSpan SentinelInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ScanPause = TimeSpan.FromMilliseconds(200);

    // Without a watch no event comes; what changed without a hook is best effort then.
    private static readonly TimeSpan CatchUpPatience = TimeSpan.FromMilliseconds(500);

    // A repository with a large push to pack goes on by itself; the sweep need not wait for it.
    private static readonly TimeSpan SweepPatience = TimeSpan.FromMilliseconds(200);

    private readonly PrimaryOptions options;
    private readonly ReplicationLog log;
    private readonly Spool spool;
    private readonly RepositoryTable table;
    private readonly TimeProvider time;
    private readonly ILogger<PrimaryNode> logger;
    private readonly NoticeSource notices;
    private readonly RepositoryFinder finder;
    private readonly RootGuard root;
    private readonly LookTracker looks;
    private readonly OpenStores stores = new();
    private readonly FleetObjectSets objectSets;
    private readonly CancellationTokenSource stopping = new();
    private readonly SemaphoreSlim scanWanted = new(1, 1);
    private readonly Lock wanting = new();
    private readonly List<(long Since, TaskCompletionSource Reached)> catchingUp = [];

    private readonly NodeProblems problems;
    private readonly CheckpointStore store;
    private readonly PrimaryRecovery recovery;
    private readonly RootSync rootSync;
    private readonly LogUpkeep upkeep;
    private PrimaryCheckpoints? checkpoints;

    private CaptureContext? capture;
    private CapturedRepositories? captured;
    private volatile string? rootProblem;
    private volatile bool sweepWanted;
    private long? sweptAt;

    /// <summary>Puts the parts together; nothing starts yet.</summary>
    public PrimaryNode(
        PrimaryOptions options,
        ReplicationLog log,
        Spool spool,
        RepositoryTable table,
        TimeProvider time,
        ILoggerFactory loggers)
    {
        this.options = options;
        this.log = log;
        this.spool = spool;
        this.table = table;
        this.time = time;
        logger = loggers.CreateLogger<PrimaryNode>();
        problems = new NodeProblems(logger);
        store = new CheckpointStore(options.CheckpointFile, options.Root, options.BootId);
        recovery = new PrimaryRecovery(options, log, spool, store, logger);
        rootSync = new RootSync(store);
        upkeep = new LogUpkeep(log, new LogRetention(log, spool, options.Retention, time), problems, time, logger);
        finder = new RepositoryFinder(options.Root, loggers.CreateLogger<RepositoryFinder>());
        root = new RootGuard(options.Root, options.RootIdentityFile);
        looks = new LookTracker(time);
        objectSets = new FleetObjectSets(options.ObjectSetsFolder, options.SketchKeyFile);
        notices = new NoticeSource(
            new NoticeOptions { Root = options.Root, NotifyFolder = options.NotifyFolder, SentinelPath = root.MarkerPath },
            time,
            loggers.CreateLogger<NoticeSource>());
    }

    /// <summary>
    /// Up to which record every mirror has the log that was heard within a time; the largest number when there is none. Set by
    /// whoever knows the mirrors.
    /// </summary>
    internal Func<TimeSpan, ulong> MirrorFloor { get; set; } = static _ => ulong.MaxValue;

    /// <summary>Where it is kept how far each mirror was.</summary>
    internal string MirrorsFile => options.MirrorsFile;

    /// <summary>The present term; 0 before recovery.</summary>
    public ulong Epoch => capture?.Epoch ?? 0;

    /// <summary>The position up to which <see cref="RepositoryTable"/> shows every record's outcome.</summary>
    public LogPosition Shown => capture?.Shown ?? LogPosition.Origin;

    /// <summary>How long ago the disk was last seen whole and captured; <see cref="TimeSpan.MaxValue"/> when never.</summary>
    public TimeSpan LookAge => looks.Age;

    /// <summary>The same, with the repositories for which that look does not speak: their captures are still under way.</summary>
    public (TimeSpan LookAge, IReadOnlyList<RepositoryName> Late) Standing => looks.Standing;

    /// <summary>Why nothing is captured at all; null when all is well.</summary>
    public string? Problem => rootProblem ?? upkeep.Problem;

    /// <summary>All that is wrong with the node, in words.</summary>
    public IReadOnlyList<string> Problems => rootProblem is { } gone ? [gone, .. problems.All] : problems.All;

    /// <summary>Folders that look like repositories and are not captured, with the reason.</summary>
    public IReadOnlyList<BrokenRepository> Broken => captured?.Broken ?? [];

    /// <summary>The object sets, and the key that mirrors learn.</summary>
    public FleetObjectSets ObjectSets => objectSets;

    /// <summary>A checkpoint of this boot says that what came before it is on the disk.</summary>
    private bool MayCheckpoint => Problem is null && !recovery.IsDue;

    private CapturedRepositories Repositories => captured ?? throw new InvalidOperationException("RecoverAsync comes first");

    /// <summary>Brings back from the log what was captured last. Before anything else.</summary>
    public async Task RecoverAsync(CancellationToken cancellation)
    {
        rootProblem = root.Open();
        (ulong epoch, IReadOnlyList<ReplayedRepository> known, IReadOnlyList<long> removals) =
            await recovery.ReadAsync(cancellation).ConfigureAwait(false);
        if (rootProblem is null)
        {
            await recovery.RollForwardAsync(cancellation).ConfigureAwait(false);
        }

        if (epoch == 0)
        {
            epoch = 1;
            LogRecord start = log.Append(Records.EpochStart(options.Identity.Name, time), epoch);
            await log.CommitAsync(start.Position, cancellation).ConfigureAwait(false);
        }

        capture = new CaptureContext(log, spool, table, new ThinPackWriter(stores, new GitPackWriter(), options.Packing), FindRootProblem, time, logger)
        {
            Problems = problems,
            SyncRootAsync = rootSync.SyncAsync,
            Epoch = epoch,
            ObjectSets = objectSets.OpenOrCreate(),
            CaughtUp = CatchUpAsync,
            Acknowledge = notices.Acknowledge,
        };
        captured = new CapturedRepositories(
            capture, known, new RemovalWindow(removals), options.ScanInterval, new KnownFolders(options.FoldersFile, logger), stopping.Token);
        await captured.CatchUpAsync(cancellation).ConfigureAwait(false);
        checkpoints = new PrimaryCheckpoints(store, capture, captured, problems);
        if (MayCheckpoint)
        {
            checkpoints.Write();
        }

        LogRecovered(logger, known.Count, log.Committed);
    }

    /// <summary>Watches and captures until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        CapturedRepositories repositories = Repositories;
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task[] loops =
        [
            notices.RunAsync(linked.Token),
            HandleNoticesAsync(linked.Token),
            ScanAsync(repositories, linked.Token),
            TouchSentinelAsync(linked.Token),
            objectSets.CompactAsync(() => table.All.Select(static s => s.Repository), time, linked.Token),
            checkpoints!.RunAsync(() => MayCheckpoint, linked.Token),
            upkeep.RetainAsync(
                options.RetainInterval, () => checkpoints.ReplayAfter, () => MirrorFloor(options.Retention.MaxAge), linked.Token),
            capture!.Failed.Task,
        ];
        try
        {
            Task first = await Task.WhenAny(loops).ConfigureAwait(false);
            await first.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The node stops in good order; the captures below end by themselves.
        }
        finally
        {
            await linked.CancelAsync().ConfigureAwait(false);
            await stopping.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(loops[..^1]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.WhenAll(repositories.All.Select(static r => r.Stopped)).ConfigureAwait(false);
            if (MayCheckpoint)
            {
                checkpoints!.Write();
            }

            RememberMirrors();
        }
    }

    /// <summary>Lets capture take what the disaster guard holds.</summary>
    /// <param name="name">One repository; null for all that are held.</param>
    /// <returns>The repositories that were held and are looked at again.</returns>
    public IReadOnlyList<RepositoryName> Accept(RepositoryName? name)
    {
        IReadOnlyList<RepositoryName> accepted = Repositories.Accept(name);
        if (accepted.Count > 0)
        {
            WantScan();
        }

        return accepted;
    }

    /// <summary>Writes a new Baseline of a repository, once all that changed there is captured; nothing for one that is not known.</summary>
    public void Rebase(RepositoryName name)
    {
        foreach (CapturedRepository repository in Repositories.All.Where(r => r.Repository.Name == name))
        {
            repository.Rebase();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        await notices.DisposeAsync().ConfigureAwait(false);
        stores.Dispose();
        rootSync.Dispose();
        stopping.Dispose();
        scanWanted.Dispose();
    }

    /// <summary>A mirror that was heard just now counts after the restart too.</summary>
    private void RememberMirrors()
    {
        try
        {
            _ = MirrorFloor(options.Retention.MaxAge);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            problems.Set("mirrors", $"how far the mirrors are could not be kept: {failure.Message}");
        }
    }

    private async Task HandleNoticesAsync(CancellationToken cancellation)
    {
        await foreach (Notice.Notice notice in notices.Notices.ReadAllAsync(cancellation).ConfigureAwait(false))
        {
            Handle(notice);
        }
    }

    /// <summary>Waits until the watch has come to an event of now: everything before it is handled by then.</summary>
    private async Task CatchUpAsync(CancellationToken cancellation)
    {
        TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (catchingUp)
        {
            catchingUp.Add((time.GetTimestamp(), reached));
        }

        notices.TouchSentinel();
        await Task.WhenAny(reached.Task, Task.Delay(CatchUpPatience, time, cancellation)).ConfigureAwait(false);
        lock (catchingUp)
        {
            catchingUp.RemoveAll(w => w.Reached == reached);
        }

        cancellation.ThrowIfCancellationRequested();
    }

    private void Reached(long touchedAt)
    {
        lock (catchingUp)
        {
            foreach ((long since, TaskCompletionSource reached) in catchingUp)
            {
                if (since <= touchedAt)
                {
                    reached.TrySetResult();
                }
            }

            catchingUp.RemoveAll(static w => w.Reached.Task.IsCompleted);
        }
    }

    private void Handle(Notice.Notice notice)
    {
        switch (notice)
        {
            case PushOpened opened when Repositories.Find(opened.RepositoryPath) is { } repository:
                repository.Opened(opened.Push, opened.Names, opened.Order);
                break;
            case PushEnded ended when Repositories.Find(ended.RepositoryPath) is { } repository:
                repository.Ended(ended.Push, ended.Names, ended.Order);
                break;
            case PushGone gone when Repositories.Find(gone.RepositoryPath) is { } repository:
                repository.Ended(gone.Push, gone.Names, gone.Order);
                break;
            case RefsTouched touched:
                Repositories.Find(touched.RepositoryPath)?.Touch();
                break;
            case MetadataTouched touched:
                Repositories.Find(touched.RepositoryPath)?.Touch();
                break;
            case Looked look when Problem is null:
                Reached(look.TouchedAtTimestamp);
                looks.Note(look.TouchedAtTimestamp, UnderWay());
                break;
            case WatchLost lost:
                LogWatchLost(logger, lost.Reason);
                sweepWanted = true;
                looks.Blind();
                WantScan();
                break;
            case PushEnded or PushGone:
                // A push into a repository that is not known yet: the scan takes it up as it then is.
                notices.Acknowledge(notice);
                looks.Blind();
                WantScan();
                break;
            case FoldersChanged or PushOpened:
                looks.Blind();
                WantScan();
                break;
        }
    }

    /// <summary>Why nothing may be captured now. Whoever asks then drops its work, so everything is looked at once the root is back.</summary>
    private string? FindRootProblem()
    {
        string? problem = Problem ?? root.Check();
        if (problem is not null)
        {
            sweepWanted = true;
            looks.Drop();
            WantScan();
        }

        return problem;
    }

    /// <summary>After a failed write the log goes on from its last commit, and what it did not take is captured again.</summary>
    private async Task KeepLogAsync(CancellationToken cancellation)
    {
        if (upkeep.Problem is not null)
        {
            looks.Drop();
            sweepWanted = true;
        }

        if (await upkeep.TryReopenAsync(cancellation).ConfigureAwait(false))
        {
            WantScan();
        }
    }

    private IEnumerable<CaptureUnderWay> UnderWay() =>
        Repositories.All.Select(static r => new CaptureUnderWay(r.Repository.Name, r.Work));

    private void WantScan()
    {
        // Two may want one at the same moment.
        lock (wanting)
        {
            if (scanWanted.CurrentCount == 0)
            {
                scanWanted.Release();
            }
        }
    }

    private async Task ScanAsync(CapturedRepositories repositories, CancellationToken cancellation)
    {
        while (true)
        {
            await scanWanted.WaitAsync(options.ScanInterval, cancellation).ConfigureAwait(false);
            (long BeganAt, ulong MakesUp) scan = looks.ScanBegins();
            if (!await ScanFoldersAsync(repositories, scan.BeganAt, cancellation).ConfigureAwait(false))
            {
                sweepWanted = true;
            }
            else if (sweptAt is not { } last || sweepWanted || time.GetElapsedTime(last) >= options.ScanInterval)
            {
                sweepWanted = false;
                sweptAt = scan.BeganAt;
                await SweepAsync(repositories, cancellation).ConfigureAwait(false);
                looks.ScanEnded(scan, UnderWay());
            }
            else
            {
                looks.FoldersScanned(scan, UnderWay());
            }

            // Folders may come and go by the thousand (someone unpacks a tree below the root): one scan sees to many.
            await Task.Delay(ScanPause, time, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Compares the folders with what is known. False when the root itself is not to be trusted.</summary>
    private async Task<bool> ScanFoldersAsync(CapturedRepositories repositories, long beganAt, CancellationToken cancellation)
    {
        if (upkeep.Problem is not null)
        {
            looks.Blind();
            return false;
        }

        string? problem = root.Check();
        FinderResult? result = problem is null ? finder.Find(cancellation) : null;
        problem ??= result!.RootProblem ?? root.Check();
        if (problem is not null)
        {
            if (rootProblem != problem)
            {
                LogRootProblem(logger, problem);
            }

            rootProblem = problem;
            looks.Blind();
            return false;
        }

        // What could not be done at the start, for the root was not there yet.
        await recovery.RollForwardAsync(cancellation).ConfigureAwait(false);

        // Before the first sweep there may be thousands of new ones, and the sweep comes to each in turn.
        try
        {
            if (!await repositories.CompareAsync(result!, beganAt, touchNew: sweptAt is not null).ConfigureAwait(false))
            {
                WantScan();
            }
        }
        catch (LogUnwritableException)
        {
            looks.Blind();
            return false;
        }

        rootProblem = null;
        notices.SetRepositories([.. result!.Found.Select(static r => r.Path)]);
        return true;
    }

    /// <summary>
    /// Looks at every repository, a few at a time, so that a push which comes meanwhile never waits behind thousands.
    /// </summary>
    private async Task SweepAsync(CapturedRepositories repositories, CancellationToken cancellation)
    {
        ParallelOptions few = new() { MaxDegreeOfParallelism = SweepWidth, CancellationToken = cancellation };
        await Parallel.ForEachAsync(repositories.All, few, async (repository, token) =>
        {
            if (!repository.IsLost)
            {
                repository.Touch();
                await Task.WhenAny(repository.Work, Task.Delay(SweepPatience, time, token)).ConfigureAwait(false);
            }
        }).ConfigureAwait(false);
    }

    private async Task TouchSentinelAsync(CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(SentinelInterval, time);
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            if (rootProblem is null && root.Check() is { } problem)
            {
                // Found between two scans: nothing more is captured from here on, and the scan says what is wrong.
                rootProblem = problem;
                sweepWanted = true;
                looks.Blind();
                LogRootProblem(logger, problem);
            }

            await KeepLogAsync(cancellation).ConfigureAwait(false);
            if (Problem is null)
            {
                notices.TouchSentinel();
                foreach (CapturedRepository repository in Repositories.All)
                {
                    repository.Retry();
                }
            }
            else
            {
                // Look again soon, so that a root that is back is released within a second.
                WantScan();
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "recovered {Repositories} repositories from the log at {Position}")]
    private static partial void LogRecovered(ILogger logger, int repositories, LogPosition position);

    [LoggerMessage(Level = LogLevel.Error, Message = "nothing is captured: {Problem}")]
    private static partial void LogRootProblem(ILogger logger, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the watch missed events ({Reason}); everything is scanned")]
    private static partial void LogWatchLost(ILogger logger, string reason);
}
