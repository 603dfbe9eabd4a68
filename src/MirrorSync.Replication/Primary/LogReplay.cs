using System.Collections.Immutable;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary;

/// <summary>What the log says of every repository: the state from which capture goes on after a restart.</summary>
internal static class LogReplay
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
    /// <exception cref="InvalidDataException">A record does not follow from those before it.</exception>
    public static async Task<(ulong Epoch, IReadOnlyList<RepositoryState> Repositories)> ReadAsync(
        ReplicationLog log, Spool spool, string root, CancellationToken cancellation)
    {
        ulong epoch = 0;
        Dictionary<RepositoryName, RepositoryState> states = [];
        for (ulong sequence = log.Base.Sequence + 1; sequence <= log.Appended.Sequence; sequence++)
        {
            LogRecord record = log.ReadRecord(sequence);
            epoch = Math.Max(epoch, record.Epoch);
            if (record.Kind is not (LogRecordKind.Baseline or LogRecordKind.Delta) || record.Format is not { } format)
            {
                continue;
            }

            LogRecordBody body = await ReadFieldsAsync(record, spool, cancellation).ConfigureAwait(false);
            RefSnapshot before = record.Kind == LogRecordKind.Delta && states.TryGetValue(record.Repository, out RepositoryState? state)
                ? state.Refs
                : RefSnapshot.Empty(format);
            RefSnapshot? after = before.TryApply(body.Updates, ImmutableDictionary<ObjectId, ObjectId>.Empty, out RefUpdate mismatch);
            if (after is null || after.Digest != record.After.Refs)
            {
                throw new InvalidDataException(
                    $"record {sequence} of the log does not follow from those before it: {record.Repository} {mismatch.Name}");
            }

            Repository repository = new(record.Repository, record.Repository.PathBelow(root), format);
            states[record.Repository] = new RepositoryState(
                repository, RepositoryCondition.Missing, "not looked at since the start", after, record.Position);
        }

        return (epoch, [.. states.Values]);
    }
}
