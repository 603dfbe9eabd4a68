using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Status;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>The mirror's side: follows the primary's log, keeps its own, and applies every repository's records.</summary>
public sealed partial class MirrorNode : INodeStatusSource, IAsyncDisposable
{
    private static readonly TimeSpan AskInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan CheckpointInterval = TimeSpan.FromSeconds(10);

    /// <summary>The primary answers every second's question; silence for so long means that the link is dead.</summary>
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(5);

    private readonly MirrorOptions options;
    private readonly ReplicationLog log;
    private readonly RepositoryTable table;
    private readonly TimeProvider time;
    private readonly ILogger<MirrorNode> logger;
    private readonly HttpClient streamHttp;
    private readonly BulkClient bulk;
    private readonly SnapshotInstaller snapshots;
    private readonly DurablePosition durable;
    private readonly ApplyContext context;
    private readonly CancellationTokenSource stopping = new();
    private readonly ConcurrentDictionary<RepositoryName, FollowedRepository> followed = new();
    private readonly Queue<AnswerFrame> answers = [];
    private readonly SemaphoreSlim checkpointing = new(1, 1);
    private long checkpointsWanted;
    private long checkpointsWritten;

    private volatile UpstreamStream? upstream;
    private volatile string? upstreamProblem = "not connected yet";
    private volatile string? primaryName;
    private volatile bool recovered;
    private ulong dispatched;
    private long heardAt = long.MinValue;
    private long nodeProvenAsOf = long.MinValue;

    /// <summary>Puts the parts together; nothing starts yet.</summary>
    public MirrorNode(
        MirrorOptions options,
        ReplicationLog log,
        Spool spool,
        RepositoryTable table,
        TimeProvider time,
        ILoggerFactory loggers)
    {
        this.options = options;
        this.log = log;
        this.table = table;
        this.time = time;
        logger = loggers.CreateLogger<MirrorNode>();
        streamHttp = options.CreateClient();
        streamHttp.BaseAddress = options.Upstream;
        bulk = new BulkClient(options, spool);
        GitPackIndexer indexer = new();
        snapshots = new SnapshotInstaller(options, bulk, indexer);
        durable = new DurablePosition(log, spool);
        context = new ApplyContext(
            log, spool, table, indexer, bulk, snapshots, OnBodyPresent, OnApplied, time, loggers.CreateLogger<FollowedRepository>())
        {
            Checkpoint = CheckpointNowAsync,
        };
    }

    /// <summary>The primary's node name; null before the first hello.</summary>
    public string? PrimaryName => primaryName;

    /// <summary>Seconds since the primary was last heard, on this node's clock; null when never since the start.</summary>
    public double? PrimaryHeardSecondsAgo => SecondsSince(ref heardAt);

    /// <summary>Brings every repository to the log's end. Before anything is served.</summary>
    public async Task RecoverAsync(CancellationToken cancellation)
    {
        Directory.CreateDirectory(options.Root);
        snapshots.Clean();
        IReadOnlyList<MirrorRecovery.Recovered> found =
            await new MirrorRecovery(options, context).RunAsync(cancellation).ConfigureAwait(false);
        foreach (MirrorRecovery.Recovered one in found)
        {
            FollowedRepository repository = new(context, one.State, provenAsOf: null, stopping.Token);
            followed[one.State.Name] = repository;
            foreach (ulong sequence in one.Pending)
            {
                durable.Added(log.ReadRecord(sequence));
                repository.Enqueue(sequence);
            }
        }

        dispatched = log.Committed.Sequence;
        recovered = true;
        LogRecovered(logger, found.Count, log.Committed);
    }

