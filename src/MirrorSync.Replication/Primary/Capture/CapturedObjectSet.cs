using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>
/// A repository's object set while it is captured: what a record adds is known before it is written, and added once it is
/// durable. A set that is lost, or not what the log last said, is no reason to wait: records say nothing of it then, until
/// a new Baseline makes one.
/// </summary>
/// <param name="context">What all share.</param>
/// <param name="repository">The repository.</param>
internal sealed partial class CapturedObjectSet(CaptureContext context, Repository repository)
{
    private static readonly PackIndexer Indexer = new(new PackIndexOptions());

    private ObjectSet Set => context.ObjectSets.Open(repository.Name, repository.Format);

    /// <summary>What ids would add.</summary>
    /// <param name="state">The repository as the log last said.</param>
    /// <param name="ids">The ids.</param>
    /// <returns>Null when there is no set.</returns>
    /// <exception cref="IOException">The disk failed.</exception>
    public ObjectSetChange? Prepare(RepositoryState state, ReadOnlySpan<ObjectId> ids)
    {
        if (state.ObjectSet is not { } expected)
        {
            return null;
        }

        try
        {
            ObjectSetChange change = Set.Prepare(ids);
            if (change.Before == expected)
            {
                return change;
            }

            LogLost(context.Logger, repository.Name, "it is not what the log last said");
        }
        catch (ObjectSetDamagedException damage)
        {
            LogLost(context.Logger, repository.Name, damage.Message);
        }

        return null;
    }

    /// <summary>The record is durable: what was prepared for it is added.</summary>
    public void Commit(ulong sequence, ObjectSetChange? change)
    {
        try
        {
            if (change is not null)
            {
                Set.Commit(sequence, change);
            }
        }
        catch (Exception failure) when (failure is IOException or InvalidOperationException)
        {
            // The next record finds that it is not what this one said.
            LogLost(context.Logger, repository.Name, failure.Message);
        }
    }

    /// <summary>Makes the set of a Baseline that is about to be written.</summary>
    /// <param name="state">What the Baseline is written on.</param>
    /// <param name="tips">What its refs name.</param>
    /// <param name="cancellation">The node stops.</param>
    /// <exception cref="IOException">An object is missing, or the disk failed.</exception>
    public async Task<ObjectSetChange> BeginAsync(RepositoryState state, IReadOnlyCollection<ObjectId> tips, CancellationToken cancellation)
    {
        await ClosureSets.ReplaceAsync(Set, state.Applied.Sequence, repository, tips, cancellation).ConfigureAwait(false);
        return Set.Prepare([]);
    }

    /// <summary>
    /// Brings the set to the log's end after a crash between a record and its addition. False when that cannot be done, and
    /// a new Baseline is wanted.
    /// </summary>
    /// <param name="state">The repository as the log last said.</param>
    /// <param name="cancellation">The node stops.</param>
    public async Task<bool> CatchUpAsync(RepositoryState state, CancellationToken cancellation)
    {
        if (state.ObjectSet is not { } expected)
        {
            return false;
        }

        try
        {
            if (Set.Cell != expected)
            {
                for (ulong sequence = Math.Max(Set.Sequence, context.Log.Base.Sequence) + 1; sequence <= state.Applied.Sequence; sequence++)
                {
                    LogRecord record = context.Log.ReadRecord(sequence);
                    if (record.Repository == repository.Name && record.Kind == LogRecordKind.Delta)
                    {
                        Set.Add(sequence, (await ReadIdsAsync(context.Spool.OpenBody(record), cancellation).ConfigureAwait(false)).Span);
                    }
                }
            }

            return Set.Cell == expected;
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException or InvalidPackException or DamagedObjectException)
        {
            LogLost(context.Logger, repository.Name, failure.Message);
            return false;
        }
    }

    /// <summary>The ids of the pack behind the fields of a body.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    /// <exception cref="InvalidPackException">The pack is damaged, or a base of it is gone.</exception>
    public async Task<ReadOnlyMemory<ObjectId>> ReadIdsAsync(Stream body, CancellationToken cancellation)
    {
        await using (body.ConfigureAwait(false))
        {
            await LogRecordBodyCodec.ReadFieldsAsync(body, repository.Format, cancellation).ConfigureAwait(false);
            if (body.Position == body.Length)
            {
                return default;
            }

            using ObjectStore store = ObjectStore.Open(repository.Path, repository.Format);
            return await Indexer.ReadIdsAsync(store, body, context.Spool.Folder, cancellation).ConfigureAwait(false);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: its object set is lost, and a new Baseline will make one: {Reason}")]
    private static partial void LogLost(ILogger logger, RepositoryName repository, string reason);
}
