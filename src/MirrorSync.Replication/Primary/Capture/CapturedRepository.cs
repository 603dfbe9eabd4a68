using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Replication.Status;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>
/// One repository on the primary: turns notices into records. The notice loop calls <see cref="Opened"/>,
/// <see cref="Ended"/>, <see cref="Touch"/> and the like, which only note what is to do; one worker at a time does it.
/// </summary>
internal sealed partial class CapturedRepository
{
    private readonly CaptureContext context;
    private readonly CancellationToken stopping;
    private readonly RefReader reader;
    private readonly CaptureQueue queue;
    private readonly SettledReading settled;
    private readonly SettledMetadata metadata;
    private readonly CapturedObjectSet objectSet;
    private readonly RecordWriter records;

    // The pushes taken up and not yet in the log, and the refs that they named: the worker's alone.
    private readonly List<PushId> unacknowledged = [];
    private readonly HashSet<RefName> vouched = [];

    private bool peelsKnown;
    private int failures;
    private long retryAt;
    private Task worker = Task.CompletedTask;

    // Written by the worker only.
    private RepositoryState state;

    /// <summary>Takes up a repository.</summary>
    /// <param name="context">What all share.</param>
    /// <param name="initial">Its state as the log tells it; <see cref="LogPosition.Origin"/> when it has no Baseline yet.</param>
    /// <param name="said">Its metadata as the log tells them; null when the log does not.</param>
    /// <param name="stopping">The node stops.</param>
    public CapturedRepository(
        CaptureContext context, RepositoryState initial, RepositoryMetadata? said, CancellationToken stopping)
    {
        this.context = context;
        this.stopping = stopping;
        state = initial;
        reader = new RefReader(initial.Repository);
        queue = new CaptureQueue(context.Time);
        settled = new SettledReading(reader, context.Time);
        metadata = new SettledMetadata(
            initial.Repository,
            said,
            name => context.Table.TryGet(name, out RepositoryState? other) && other.Applied != LogPosition.Origin,
            context.Time);
        objectSet = new CapturedObjectSet(context, initial.Repository);
        records = new RecordWriter(context, metadata, objectSet, stopping);
        context.Table.Show(initial);
    }

    /// <summary>The repository.</summary>
    public Repository Repository => state.Repository;

    /// <summary>Its state as last shown.</summary>
    public RepositoryState State => Volatile.Read(ref state);

    /// <summary>Its metadata as the log last told them; null when it does not.</summary>
    public RepositoryMetadata? Said => metadata.Said;

    /// <summary>Another repository has left its name, and the log says so: this one looks whether it still borrows from it.</summary>
    /// <param name="name">The other's name.</param>
    /// <param name="newName">The name that it bears now; null when it was removed.</param>
    public void OtherLeft(RepositoryName name, RepositoryName? newName)
    {
        bool concerned = newName is { } now ? metadata.BaseRenamed(name, now) : Said?.Alternates.Contains(name) == true;
        if (concerned)
        {
            Touch();
        }
    }

    /// <summary>Completes when everything noticed so far has been done.</summary>
    public Task Work => queue.Done;

    /// <summary>Completes when nothing is done any more: for the node's end.</summary>
    public Task Stopped => worker;

    /// <summary>True from <see cref="Lost"/> to <see cref="Found"/>.</summary>
    public bool IsLost => queue.IsLost;

    /// <summary>A push has begun; see <see cref="PushGroups.Open"/>.</summary>
    public void Opened(PushId push, IReadOnlyList<RefName> names, long order = 0) => queue.Open(push, names, order);

    /// <summary>A push is over; see <see cref="PushGroups.End"/>.</summary>
    public void Ended(PushId push, IReadOnlyList<RefName> names, long order = 0)
    {
        queue.End(push, names, order);
        Start();
    }

    /// <summary>Something may have changed: look at everything.</summary>
    public void Touch()
    {
        queue.Touch();
        Start();
    }

    /// <summary>An operator accepts what the disaster guard holds.</summary>
    /// <returns>False when nothing is held.</returns>
    public bool Accept()
    {
        bool held = Volatile.Read(ref state).Condition == RepositoryCondition.Held;
        if (held)
        {
            queue.Touch(accept: true);
            Start();
        }

        return held;
    }