    /// <summary>Follows the primary until cancelled, through every cut of the link.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource linked = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task[] loops = [FollowAsync(linked.Token), CheckpointAsync(linked.Token)];
        try
        {
            foreach (FollowedRepository repository in followed.Values)
            {
                repository.Enqueue(0);
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
            await Task.WhenAll(followed.Values.Select(static r => r.Work)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await CheckpointNowAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public NodeStatus GetStatus()
    {
        List<RepositoryStatus> repositories = [];
        double? lag = SecondsSince(ref nodeProvenAsOf);
        foreach (RepositoryState state in table.All)
        {
            FollowedRepository? repository = followed.GetValueOrDefault(state.Name);
            double? own = repository?.ProvenAsOf is { } asOf ? time.GetElapsedTime(asOf).TotalSeconds : null;
            bool held = repository?.IsHeldAtPrimary ?? false;
            RepositoryState shown = held && state.Condition == RepositoryCondition.Live
                ? state with { Condition = RepositoryCondition.Held, Reason = "held at the primary" }
                : state;
            repositories.Add(RepositoryStatuses.Of(shown, repository?.IsBehind ?? false, own));
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
            Connected = upstream is not null,
            PrimaryHeardSecondsAgo = PrimaryHeardSecondsAgo,
            LagSeconds = lag,
            Problems = upstreamProblem is { } problem ? [problem] : [],
            Repositories = repositories,
            Mirrors = [],
        };
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        stopping.Dispose();
        streamHttp.Dispose();
        bulk.Dispose();
        checkpointing.Dispose();
    }

    private async Task FollowAsync(CancellationToken cancellation)
    {
        Backoff backoff = new(time);
        while (true)
        {
            try
            {
                UpstreamStream stream = await OpenAsync(cancellation).ConfigureAwait(false);
                await using (stream.ConfigureAwait(false))
                {
                    await BeginAsync(stream.Welcome, cancellation).ConfigureAwait(false);
                    backoff.Reset();
                    await ExchangeAsync(stream, cancellation).ConfigureAwait(false);
                }
            }
            catch (Exception failure) when (failure is IOException or HttpRequestException or LogOrderException
                || (failure is OperationCanceledException && !cancellation.IsCancellationRequested))
            {
                string reason = failure.InnerException is { } inner && failure is HttpRequestException ? inner.Message : failure.Message;
                string problem = $"primary {options.Upstream.Authority}: {reason}";
                if (upstreamProblem != problem)
                {
                    LogDisconnected(logger, problem);
                }

                upstreamProblem = problem;
            }

            upstream = null;
            await backoff.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private async Task<UpstreamStream> OpenAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource limit = new(SilenceLimit, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            return await UpstreamStream.OpenAsync(streamHttp, options.Identity, log.Appended, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            throw new IOException($"no answer within {SilenceLimit.TotalSeconds:0} s");
        }
    }

    /// <summary>An empty log begins where the primary says; every repository that there is then wants a snapshot.</summary>
    private async Task BeginAsync(Welcome welcome, CancellationToken cancellation)
    {
        primaryName = welcome.Node;
        LogPosition from = Handshake.Position(welcome.Epoch, welcome.Sequence, welcome.Chain);
        if (log.Appended != LogPosition.Origin)
        {
            LogFollowing(logger, welcome.Node, from);
            return;
        }

        IReadOnlyList<(RepositoryName Name, ObjectFormat Format)> listed = await bulk.ListAsync(cancellation).ConfigureAwait(false);
        foreach ((RepositoryName name, ObjectFormat format) in listed)
        {
            Follow(name, format, provenAsOf: null);
        }

        // The checkpoint first: with the log begun and no list, a repository would be forgotten for ever.
        Checkpoint.Write(options.CheckpointFile, from.Sequence, followed.Values.Select(static r => CheckpointEntry.Of(r.State)));
        log.StartAt(from);
        Volatile.Write(ref dispatched, from.Sequence);
        LogFollowing(logger, welcome.Node, from);
        foreach (FollowedRepository repository in followed.Values)
        {
            repository.Enqueue(0);
        }
    }

    private async Task ExchangeAsync(UpstreamStream stream, CancellationToken cancellation)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using CancellationTokenSource silence = new(SilenceLimit, time);
        using CancellationTokenRegistration onSilence = silence.Token.Register(ending.Cancel);

        // From here on each apply reports itself; what was applied before is reported below, and the higher word counts.
        upstream = stream;
        upstreamProblem = null;
        foreach (FollowedRepository repository in followed.Values)
        {
            RepositoryState state = repository.State;
            if (state.Condition == RepositoryCondition.Live)
            {
                stream.Send(new AppliedFrame(state.Name, state.Applied.Sequence, state.Refs.Digest).Write);
            }
        }

        SendDurable();
        Task[] sides = [stream.SendQueuedAsync(ending.Token), AskAsync(stream, ending.Token), ReceiveAsync(stream.Input, silence, ending.Token)];
        Task first = await Task.WhenAny(sides).ConfigureAwait(false);
        upstream = null;
        await ending.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(sides).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (silence.IsCancellationRequested)
        {
            throw new IOException($"silent for {SilenceLimit.TotalSeconds:0} s");
        }

        await first.ConfigureAwait(false);
        throw new IOException("the primary closed the stream");
    }

    private async Task AskAsync(UpstreamStream stream, CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(AskInterval, time);
        do
        {
            long now = time.GetTimestamp();
            stream.Send(o => Frames.WriteSequence(o, FrameKind.Ask, (ulong)now));
        }
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false));
    }

    private async Task ReceiveAsync(PipeReader input, CancellationTokenSource silence, CancellationToken cancellation)
    {
        RecordIntake intake = new(log, Dispatch);
        answers.Clear();
        while (true)
        {
            silence.CancelAfter(SilenceLimit);
            ReadResult read = await input.ReadAsync(cancellation).ConfigureAwait(false);

            // A disk of our own that takes its time is not the primary's silence.
            silence.CancelAfter(Timeout.InfiniteTimeSpan);
            Volatile.Write(ref heardAt, time.GetTimestamp());
            ReadOnlySequence<byte> buffer = read.Buffer;
            while (Frames.TryRead(ref buffer, out FrameKind kind, out ReadOnlySequence<byte> payload))
            {
                switch (kind)
                {
                    case FrameKind.Record:
                        intake.Take(payload);
                        break;
                    case FrameKind.CommitMark:
                        intake.Mark(Frames.ReadSequence(payload));
                        break;
                    case FrameKind.Answer:
                        answers.Enqueue(AnswerFrame.Read(payload.ToArray()));
                        break;
                    default:
                        throw new ProtocolException($"a primary does not send {kind} here");
                }
            }

            input.AdvanceTo(buffer.Start, buffer.End);
            await intake.FlushAsync(cancellation).ConfigureAwait(false);
            SendDurable();
            UseAnswers();
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>An answer speaks once everything that the primary had committed by then is in this log too.</summary>
    private void UseAnswers()
    {
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
            foreach ((RepositoryName name, FollowedRepository repository) in followed)
            {
                repository.Offer(answer.Committed, asOf, held.Contains(name));
            }
        }
    }

    private void Dispatch(LogRecord record)
    {
        durable.Added(record);
        if (record.Format is { } format)
        {
            // Of a repository that this record is the first to name, the last proof said that neither side had it.
            long proven = Volatile.Read(ref nodeProvenAsOf);
            Follow(record.Repository, format, proven == long.MinValue ? null : proven).Enqueue(record.Sequence);
        }

        Volatile.Write(ref dispatched, record.Sequence);
    }

    private FollowedRepository Follow(RepositoryName name, ObjectFormat format, long? provenAsOf)
    {
        if (!followed.TryGetValue(name, out FollowedRepository? repository))
        {
            Repository place = new(name, name.PathBelow(options.Root), format);
            RefSnapshot none = RefSnapshot.Empty(format);
            RepositoryState missing = new(place, RepositoryCondition.Missing, "waits for its snapshot", none, LogPosition.Origin);
            repository = new FollowedRepository(context, missing, provenAsOf, stopping.Token);
            followed[name] = repository;
        }

        return repository;
    }

    private void OnApplied(AppliedFrame applied) => upstream?.Send(applied.Write);

    private void OnBodyPresent(ulong sequence)
    {
        durable.BodyPresent(sequence);
        SendDurable();
    }

    private void SendDurable()
    {
        ulong sequence = durable.Current.Sequence;
        upstream?.Send(o => Frames.WriteSequence(o, FrameKind.Durable, sequence));
    }

    private async Task CheckpointAsync(CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(CheckpointInterval, time);
        ulong last = 0;
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false))
        {
            ulong now = followed.Values.Aggregate(0UL, static (sum, r) => sum + r.State.Applied.Sequence);
            if (now == last)
            {
                continue;
            }

            await CheckpointNowAsync(cancellation).ConfigureAwait(false);
            last = now;
        }
    }

    /// <summary>Writes a checkpoint; callers that come while one is written share the next.</summary>
    private async Task CheckpointNowAsync(CancellationToken cancellation)
    {
        long wanted = Interlocked.Increment(ref checkpointsWanted);
        await checkpointing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (checkpointsWritten < wanted)
            {
                long shared = Interlocked.Read(ref checkpointsWanted);
                WriteCheckpoint();
                checkpointsWritten = shared;
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The older one still holds: more is replayed or fetched after a crash, nothing is lost.
            LogNoCheckpoint(logger, failure.Message);
        }
        finally
        {
            checkpointing.Release();
        }
    }

    /// <summary>First what is to be said, then the sync that makes it true, then the word itself.</summary>
    private void WriteCheckpoint()
    {
        if (log.Appended == LogPosition.Origin)
        {
            return;
        }

        // Not the log's end: a record may be committed and not yet with its repository.
        ulong replayAfter = Volatile.Read(ref dispatched);
        List<CheckpointEntry> entries = [];
        foreach (FollowedRepository repository in followed.Values)
        {
            if (repository.ReplayFrom is { } first)
            {
                replayAfter = Math.Min(replayAfter, first - 1);
            }

            entries.Add(CheckpointEntry.Of(repository.State));
        }

        Folders.SyncFileSystem(options.Root);
        Checkpoint.Write(options.CheckpointFile, replayAfter, entries);
    }

    private double? SecondsSince(ref long timestamp)
    {
        long at = Volatile.Read(ref timestamp);
        return at == long.MinValue ? null : time.GetElapsedTime(at).TotalSeconds;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "recovered {Repositories} repositories at {Position}")]
    private static partial void LogRecovered(ILogger logger, int repositories, LogPosition position);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the checkpoint could not be written: {Reason}")]
    private static partial void LogNoCheckpoint(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "following primary {Node} from {Position}")]
    private static partial void LogFollowing(ILogger logger, string node, LogPosition position);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Problem}")]
    private static partial void LogDisconnected(ILogger logger, string problem);
}
