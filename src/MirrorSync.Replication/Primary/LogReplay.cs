using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary;

/// <summary>What the log says of every repository: the state from which capture goes on after a restart.</summary>
internal static partial class LogReplay
{
    /// <summary>The body of a record, wherever it is kept; the pack is left unread.</summary>
    public static async Task<LogRecordBody> ReadFieldsAsync(LogRecord record, Spool spool, CancellationToken cancellation)
    {
        Stream body = spool.OpenBody(record);
        await using (body.ConfigureAwait(false))
        {
            return await LogRecordBodyCodec.ReadFieldsAsync(body, record.Format, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Reads the log from its beginning. The refs' peeled values are not in the log: they are unknown (zero) in the
    /// snapshots returned.
    /// </summary>
    /// <returns>
    /// The last epoch, and every repository whose records are all there. One of whose bodies the spool has lost one is
    /// left out, with a warning: the scan sees it as new, and a Baseline says what it is.
    /// </returns>
    public static async Task<(ulong Epoch, IReadOnlyList<RepositoryState> Repositories)> ReadAsync(
        ReplicationLog log, Spool spool, string root, ILogger logger, CancellationToken cancellation)
    {
        ulong epoch = 0;
        HashSet<RepositoryName> lost = [];
        Dictionary<RepositoryName, RepositoryState> states = [];
        for (ulong sequence = log.Base.Sequence + 1; sequence <= log.Appended.Sequence; sequence++)
        {
            LogRecord record = log.ReadRecord(sequence);
            epoch = Math.Max(epoch, record.Epoch);
            if (record.Kind is not (LogRecordKind.Baseline or LogRecordKind.Delta) || record.Format is not { } format)
            {
                continue;
            }

            if (record.Kind == LogRecordKind.Baseline)
            {
                lost.Remove(record.Repository);
                states.Remove(record.Repository);
            }

            if (lost.Contains(record.Repository))
            {
                continue;
            }

            RefSnapshot before = states.TryGetValue(record.Repository, out RepositoryState? state) ? state.Refs : RefSnapshot.Empty(format);
            RefSnapshot? after = null;
            string? problem = null;
            try
            {
                LogRecordBody body = await ReadFieldsAsync(record, spool, cancellation).ConfigureAwait(false);
                after = before.TryApply(body.Updates, ImmutableDictionary<ObjectId, ObjectId>.Empty, out RefUpdate _);
            }
            catch (Exception failure) when (failure is IOException or InvalidDataException)
            {
                problem = failure.Message;
            }

            if (after is null || after.Digest != record.After.Refs)
            {
                LogLost(logger, record.Repository, record.Sequence, problem ?? "it does not follow from the records before it");
                states.Remove(record.Repository);
                lost.Add(record.Repository);
                continue;
            }

            Repository repository = new(record.Repository, record.Repository.PathBelow(root), format);
            states[record.Repository] = new RepositoryState(
                repository, RepositoryCondition.Missing, "not looked at since the start", after, record.Position);
        }

        return (epoch, [.. states.Values]);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: record {Sequence} cannot be replayed, so a new Baseline will be written: {Reason}")]
    private static partial void LogLost(ILogger logger, RepositoryName repository, ulong sequence, string reason);
}