    /// <summary>The object set is to be what the refs reach now: a new Baseline.</summary>
    public void Rebase()
    {
        queue.Touch(rebaseAfter: true);
        Start();
    }

    /// <summary>
    /// Brings the object set to the log's end; where that cannot be done, the first look writes a new Baseline. Before
    /// anything is captured.
    /// </summary>
    public async Task CatchUpAsync(CancellationToken cancellation)
    {
        if (!await objectSet.CatchUpAsync(state, cancellation).ConfigureAwait(false))
        {
            state = state with { ObjectSet = null };
            context.Table.Show(state);
            queue.Touch(rebaseAfter: true);
        }
    }

    /// <summary>The repository cannot be read at all: it is gone, or broken. Held until a scan finds it sound again.</summary>
    public void Lost(string reason)
    {
        queue.Lose(reason);
        Start();
    }

    /// <summary>A scan found the repository sound; the next look goes on from there.</summary>
    /// <returns>True when it was lost before.</returns>
    public bool Found() => queue.Find();

    /// <summary>
    /// Ends it, for the repository has left its folder: nothing is captured here any more. False while something is under
    /// way. Pushes that it could not capture are forgotten: whatever they changed shows in the folder, wherever that is.
    /// </summary>
    public bool TryRetire()
    {
        bool retired = queue.TryClose();
        if (retired)
        {
            AcknowledgeAll();
            queue.Abandon();
            context.Problems.Clear(NodeProblems.SubjectOf(state.Name));
        }

        return retired;
    }

    /// <summary>What failed is looked at again once its time has come.</summary>
    public void Retry()
    {
        long due = Volatile.Read(ref retryAt);
        if (due != 0 && context.Time.GetTimestamp() >= due)
        {
            Volatile.Write(ref retryAt, 0);
            Touch();
        }
    }

    /// <summary>Seconds until the next try: 1, 2, 4, up to 32.</summary>
    private static long RetryAfter(int failures) => 1L << Math.Min(failures - 1, 5);

    private void Start()
    {
        if (queue.TryBegin())
        {
            worker = Task.Run(RunAsync, CancellationToken.None);
        }
    }

