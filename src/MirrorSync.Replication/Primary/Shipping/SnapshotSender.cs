using System.Text.Json;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Primary.Shipping;

/// <summary>Sends the whole of a repository as of the position up to which it is captured.</summary>
/// <param name="packWriter">Writes the pack.</param>
public sealed class SnapshotSender(IPackWriter packWriter) : IDisposable
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
            SnapshotHeader header = new(
                state.Name.Value,
                state.Repository.Format.GitName(),
                state.Applied.Epoch,
                state.Applied.Sequence,
                state.Applied.Chain.ToString(),
                refs.Digest.ToString());
            byte[] json = JsonSerializer.SerializeToUtf8Bytes(header, SnapshotJson.Default.SnapshotHeader);
            await chunks.WriteAsync(json, cancellation).ConfigureAwait(false);

            RepositoryMetadata metadata = RepositoryMetadata.Read(state.Repository);
            LogRecordBody fields = new()
            {
                Updates = RefSnapshot.Empty(refs.Format).UpdatesTo(refs),
                Description = metadata.Description,
                Owner = metadata.Owner,
                Config = metadata.Config,
            };
            await chunks.WriteAsync(LogRecordBodyCodec.EncodeFields(fields, refs.Format), cancellation).ConfigureAwait(false);
            await packing.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                await packWriter.WriteAsync(state.Repository, RefDifference.IdsOf(refs), [], chunks, cancellation).ConfigureAwait(false);
            }
            finally
            {
                packing.Release();
            }

            await chunks.CompleteAsync(cancellation).ConfigureAwait(false);
        }
    }
}
