using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Indexing;

namespace MirrorSync.Storage.Maintenance;

/// <summary>
/// A pack that is to replace others: written under a name that neither git nor a mirror's own store takes for a pack's,
/// verified, synced, then renamed. What is not installed is removed at the end. Not thread-safe.
/// </summary>
internal sealed class NewPack : IDisposable
{
    /// <summary>The beginning of all temporary names; git's own <c>gc</c> knows <c>tmp_</c> as rubbish once it is old.</summary>
    public const string Prefix = "tmp_maintain_";

    // Its contents were checked for attacks when they came, and every id is compared here.
    private static readonly PackIndexer Indexer =
        new(new PackIndexOptions { Threads = 1, DetectCollisions = false, ReverseIndex = true });

    private readonly string folder;
    private readonly ObjectFormat format;
    private readonly Action<MaintenanceStep> before;
    private readonly string path;

    private NewPack(string folder, ObjectFormat format, Action<MaintenanceStep> before)
    {
        this.folder = folder;
        this.format = format;
        this.before = before;
        path = Path.Combine(folder, $"{Prefix}{Guid.NewGuid():N}");
        before(MaintenanceStep.CreatePack);
        File = System.IO.File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);
    }

    /// <summary>The pack, to be written.</summary>
    public SafeFileHandle File { get; }

    /// <summary>Its index, once it is verified.</summary>
    public string IndexPath => path + ".idx";

    private string ReversePath => path + ".rev";

    /// <summary>Makes an empty file for a pack.</summary>
    public static NewPack Create(string folder, ObjectFormat format, Action<MaintenanceStep> before) => new(folder, format, before);

    /// <summary>
    /// Reads the whole pack, resolves and hashes every object, and checks that all objects of the replaced packs are in it
    /// or in one that stays. Its index comes of what was read, so that index and pack cannot differ.
    /// </summary>
    /// <param name="replaced">The indexes of the packs that it replaces.</param>
    /// <param name="staying">The indexes of packs that are not touched.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <param name="indexer">Checks what came from elsewhere; it writes reverse indexes. Null for contents that were here before.</param>
    /// <exception cref="InvalidDataException">An object would be lost.</exception>
    /// <exception cref="Objects.InvalidPackException">The pack is not sound.</exception>
    public IndexedPack Verify(
        IReadOnlyList<string> replaced, IReadOnlyList<string> staying, CancellationToken cancellation, PackIndexer? indexer = null)
    {
        before(MaintenanceStep.Verify);
        IndexedPack indexed = (indexer ?? Indexer).IndexFile(path, IndexPath, format, new PackProgress(), cancellation);
        before(MaintenanceStep.Compare);
        IndexUnion.CheckHolds(replaced, [IndexPath, .. staying], format, cancellation);
        return indexed;
    }

    /// <summary>The name that the pack gets.</summary>
    public string NameOf(IndexedPack indexed) => $"pack-{indexed.Checksum.ToHex(format)}";

    /// <summary>The pack as it will be known under its name.</summary>
    public NotedPack Noted(string name)
    {
        FileStamp stamp = NativeFile.Stat(File);
        return new NotedPack(name, stamp.Inode, stamp.Modified);
    }

    /// <summary>Brings pack and indexes to the disk and gives them their names, the index last.</summary>
    /// <returns>The pack's name.</returns>
    /// <exception cref="IOException">The disk failed; what was there stays.</exception>
    public string Install(IndexedPack indexed)
    {
        before(MaintenanceStep.SyncPack);
        Durable.SyncFile(File, DiskPart.Pack);
        foreach (string file in (ReadOnlySpan<string>)[IndexPath, ReversePath])
        {
            using SafeFileHandle handle = System.IO.File.OpenHandle(file);
            Durable.SyncFile(handle, DiskPart.Pack);
        }

        string name = NameOf(indexed);
#pragma warning disable CA1416 // File modes: this is for Linux, as all of it is.
        System.IO.File.SetUnixFileMode(path, PackFolder.ReadOnly);
#pragma warning restore CA1416
        before(MaintenanceStep.RenamePack);
        Disk.Rename(DiskPart.Pack, path, Path.Combine(folder, name + ".pack"));
        before(MaintenanceStep.RenameReverseIndex);
        Disk.Rename(DiskPart.Pack, ReversePath, Path.Combine(folder, name + ".rev"));
        before(MaintenanceStep.RenameIndex);
        Disk.Rename(DiskPart.Pack, IndexPath, Path.Combine(folder, name + ".idx"));
        before(MaintenanceStep.SyncFolder);
        Durable.SyncFolder(folder, DiskPart.Pack);
        return name;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        File.Dispose();
        foreach (string left in (ReadOnlySpan<string>)[path, IndexPath, ReversePath])
        {
            System.IO.File.Delete(left);
        }
    }
}
