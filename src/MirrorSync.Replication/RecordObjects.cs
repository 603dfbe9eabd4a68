using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication;

/// <summary>Puts what a record brings into a repository.</summary>
internal static class RecordObjects
{
    /// <summary>Indexes the pack of a record into the repository, if it has one.</summary>
    /// <returns>What else the record says, and what was indexed; null when the record has no pack.</returns>
    /// <exception cref="InvalidDataException">The record is damaged.</exception>
    /// <exception cref="IOException">The body is not here, or the disk failed.</exception>
    /// <exception cref="Storage.Objects.InvalidPackException">The pack was refused.</exception>
    public static async Task<(LogRecordBody Fields, IndexedPack? Indexed)> StoreAsync(
        PackIndexer indexer, Spool spool, Repository repository, ObjectStore store, LogRecord record, CancellationToken cancellation)
    {
        if (record.Spooled is null)
        {
            if (!LogRecordBodyCodec.TryDecode(
                record.InlineBody, record.Format, out LogRecordBody? inline, out ReadOnlyMemory<byte> pack, out string? error))
            {
                throw new InvalidDataException($"record {record.Sequence}: {error}");
            }

            return (inline, pack.IsEmpty ? null : indexer.Receive(repository, store, pack, completes: true, cancellation));
        }

        Stream body = spool.OpenBody(record);
        await using (body.ConfigureAwait(false))
        {
            LogRecordBody fields = await LogRecordBodyCodec.ReadFieldsAsync(body, record.Format, cancellation).ConfigureAwait(false);
            IndexedPack? indexed = body.Position == body.Length ? null
                : await indexer.ReceiveAsync(repository, store, body, completes: true, new PackProgress(), cancellation).ConfigureAwait(false);
            return (fields, indexed);
        }
    }
}
