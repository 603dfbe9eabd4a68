using Microsoft.Win32.SafeHandles;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>
/// Makes anew what is derived from sound packs: indexes and reverse indexes by our own indexer, multi-pack-index, bitmaps and
/// commit-graph by git. Everything is written beside, synced, and takes its place by a rename.
/// </summary>
/// <param name="repository">The repository.</param>
/// <param name="gates">Held while names change. Writing takes longer, and changes nothing that anybody looks at.</param>
public sealed class LocalRebuild(Repository repository, RepositoryGates gates)
{
    // Its contents were checked for attacks when they came.
    private static readonly PackIndexer Indexer = new(new PackIndexOptions { Threads = 1, DetectCollisions = false, ReverseIndex = true });

    private readonly string objects = Path.Combine(repository.Path, "objects");
    private readonly string packs = Path.Combine(repository.Path, "objects", "pack");

    /// <summary>
    /// Makes anew what the faults name, as far as it is derived and what it is derived from is sound. Whoever wants to know
    /// that all is well scrubs again.
    /// </summary>
    /// <param name="faults">What a scrub of the repository found.</param>
    /// <param name="covered">The packs that the multi-pack-index covered, as far as that is remembered.</param>
    /// <param name="cancellation">Gives up; what is done stays done.</param>
    /// <exception cref="Objects.InvalidPackException">A pack is damaged by now.</exception>
    /// <exception cref="InvalidDataException">An index is damaged by now.</exception>
    /// <exception cref="IOException">The disk or git failed.</exception>
    public async Task RebuildAsync(IReadOnlyList<ScrubFault> faults, IReadOnlyCollection<string> covered, CancellationToken cancellation)
    {
        HashSet<string> damaged = [.. faults.Where(static f => !f.Kind.IsDerived()).Select(static f => Path.ChangeExtension(f.File, null))];
        foreach (string pack in PacksOf(faults, ScrubFaultKind.PackIndex).Where(p => !damaged.Contains(p)))
        {
            await IndexAsync(pack, cancellation).ConfigureAwait(false);
        }

        // With an index comes its reverse index.
        string[] bad = [.. PacksOf(faults, ScrubFaultKind.PackIndex)];
        foreach (string pack in PacksOf(faults, ScrubFaultKind.ReverseIndex).Where(p => !bad.Contains(p)))
        {
            using IDisposable alone = await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false);
            PackInventory inventory = PackInventory.Read(repository);
            if (inventory.Packs.FirstOrDefault(p => p.Name == Path.GetFileName(pack)) is { } file)
            {
                ReverseIndexFile.Write(inventory, file, repository.Format);
            }
        }

        // git looks into the commit-graph for the bitmap.
        if (faults.Any(static f => f.Kind == ScrubFaultKind.CommitGraph))
        {
            await GraphAsync(cancellation).ConfigureAwait(false);
        }

        if (faults.Any(static f => f.Kind is ScrubFaultKind.MultiPackIndex or ScrubFaultKind.Bitmap))
        {
            await IndexTogetherAsync(faults, covered, cancellation).ConfigureAwait(false);
        }
    }

    private static IEnumerable<string> PacksOf(IReadOnlyList<ScrubFault> faults, ScrubFaultKind kind) =>
        faults.Where(f => f.Kind == kind).Select(static f => Path.ChangeExtension(f.File, null)).Distinct(StringComparer.Ordinal);

    private async Task IndexAsync(string pack, CancellationToken cancellation)
    {
        string temporary = Path.Combine(packs, $"{NewPack.Prefix}{Guid.NewGuid():N}");
        try
        {
            FileStamp stamp = await BackgroundPriority.RunAsync(() => WriteIndexes(pack, temporary, cancellation)).ConfigureAwait(false);
            using IDisposable alone = await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false);
            if (ScrubbedFile.IsThere(pack + ".pack", stamp))
            {
                File.Move(temporary + ".rev", pack + ".rev", overwrite: true);
                File.Move(temporary + ".idx", pack + ".idx", overwrite: true);
                Durable.SyncFolder(packs);
            }
        }
        finally
        {
            File.Delete(temporary + ".idx");
            File.Delete(temporary + ".rev");
        }
    }

    private FileStamp WriteIndexes(string pack, string temporary, CancellationToken cancellation)
    {
        // The same file from beginning to end, and by its name at the end.
        _ = NativeFile.Stat(pack + ".pack", out FileStamp stamp);
        Indexer.IndexFile(pack + ".pack", temporary + ".idx", repository.Format, new PackProgress(), cancellation);
        foreach (string file in (ReadOnlySpan<string>)[temporary + ".idx", temporary + ".rev"])
        {
            using SafeFileHandle handle = File.OpenHandle(file);
            Durable.SyncFile(handle);
        }

        return stamp;
    }

    private async Task IndexTogetherAsync(IReadOnlyList<ScrubFault> faults, IReadOnlyCollection<string> covered, CancellationToken cancellation)
    {
        string together = Path.Combine(packs, MultiPackIndexCheck.FileName);
        HashSet<string> names = [.. covered, .. MultiPackIndexCheck.ReadNames(together, repository.Format)];
        PackInventory inventory;
        using (await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false))
        {
            // Without them git is slower. With them it may end at once, or send what is wrong.
            foreach (ScrubFault fault in faults.Where(static f => f.Kind is ScrubFaultKind.MultiPackIndex or ScrubFaultKind.Bitmap))
            {
                File.Delete(fault.File);
            }

            inventory = PackInventory.Read(repository);
        }

        MaintenanceNotes notes = MaintenanceNotes.Read(repository);
        PackFile[] there = [.. inventory.Packs.Where(p => !p.IsKept && !notes.IsListed(p) && !notes.IsDropped(p))];
        PackFile[] known = [.. there.Where(p => names.Contains(p.Name))];
        await new PackSettling(repository, new MaintenanceOptions(), gates, static _ => { })
            .WriteMultiPackIndexAsync(known.Length > 0 ? known : there, cancellation).ConfigureAwait(false);
        Durable.SyncFolder(packs);
    }

    private async Task GraphAsync(CancellationToken cancellation)
    {
        string info = Path.Combine(objects, "info");
        string chain = Path.Combine(info, "commit-graphs");
        File.Delete(Path.Combine(info, "commit-graph"));
        if (Directory.Exists(chain))
        {
            Directory.Delete(chain, recursive: true);
        }

        await MaintenanceGit.RunAsync(
            repository, ["commit-graph", "write", "--reachable", "--split=replace", "--no-progress"], default, cancellation).ConfigureAwait(false);
    }
}
