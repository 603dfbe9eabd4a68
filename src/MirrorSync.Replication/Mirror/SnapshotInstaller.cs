using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Wire;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>
/// Brings a repository up from the primary's snapshot: built beside, checked, synced, then swapped in by one rename, so
/// that the repository is never absent or half there.
/// </summary>
internal sealed partial class SnapshotInstaller(
    MirrorOptions options, BulkClient bulk, PackIndexer indexer, RepositoryTable table, NodeMaintenance? maintenance, ILogger logger)
{
    // Beside the repositories, for a rename does not cross file systems; a name that is no repository's.
    private readonly string incoming = Path.Combine(options.Root, ".mirrorsync-incoming");

    /// <summary>Removes what an earlier process left half done.</summary>
    public void Clean()
    {
        Delete(incoming);
    }

    /// <summary>Fetches and installs one repository, new or in place of a damaged one.</summary>
    /// <param name="name">The repository.</param>
    /// <param name="atLeast">A snapshot older than this sequence is refused: no repository goes backwards.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Its state: live, as of the snapshot's position; with it what fsck finds in its objects.</returns>
    /// <exception cref="IOException">The transfer, the check or the disk failed; what was there stays.</exception>
    /// <exception cref="InvalidPackException">The pack was refused.</exception>
    /// <exception cref="ObjectsMissingException">An object that a ref names did not come.</exception>
    /// <exception cref="InvalidDataException">The snapshot is not what it says.</exception>
    /// <exception cref="BaseBehindException">A repository that it borrows from is not here yet, or not as far.</exception>
    public async Task<AppliedState> InstallAsync(RepositoryName name, ulong atLeast, CancellationToken cancellation)
    {
        (SnapshotHeader header, HttpResponseMessage response, ChunkReader body) =
            await bulk.OpenSnapshotAsync(name, cancellation).ConfigureAwait(false);
        string folder = Path.Combine(incoming, Guid.NewGuid().ToString("N"));
        using (response)
        {
            if (header.Sequence < atLeast || header.Name != name.Value)
            {
                throw new InvalidDataException($"{name}: the snapshot is of {header.Name} at {header.Sequence}, but {atLeast} is here");
            }

            foreach (SnapshotBase wanted in header.Bases)
            {
                RepositoryName other = Handshake.Name(wanted.Name);
                if (!table.TryGet(other, out RepositoryState? there) || !there.IsServable || there.Applied.Sequence < wanted.Sequence)
                {
                    throw new BaseBehindException(name, other, wanted.Sequence);
                }
            }

            try
            {
                ObjectFormat format = Handshake.Format(header.Format);
                Repository beside = RepositoryLayout.CreateBare(name, folder, format);
                (RefSnapshot refs, FsckReport? findings) = await FillAsync(beside, header, body, cancellation).ConfigureAwait(false);
                Repository installed = beside with { Path = name.PathBelow(options.Root) };
                Folders.SyncFileSystem(folder);
                using (maintenance is null ? null : await maintenance.EnterExchangeAsync(installed, cancellation).ConfigureAwait(false))
                {
                    MoveIn(folder, installed.Path);
                }

                LogPosition position = Handshake.Position(header.Epoch, header.Sequence, header.Chain);
                return new AppliedState(new RepositoryState(installed, RepositoryCondition.Live, null, refs, position), findings);
            }
            finally
            {
                // Holds the half-built repository after a failure, and the damaged one after an exchange.
                Delete(folder);
            }
        }
    }

    private async Task<(RefSnapshot Refs, FsckReport? Findings)> FillAsync(
        Repository beside, SnapshotHeader header, ChunkReader body, CancellationToken cancellation)
    {
        LogRecordBody fields = await LogRecordBodyCodec.ReadFieldsAsync(body, beside.Format, cancellation).ConfigureAwait(false);
        HashSet<ObjectId> tips = RefDifference.NewIds(fields.Updates);
        Repository installed = beside with { Path = beside.Name.PathBelow(options.Root) };
        IReadOnlyList<RepositoryName> bases = fields.Alternates ?? [];
        Borrowing.Write(installed, beside.Path, bases, [beside.Path]);
        using ObjectStore store = ObjectStore.Open(beside.Path, beside.Format);
        IndexedPack? indexed = null;
        if (await body.HasMoreAsync(cancellation).ConfigureAwait(false))
        {
            // Deltas may be on objects of the bases.
            indexed = await indexer.ReceiveAsync(beside, store, body, completes: bases.Count > 0, new PackProgress(), cancellation)
                .ConfigureAwait(false);
        }

        // Nothing need be walked: the store held nothing but what the bases hold, which are closed, so all that the pack's
        // objects name is in the pack or in them, or the indexer had refused it. With the refs' own objects there, all
        // that they reach is.
        IReadOnlyDictionary<ObjectId, ObjectId> peeled = Peels.Find(store, tips);
        RefSnapshot? refs = RefSnapshot.Empty(beside.Format).TryApply(fields.Updates, peeled, out _);
        if (refs is null || refs.Digest.ToString() != header.RefsDigest)
        {
            throw new InvalidDataException($"{beside.Name}: the snapshot's refs are not those that its digest names");
        }

        RefWriter.WriteInitial(beside.Path, refs);
        RepositoryMetadata metadata = new()
        {
            Description = fields.Description ?? ReadOnlyMemory<byte>.Empty,
            Owner = fields.Owner,
            Config = fields.Config ?? [],
        };
        metadata.Write(beside);
        Borrowing.Write(installed, beside.Path, bases, [installed.Path]);
        return (refs, indexed?.Findings);
    }

    private static void MoveIn(string folder, string target)
    {
        if (Directory.Exists(target))
        {
            // What is exchanged is deleted: a folder of other repositories, or of somebody's files, must not be.
            bool ours = File.Exists(Path.Combine(target, "HEAD")) || Directory.Exists(Path.Combine(target, "objects"));
            if (!ours && Directory.EnumerateFileSystemEntries(target).Any())
            {
                throw new IOException($"{target} is in the way of a repository and is none itself");
            }

            Folders.Exchange(folder, target);
        }
        else
        {
            string parent = Path.GetDirectoryName(target)!;
            Directory.CreateDirectory(parent);
            Folders.Move(folder, target);
            Folders.SyncFileSystem(parent);
        }
    }

    private void Delete(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // It costs room, nothing else: what was to be installed is installed.
            LogLeftOver(logger, folder, failure.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Folder} is no longer needed and could not be removed: {Reason}")]
    private static partial void LogLeftOver(ILogger logger, string folder, string reason);
}
