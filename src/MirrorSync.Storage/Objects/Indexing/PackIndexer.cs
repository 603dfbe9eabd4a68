using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// Indexes packs in process, with the same result as <c>git index-pack</c>, byte by byte. Safe for use by many threads at
/// once; each pack has its own threads and memory, as the options bound them.
/// </summary>
public sealed class PackIndexer(PackIndexOptions options)
{
    /// <summary>Indexes a pack where it lies. Nothing is synced.</summary>
    /// <param name="packPath">The pack.</param>
    /// <param name="indexPath">Receives the index; the reverse index, when asked for, lies beside it.</param>
    /// <param name="format">The pack's object format.</param>
    /// <param name="progress">Tells how far it is.</param>
    /// <param name="cancellation">Gives up; nothing is written.</param>
    /// <exception cref="InvalidPackException">The pack is refused; nothing is written.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public IndexedPack IndexFile(
        string packPath, string indexPath, ObjectFormat format, PackProgress progress, CancellationToken cancellation)
    {
        using SafeFileHandle pack = File.OpenHandle(packPath);
        using PackWork work = new(format, options, progress);
        work.Scan(pack, cancellation);
        string folder = Path.GetDirectoryName(Path.GetFullPath(indexPath))!;
        IndexedPack indexed = work.Resolve(new FileEntrySource(pack), null, completes: false, folder, cancellation);
        if (options.ReverseIndex)
        {
            Replace(
                Path.ChangeExtension(indexPath, ".rev"),
                file => PackIndexWriter.WriteReverseIndex(file, work.Order.Span, format, indexed.Checksum));
        }

        Replace(indexPath, file => PackIndexWriter.WriteIndex(file, work.Entries, work.Order.Span, indexed.Checksum));
        return indexed;
    }

    /// <summary>Indexes a pack as it arrives and puts it into the repository. Nothing is synced.</summary>
    /// <param name="repository">Whose objects it brings.</param>
    /// <param name="store">The repository's objects; learns of the new pack.</param>
    /// <param name="pack">The pack; read to the stream's end.</param>
    /// <param name="completes">Whether a thin pack is completed, or refused.</param>
    /// <param name="progress">Tells how far it is.</param>
    /// <param name="cancellation">Gives up; the repository stays as it was.</param>
    /// <exception cref="InvalidPackException">The pack is refused; the repository is as it was.</exception>
    /// <exception cref="IOException">The stream or the disk failed.</exception>
    public async Task<IndexedPack> ReceiveAsync(
        Repository repository, ObjectStore store, Stream pack, bool completes, PackProgress progress, CancellationToken cancellation)
    {
        using PackFolder folder = new(Path.Combine(repository.Path, "objects"));
        using SafeFileHandle file = folder.Create("pack", out string packPath);
        using PackWork work = new(repository.Format, options, progress);
        await ReadAsync(pack, file, work, cancellation).ConfigureAwait(false);
        IndexedPack indexed = work.Resolve(new FileEntrySource(file), store, completes, folder.Path, cancellation);
        cancellation.ThrowIfCancellationRequested();
        return Install(folder, work, indexed, file, packPath, store);
    }

    /// <summary>Reads a pack's objects for their ids alone: the repository stays as it is.</summary>
    /// <param name="store">The objects that a thin pack's bases are among.</param>
    /// <param name="pack">The pack; read to the stream's end.</param>
    /// <param name="folder">For a copy of it meanwhile, which is gone afterwards.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>The ids, in pack order.</returns>
    /// <exception cref="InvalidPackException">The pack is refused.</exception>
    /// <exception cref="IOException">The stream or the disk failed.</exception>
    public async Task<ReadOnlyMemory<ObjectId>> ReadIdsAsync(
        ObjectStore store, Stream pack, string folder, CancellationToken cancellation)
    {
        string copy = Path.Combine(folder, $"incoming-{Guid.NewGuid():N}");
        using SafeFileHandle file = File.OpenHandle(
            copy, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.Asynchronous | FileOptions.DeleteOnClose);
        using PackWork work = new(store.Format, options with { Checks = ObjectChecks.None, ListIds = true }, new PackProgress());
        await ReadAsync(pack, file, work, cancellation).ConfigureAwait(false);
        return work.Resolve(new FileEntrySource(file), store, completes: true, folder, cancellation).Ids;
    }

    /// <summary>Indexes a pack that is in memory and puts it into the repository. Nothing is synced.</summary>
    /// <param name="repository">Whose objects it brings.</param>
    /// <param name="store">The repository's objects; learns of the new pack.</param>
    /// <param name="pack">The pack.</param>
    /// <param name="completes">Whether a thin pack is completed, or refused.</param>
    /// <param name="cancellation">Gives up; the repository stays as it was.</param>
    /// <exception cref="InvalidPackException">The pack is refused; the repository is as it was.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public IndexedPack Receive(
        Repository repository, ObjectStore store, ReadOnlyMemory<byte> pack, bool completes, CancellationToken cancellation)
    {
        using PackFolder folder = new(Path.Combine(repository.Path, "objects"));
        using PackWork work = new(repository.Format, options, new PackProgress());
        work.Consume(pack.Span, final: true);
        MemoryPack source = new(pack);
        IndexedPack indexed = work.Resolve(source, store, completes, folder.Path, cancellation);
        using SafeFileHandle file = folder.Create("pack", out string packPath);
        source.WriteTo(file);
        return Install(folder, work, indexed, file, packPath, store);
    }

    /// <summary>Scans a pack as it arrives, and keeps it in the file.</summary>
    private static async Task ReadAsync(Stream pack, SafeFileHandle file, PackWork work, CancellationToken cancellation)
    {
        PackWindow window = new();
        for (bool final = false; !final;)
        {
            int read = await pack.ReadAsync(window.Free, cancellation).ConfigureAwait(false);
            final = read == 0;
            long offset = window.Read;
            window.Filled(read);
            await Disk.WriteAsync(DiskPart.Pack, file, window.Last(read), offset, cancellation).ConfigureAwait(false);
            window.Consumed(work.Consume(window.Unread, final));
        }
    }

    private IndexedPack Install(
        PackFolder folder, PackWork work, IndexedPack indexed, SafeFileHandle pack, string packPath, ObjectStore store)
    {
        ObjectFormat format = work.Entries.Format;
        ObjectId checksum = indexed.Checksum;
        if (indexed.AppendedBases > 0)
        {
            checksum = PackFolder.Complete(pack, work.Version, work.Entries.Count, work.EntriesEnd, format);
        }

        string? reversePath = null;
        if (options.ReverseIndex)
        {
            using SafeFileHandle reverse = folder.Create("rev", out reversePath);
            PackIndexWriter.WriteReverseIndex(reverse, work.Order.Span, format, checksum);
        }

        using (SafeFileHandle index = folder.Create("idx", out string indexPath))
        {
            PackIndexWriter.WriteIndex(index, work.Entries, work.Order.Span, checksum);
            string installed = folder.MoveIn(packPath, checksum, format, "pack");
            if (reversePath is not null)
            {
                folder.MoveIn(reversePath, checksum, format, "rev");
            }

            folder.MoveIn(indexPath, checksum, format, "idx");
            store.AddPack(installed);
        }

        return indexed with { Checksum = checksum };
    }

#pragma warning disable CA1416 // File modes: this is for Linux, as all of it is.
    private static void Replace(string path, Action<SafeFileHandle> write)
    {
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (SafeFileHandle file = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                write(file);
            }

            File.SetUnixFileMode(temporary, PackFolder.ReadOnly);
            Disk.Rename(DiskPart.Pack, temporary, path);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
