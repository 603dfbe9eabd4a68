using System.Text.Json;
using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Shipping;

/// <summary>Sends the whole of a repository as of the position up to which it is captured.</summary>
/// <param name="packWriter">Writes the pack.</param>
/// <param name="table">What is captured of its bases.</param>
/// <param name="logger">Where borrowing that cannot travel is told.</param>
public sealed partial class SnapshotSender(IPackWriter packWriter, RepositoryTable table, ILogger<SnapshotSender> logger) : IDisposable
{
    // Each is a git that packs a whole repository with every core it finds; a region that comes up asks for many.
    private readonly SemaphoreSlim packing = new(Math.Max(2, Environment.ProcessorCount / 2));

    /// <inheritdoc/>
    public void Dispose() => packing.Dispose();

    /// <summary>
    /// Writes header, refs, metadata and one pack. A failure leaves the body without its end, so that the mirror asks
    /// again.
    /// </summary>
    /// <exception cref="IOException">An object is gone (a force-push and gc meanwhile), git or the connection failed.</exception>
    public async Task SendAsync(RepositoryState state, Stream output, CancellationToken cancellation)
    {
        RefSnapshot refs = state.Refs;
        ChunkWriter chunks = new(output);
        await using (chunks.ConfigureAwait(false))
        {
            RepositoryMetadata metadata = RepositoryMetadata.Read(state.Repository);
            List<RepositoryState> bases = FindBases(state.Repository, metadata.Alternates);
            SnapshotHeader header = new(
                state.Name.Value,
                state.Repository.Format.GitName(),
                state.Applied.Epoch,
                state.Applied.Sequence,
                state.Applied.Chain.ToString(),
                refs.Digest.ToString(),
                [.. bases.Select(static b => new SnapshotBase(b.Name.Value, b.Applied.Sequence))]);
            byte[] json = JsonSerializer.SerializeToUtf8Bytes(header, SnapshotJson.Default.SnapshotHeader);
            await chunks.WriteAsync(json, cancellation).ConfigureAwait(false);

            LogRecordBody fields = MetadataFields.Put(
                new LogRecordBody { Updates = RefSnapshot.Empty(refs.Format).UpdatesTo(refs) }, MetadataFields.Said(metadata));
            await chunks.WriteAsync(LogRecordBodyCodec.EncodeFields(fields, refs.Format), cancellation).ConfigureAwait(false);
            await packing.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                HashSet<ObjectId> there = [.. bases.SelectMany(static b => RefDifference.IdsOf(b.Refs))];
                await packWriter.WriteAsync(state.Repository, RefDifference.IdsOf(refs), there, chunks, cancellation).ConfigureAwait(false);
            }
            finally
            {
                packing.Release();
            }

            await chunks.CompleteAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>The bases as they are captured: a mirror has what their refs reach once it is as far.</summary>
    private List<RepositoryState> FindBases(Repository repository, IReadOnlyList<RepositoryName> direct)
    {
        foreach (string outside in Borrowing.OutsideOf(repository))
        {
            LogOutside(logger, repository.Name, outside);
        }

        List<RepositoryState> bases = [];
        foreach (RepositoryName name in Borrowing.AllBasesOf(repository, direct))
        {
            bases.Add(table.TryGet(name, out RepositoryState? state) && state.Applied.Sequence > 0
                ? state : throw new IOException($"{repository.Name} borrows from {name}, which is not captured yet"));
        }

        return bases;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository} borrows objects from {Folder}, outside the root: mirrors get a copy of them")]
    private static partial void LogOutside(ILogger logger, RepositoryName repository, string folder);
}
