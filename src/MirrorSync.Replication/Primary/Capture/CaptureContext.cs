using Microsoft.Extensions.Logging;
using MirrorSync.Replication.Status;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>What every repository's capture shares on a node.</summary>
/// <param name="Log">Where records are appended.</param>
/// <param name="Spool">Where large bodies go.</param>
/// <param name="Table">What readers see.</param>
/// <param name="PackWriter">Writes the pack of a push.</param>
/// <param name="RootProblem">Why nothing may be captured now (the root is gone or exchanged); null when all is well.</param>
/// <param name="Time">The clock.</param>
/// <param name="Logger">Where capture reports.</param>
internal sealed record CaptureContext(
    ReplicationLog Log,
    Spool Spool,
    RepositoryTable Table,
    IPackWriter PackWriter,
    Func<string?> RootProblem,
    TimeProvider Time,
    ILogger Logger)
{
    private readonly HashSet<LogPosition> inFlight = [];

    /// <summary>What the log brought into each repository.</summary>
    public required NodeObjectSets ObjectSets { get; init; }
    /// <summary>
    /// Brings the repositories to the disk. Before a Baseline, which tells mirrors of objects that the log does not have.
    /// </summary>
    public Func<CancellationToken, Task> SyncRootAsync { get; init; } = static _ => Task.CompletedTask;

    /// <summary>Told of disks that fail.</summary>
    public required NodeProblems Problems { get; init; }

    /// <summary>The present term.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>
    /// The position up to which every record's outcome is in <see cref="Table"/>: where an empty mirror may begin,
    /// knowing that the repositories listed there and then are all that earlier records speak of.
    /// </summary>
    public LogPosition Shown
    {
        get
        {
            lock (inFlight)
            {
                return inFlight.Count == 0 ? Log.Committed : Log.PositionAt(inFlight.Min(static p => p.Sequence) - 1) ?? Log.Base;
            }
        }
    }

    /// <summary>Appends a record and makes it durable; its outcome is to be shown before <see cref="MarkShown"/>.</summary>
    /// <exception cref="LogUnwritableException">The log cannot be written: nothing is captured until it can.</exception>
    public async Task<LogRecord> AppendAsync(LogRecordDraft draft, CancellationToken cancellation)
    {
        LogRecord? record = null;
        try
        {
            lock (inFlight)
            {
                record = Log.Append(draft, Epoch);
                inFlight.Add(record.Position);
            }

            await Log.CommitAsync(record.Position, cancellation).ConfigureAwait(false);
            return record;
        }
        catch (Exception failure) when (IsOfTheLog(failure, isAppended: record is not null))
        {
            lock (inFlight)
            {
                // What is taken up again ends before it; another record may bear its sequence by now.
                inFlight.Remove(record?.Position ?? LogPosition.Origin);
            }

            throw new LogUnwritableException($"the replication log cannot be written: {failure.Message}", failure);
        }
    }

    /// <summary>
    /// True for a disk that failed, a log that was closed, and one that was reopened between append and commit: it ends before
    /// the record then. Anything else is a fault of the record or of the code, and says nothing of the log.
    /// </summary>
    private static bool IsOfTheLog(Exception failure, bool isAppended) =>
        failure is IOException or ObjectDisposedException || (failure is ArgumentOutOfRangeException && isAppended);

    /// <summary>The record's outcome is in the table.</summary>
    public void MarkShown(LogRecord record)
    {
        lock (inFlight)
        {
            inFlight.Remove(record.Position);
        }
    }

    /// <summary>Faulted by what no capture expects: the node ends.</summary>
    public TaskCompletionSource Failed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes once every notice of what happened before has been handled.</summary>
    public Func<CancellationToken, Task> CaughtUp { get; init; } = static _ => Task.CompletedTask;

    /// <summary>Called with each push whose refs are in the log.</summary>
    public Action<Notice.Notice> Acknowledge { get; init; } = static _ => { };

    /// <summary>How many packs are written at once: packing a push is work for a core.</summary>
    public SemaphoreSlim Gate { get; } = new(Math.Max(2, Environment.ProcessorCount));
}