    private async Task RunAsync()
    {
        try
        {
            while (queue.TryTake(out CaptureWork work))
            {
                await DoAsync(work).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The node stops; what was not captured is found by the scan at the next start.
            queue.Abandon();
        }
        catch (Exception failure)
        {
            // Nobody expects it: the node ends with its words.
            context.Failed.TrySetException(failure);
            queue.Abandon();
        }
    }

    private async Task DoAsync(CaptureWork work)
    {
        if (work.Pushes is { } ended)
        {
            unacknowledged.AddRange(ended.Pushes);
            vouched.UnionWith(ended.Names);
        }

        if (context.RootProblem() is not null)
        {
            // Whatever the disk shows now is no truth; the scan that finds the root back touches everything.
            return;
        }

        if (work.Lost is not null)
        {
            Hold(work.Lost);
            return;
        }

        try
        {
            await (context.Recovery?.CompleteAsync(state.Name, work.Accepted, stopping) ?? Task.CompletedTask).ConfigureAwait(false);
            bool captured = await (work.Pushes is null ? CaptureAllAsync(work) : CaptureNamedAsync(work, work.Pushes))
                .ConfigureAwait(false);
            if (captured && work.Rebase && state.Condition == RepositoryCondition.Live && state.Applied != LogPosition.Origin)
            {
                Show(await records.WriteRebaseAsync(state, work.NoticedAt).ConfigureAwait(false), state.Refs);
                LogRebased(context.Logger, state.Name, state.Applied.Sequence);
            }

            if (captured)
            {
                failures = 0;
                context.Problems.Clear(NodeProblems.SubjectOf(state.Name));
                AcknowledgeAll();
            }
        }
        catch (LogUnwritableException)
        {
            // Nothing is wrong with this repository. Whoever asks is told, and all are looked at once the log is back.
            _ = context.RootProblem();
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            // Whatever is wrong with this one repository: it is held and tried again, and all others go on.
            Hold(failure.Message);
            if (DiskFailure.Is(failure))
            {
                context.Problems.Set(NodeProblems.SubjectOf(state.Name), $"{state.Name} is not captured: {failure.Message}");
            }

            failures++;
            Volatile.Write(ref retryAt, context.Time.GetTimestamp() + (RetryAfter(failures) * context.Time.TimestampFrequency));
        }
    }

    /// <summary>False when the repository is held instead, or the pushes wait for another.</summary>
    private async Task<bool> CaptureNamedAsync(CaptureWork work, EndedPushes ended)
    {
        // Without a Baseline there is nothing to compare with, and one that is not live becomes so only by a look at all.
        if (state.Applied == LogPosition.Origin || state.Condition != RepositoryCondition.Live)
        {
            return await CaptureAllAsync(work).ConfigureAwait(false);
        }

        RefReading reading = reader.ReadSome(ended.Names);
        if (reading.Problems.Count > 0)
        {
            Hold(Describe(reading.Problems));
            return false;
        }

        // Heard of while the pack is written.
        Task caughtUp = context.CaughtUp(stopping);
        List<RefUpdate> updates = RefDifference.OfNames(state.Refs, reading, ended.Names);
        return await CaptureAsync(LogRecordKind.Delta, updates, reading, work.NoticedAt, async () =>
        {
            await caughtUp.ConfigureAwait(false);
            return context.RootProblem() is null && !TakeBack(ended);
        }).ConfigureAwait(false);
    }

    /// <summary>False when the repository is held instead, or nothing can be said of it now.</summary>
    private async Task<bool> CaptureAllAsync(CaptureWork work)
    {
        bool first = state.Applied == LogPosition.Origin;
        RefReading reading = reader.ReadAll();
        List<RefUpdate> updates = Differences(reading);
        bool changed = first || updates.Count > 0;
        if (changed)
        {
            if (await settled.ReadAsync(Differences, stopping).ConfigureAwait(false) is not { } agreed)
            {
                queue.Touch(work.Accepted, work.Rebase);
                return false;
            }

            reading = agreed;

            // A push that changed what was read said before that it would; once that is heard, its refs are left to it.
            await context.CaughtUp(stopping).ConfigureAwait(false);
        }

        if (work.Pushes is { } ended && TakeBack(ended))
        {
            return false;
        }

        updates = changed ? Differences(reading) : updates;

        if (context.RootProblem() is not null)
        {
            return false;
        }

        if (reading.Problems.Count > 0)
        {
            Hold(Describe(reading.Problems));
            return false;
        }

        RestorePeels(reading);
        if (!work.Accepted && !first && DisasterGuard.Refuse(state.Refs, updates, vouched) is { } refusal)
        {
            Hold($"{refusal}: mirrorsync accept {state.Name}");
            return false;
        }

        LogRecordKind kind = first ? LogRecordKind.Baseline : LogRecordKind.Delta;
        bool captured = await CaptureAsync(kind, updates, reading, work.NoticedAt, static () => Task.FromResult(true)).ConfigureAwait(false);
        if (captured && kind == LogRecordKind.Delta)
        {
            await CaptureMetadataAsync(work.NoticedAt).ConfigureAwait(false);
        }

        return captured;
    }

    /// <summary>Writes a Metadata record when description, owner or config are not what the log last said.</summary>
    private async Task CaptureMetadataAsync(long noticedAt)
    {
        if (await metadata.ReadChangedAsync(stopping).ConfigureAwait(false) is not { } changed || context.RootProblem() is not null)
        {
            return;
        }

        Show(await records.WriteMetadataAsync(state, changed, noticedAt).ConfigureAwait(false), state.Refs);
        LogMetadata(context.Logger, state.Name, state.Applied.Sequence);
    }

    /// <summary>
    /// True when the pushes wait again: one that began before the reading may be half done in what was read, or over and
    /// not alone. To be asked once every notice of that time has been heard.
    /// </summary>
    private bool TakeBack(EndedPushes ended)
    {
        bool taken = queue.TakeBack(ended);
        if (taken)
        {
            unacknowledged.RemoveAll(ended.Pushes.Contains);
            vouched.ExceptWith(ended.Names);
        }

        return taken;
    }

    private void AcknowledgeAll()
    {
        foreach (PushId push in unacknowledged)
        {
            context.Acknowledge(new PushEnded(state.Repository.Path, push, []));
        }

        unacknowledged.Clear();
        vouched.Clear();
    }

    /// <summary>What changed, but for the refs of pushes that are under way.</summary>
    private List<RefUpdate> Differences(RefReading reading) => RefDifference.OfAll(state.Refs, reading, queue.IsClaimed);

    /// <summary>Writes one record, if anything changed, and shows the result to readers.</summary>
    /// <param name="kind">The record's kind.</param>
    /// <param name="updates">What changed.</param>
    /// <param name="reading">Where it was read.</param>
    /// <param name="noticedAt">In microseconds since 1970.</param>
    /// <param name="confirm">Asked once before anything is written to the log; false gives up.</param>
    /// <returns>False when it was given up.</returns>
    private async Task<bool> CaptureAsync(
        LogRecordKind kind, List<RefUpdate> updates, RefReading reading, long noticedAt, Func<Task<bool>> confirm)
    {
        if (updates.Count == 0 && kind == LogRecordKind.Delta)
        {
            bool nothing = await confirm().ConfigureAwait(false);
            if (nothing)
            {
                Release();
            }

            return nothing;
        }

        if (await records.WriteUpdatesAsync(kind, state, updates, reading, noticedAt, confirm).ConfigureAwait(false) is not var (record, after))
        {
            return false;
        }

        Show(record, after);
        LogCaptured(context.Logger, state.Name, kind, updates.Count, record.Sequence);
        return true;
    }

    /// <summary>
    /// The log does not keep what tags finally name, so a repository that came back from it asks once, before clients
    /// are answered from it.
    /// </summary>
    private void RestorePeels(RefReading reading)
    {
        if (!peelsKnown)
        {
            // Only what is still so: the objects of a ref that moved on meanwhile may be gone.
            HashSet<ObjectId> still = [.. state.Refs.Entries
                .Where(e => e.Value.Kind == RefValueKind.Direct && reading.Values.GetValueOrDefault(e.Name) == e.Value)
                .Select(static e => e.Value.Id)];
            state = state with { Refs = state.Refs.WithPeeled(Peels.Find(state.Repository, reading, still)) };
            peelsKnown = true;
        }
    }

    private void Release()
    {
        if (state.Condition != RepositoryCondition.Live)
        {
            Show(state with { Condition = RepositoryCondition.Live, Reason = null });
            LogReleased(context.Logger, state.Name);
        }
    }

    private void Hold(string reason)
    {
        if (state.Condition != RepositoryCondition.Held || state.Reason != reason)
        {
            Show(state with { Condition = RepositoryCondition.Held, Reason = reason });
            LogHeld(context.Logger, state.Name, reason);
        }
    }

    /// <summary>Shows the refs that a record leads to.</summary>
    private void Show(LogRecord record, RefSnapshot after)
    {
        Show(state with
        {
            Condition = RepositoryCondition.Live,
            Reason = null,
            Refs = after,
            Applied = record.Position,
            ObjectSet = record.After.ObjectSet,
        });
        context.MarkShown(record);
        if (record.After.ObjectSet is null)
        {
            queue.Touch(rebaseAfter: true);
        }
    }

    private void Show(RepositoryState next)
    {
        Volatile.Write(ref state, next);
        context.Table.Show(next);
    }

    private static string Describe(IReadOnlyList<RefProblem> problems) =>
        $"ref {problems[0].Name}: {problems[0].Reason}" + (problems.Count > 1 ? $" (and {problems.Count - 1} more)" : string.Empty);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Repository}: {Kind} of {Updates} ref updates captured as {Sequence}")]
    private static partial void LogCaptured(ILogger logger, RepositoryName repository, LogRecordKind kind, int updates, ulong sequence);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Repository}: its metadata captured as {Sequence}")]
    private static partial void LogMetadata(ILogger logger, RepositoryName repository, ulong sequence);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: re-based by a new Baseline, {Sequence}")]
    private static partial void LogRebased(ILogger logger, RepositoryName repository, ulong sequence);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: held: {Reason}")]
    private static partial void LogHeld(ILogger logger, RepositoryName repository, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Repository}: live at its last captured state")]
    private static partial void LogReleased(ILogger logger, RepositoryName repository);
}
