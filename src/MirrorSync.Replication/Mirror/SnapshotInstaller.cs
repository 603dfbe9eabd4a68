using System.Collections.Concurrent;
using System.Security.Cryptography;
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
/// Brings a repository up from the primary's snapshot: fetched in parts, built beside, checked, synced, then swapped in by
/// one rename, so that the repository is never absent or half there. Parts that have come are kept until they are taken, or
/// no longer wanted.
/// </summary>
internal sealed partial class SnapshotInstaller(
    MirrorOptions options,
    BulkClient bulk,
    PackIndexer indexer,
    RepositoryTable table,
    CheckpointStore store,
    NodeMaintenance? maintenance,
    ILogger logger)
{
    private const int MaxParts = 1 << 20;

    // Beside the repositories, for a rename does not cross file systems; a name that is no repository's.
    private readonly string incoming = Path.Combine(options.Root, ".mirrorsync-incoming");

    // Packs of which this node's own copy is damaged: to be fetched.
    private readonly ConcurrentDictionary<string, bool> damaged = new();

    /// <summary>Removes what has come of all snapshots but those that are still wanted. Before any is fetched.</summary>
    public void Clean(IEnumerable<RepositoryName> wanted)
    {
        HashSet<string> kept = [.. wanted.Select(name => IncomingSnapshot.PlaceOf(incoming, name))];
        if (Directory.Exists(incoming))
        {
            foreach (string place in Directory.EnumerateDirectories(incoming).Where(p => !kept.Contains(p)))
            {
                Remove(place, static p => Directory.Delete(p, recursive: true));
            }
        }
    }

    /// <summary>The repository is gone, or bears another name: what has come of its snapshot is no longer wanted.</summary>
    public void Forget(RepositoryName name) => Remove(IncomingSnapshot.PlaceOf(incoming, name), _ => new IncomingSnapshot(incoming, name).Delete());

    /// <summary>Fetches and installs one repository, new or in place of a damaged one; goes on with what has come before.</summary>
    /// <param name="name">The repository.</param>
    /// <param name="atLeast">A snapshot older than this sequence is refused: no repository goes backwards.</param>
    /// <param name="through">Every record of the repository up to here must be in it.</param>
    /// <param name="cancellation">Gives up; what has come is kept.</param>
    /// <returns>Its state: live, as of the snapshot's position; with it what fsck finds in its objects.</returns>
    /// <exception cref="IOException">The transfer, the check or the disk failed; what was there stays.</exception>
    /// <exception cref="BodyLostException">The primary holds the snapshot no longer: another try gets another.</exception>
    /// <exception cref="InvalidPackException">A pack was refused.</exception>
    /// <exception cref="ObjectsMissingException">An object that a ref names did not come.</exception>
    /// <exception cref="InvalidDataException">The snapshot is not what it says.</exception>
    /// <exception cref="BaseBehindException">A repository that it borrows from is not here yet, or not as far.</exception>
    public async Task<AppliedState> InstallAsync(RepositoryName name, ulong atLeast, ulong through, CancellationToken cancellation)
    {
        IncomingSnapshot coming = new(incoming, name);
        SnapshotManifest manifest = await bulk.OpenSnapshotAsync(name, coming.Snapshot, coming.Refused, through, cancellation).ConfigureAwait(false);
        Check(manifest, name, atLeast, through);
        foreach (SnapshotBase wanted in manifest.Bases)
        {
            RepositoryName other = Handshake.Name(wanted.Name);
            if (!table.TryGet(other, out RepositoryState? there) || !there.IsServable || there.Applied.Sequence < wanted.Sequence)
            {
                throw new BaseBehindException(name, other, wanted.Sequence);
            }
        }

        coming.Begin(manifest);
        coming.Seed(manifest.Parts.Where(p => !damaged.ContainsKey(coming.PathOf(p))), name.PathBelow(options.Root));
        Repository beside = RepositoryLayout.CreateBare(name, coming.Build, Handshake.Format(manifest.Format));
        RefSnapshot refs;
        FsckReport findings;
        try
        {
            (refs, findings) = await FillAsync(beside, manifest, coming, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is InvalidPackException { IsOfObjects: true } or InvalidDataException or ObjectsMissingException)
        {
            // Parts that are good are kept for the next one.
            coming.Refuse();
            throw;
        }

        Repository installed = beside with { Path = name.PathBelow(options.Root) };
        Sync(name, coming.Build);
        using (maintenance is null ? null : await maintenance.EnterExchangeAsync(installed, cancellation).ConfigureAwait(false))
        {
            MoveIn(name, coming.Build, installed.Path);
        }

        // With it goes the damaged copy, after an exchange.
        Forget(name);
        LogPosition position = Handshake.Position(manifest.Epoch, manifest.Sequence, manifest.Chain);
        return new AppliedState(new RepositoryState(installed, RepositoryCondition.Live, null, refs, position), findings);
    }

    private static void Check(SnapshotManifest manifest, RepositoryName name, ulong atLeast, ulong through)
    {
        if (manifest.Sequence < atLeast || manifest.Through < through || manifest.Name != name.Value)
        {
            throw new InvalidDataException(
                $"{name}: the snapshot is of {manifest.Name} at {manifest.Sequence} (all up to {manifest.Through}), but {atLeast} is here and {through} wanted");
        }

        // Names become those of files.
        bool good = manifest.Parts.Length <= MaxParts && IsName(manifest.Snapshot) && manifest.Parts.All(static p => p is { Length: >= 0 }
            && IsName(p.Kind) && IsName(p.Name)) && manifest.Parts.Count(static p => p.Kind == SnapshotPart.Fields) == 1;
        if (!good)
        {
            throw new InvalidDataException($"{name}: the snapshot's list of parts is malformed");
        }
    }

    private static bool IsName(string text) => text.Length is > 0 and <= 64 && text.All(static c => char.IsAsciiLetterOrDigit(c) || c == '-');

    private async Task<(RefSnapshot Refs, FsckReport Findings)> FillAsync(
        Repository beside, SnapshotManifest manifest, IncomingSnapshot coming, CancellationToken cancellation)
    {
        LogRecordBody fields = await ReadFieldsAsync(beside.Format, manifest, coming, cancellation).ConfigureAwait(false);
        HashSet<ObjectId> tips = RefDifference.NewIds(fields.Updates);
        Repository installed = beside with { Path = beside.Name.PathBelow(options.Root) };
        IReadOnlyList<RepositoryName> bases = fields.Alternates ?? [];
        Borrowing.Write(installed, beside.Path, bases, [beside.Path]);
        using ObjectStore store = ObjectStore.Open(beside.Path, beside.Format);
        FsckReport findings = await TakePacksAsync(beside, store, manifest, coming, tips, cancellation).ConfigureAwait(false);
        IReadOnlyDictionary<ObjectId, ObjectId> peeled = Peels.Find(store, tips);
        RefSnapshot? refs = RefSnapshot.Empty(beside.Format).TryApply(fields.Updates, peeled, out _);
        if (refs is null || refs.Digest.ToString() != manifest.RefsDigest)
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
        return (refs, findings);
    }

    private async Task<LogRecordBody> ReadFieldsAsync(
        ObjectFormat format, SnapshotManifest manifest, IncomingSnapshot coming, CancellationToken cancellation)
    {
        SnapshotPart part = manifest.Parts.First(static p => p.Kind == SnapshotPart.Fields);
        Stream bytes = OpenPart(manifest, part, coming, cancellation);
        await using (bytes.ConfigureAwait(false))
        {
            string hash = Convert.ToHexStringLower(await SHA256.HashDataAsync(bytes, cancellation).ConfigureAwait(false));
            if (hash != part.Sha256)
            {
                coming.ThrowAway(part);
                throw new IOException($"{manifest.Name}: the snapshot's fields hash to {hash} and not to {part.Sha256}");
            }
        }

        FileStream file = File.OpenRead(coming.PathOf(part));
        await using (file.ConfigureAwait(false))
        {
            return await LogRecordBodyCodec.ReadFieldsAsync(file, format, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<FsckReport> TakePacksAsync(
        Repository beside, ObjectStore store, SnapshotManifest manifest, IncomingSnapshot coming, HashSet<ObjectId> tips, CancellationToken cancellation)
    {
        FsckReport findings = new();
        DeferredLinks links = new(beside.Format, options.RefuseFindings);
        foreach (SnapshotPart part in manifest.Parts.Where(static p => p.Kind == SnapshotPart.Pack))
        {
            findings.Add(await TakePackAsync(beside, store, manifest, part, coming, links, cancellation).ConfigureAwait(false) ?? new FsckReport());
        }

        if (!links.CheckDotfiles(store, findings) && options.RefuseFindings)
        {
            throw new InvalidDataException($"{beside.Name}: a file that git reads is refused by fsck: {FindingCounts.Describe(findings)}");
        }

        // Where all that any object names is there, all that the refs reach is, once their own objects are. Otherwise some
        // object is not whole, and whether a ref reaches it only a walk can tell.
        if (!links.AreThere(store, cancellation))
        {
            await ObjectQueries.CheckConnectedAsync(beside, tips, trustRefs: false, cancellation).ConfigureAwait(false);
        }

        return findings;
    }

    private async Task<FsckReport?> TakePackAsync(
        Repository beside,
        ObjectStore store,
        SnapshotManifest manifest,
        SnapshotPart part,
        IncomingSnapshot coming,
        DeferredLinks links,
        CancellationToken cancellation)
    {
        string path = coming.PathOf(part);
        try
        {
            Stream bytes = OpenPart(manifest, part, coming, cancellation);
            await using (bytes.ConfigureAwait(false))
            {
                IndexedPack indexed = await indexer.TakeAsync(beside, store, bytes, path, links, new PackProgress(), cancellation).ConfigureAwait(false);
                return indexed.Checksum.ToHex(beside.Format) == part.Name
                    ? indexed.Findings : throw new InvalidDataException($"{manifest.Name}: pack {indexed.Checksum} came where {part.Name} was expected");
            }
        }
        catch (InvalidPackException refused) when (!refused.IsOfObjects)
        {
            // A byte is wrong somewhere in it: on the way, on this disk, or in this node's own copy. For the second time it is
            // likely to be so at the primary.
            coming.ThrowAway(part);
            if (!damaged.TryAdd(path, true))
            {
                coming.Refuse();
            }

            throw;
        }
    }

    private PartStream OpenPart(SnapshotManifest manifest, SnapshotPart part, IncomingSnapshot coming, CancellationToken cancellation)
    {
        int number = Array.IndexOf(manifest.Parts, part);
        return new PartStream(coming.PathOf(part), part.Length, offset => bulk.OpenPart(manifest, number, offset, cancellation));
    }

    private void Sync(RepositoryName name, string folder)
    {
        try
        {
            store.SyncRoot(folder);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The kernel takes the pages for clean now: another sync would say of these same parts that they are on the disk.
            Forget(name);
            throw;
        }
    }

    private void MoveIn(RepositoryName name, string folder, string target)
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
            Sync(name, parent);
        }
    }

    private void Remove(string folder, Action<string> remove)
    {
        try
        {
            remove(folder);
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
