using System.Text;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Processes;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>
/// Brings a repository into the form that clones are served best from: few packs with git's own deltas, a reverse index for
/// each, a multi-pack-index with a bitmap over all of them, a commit-graph; on a primary packed refs. A matter of minutes for
/// a large repository, all of it beside apply but the exchange of names.
/// </summary>
/// <param name="repository">The repository.</param>
/// <param name="options">The bounds.</param>
/// <param name="gates">Whoever changes packs is alone.</param>
/// <param name="before">Called before each step: a seam for tests.</param>
internal sealed class PackSettling(
    Repository repository, MaintenanceOptions options, RepositoryGates gates, Action<MaintenanceStep> before)
{
    // git's own check of a multi-pack-index reads every object's place.
    private const long VerifiedObjects = 1_000_000;

    /// <summary>
    /// The packs that would be made one now: all of a small repository, otherwise by their sizes. A single one too that was
    /// never settled, for it may be of copies.
    /// </summary>
    public IReadOnlyList<PackFile> Choose(PackInventory inventory, MaintenanceNotes notes)
    {
        PackFile[] packs = [.. inventory.Packs.Where(p => !p.IsKept && !notes.IsListed(p) && !notes.IsDropped(p))];
        return !IsSearched(packs) ? GeometricPlan.Choose(packs, options.MaxSettled)
            : packs.All(p => inventory.Indexed.Contains(p.Name)) && packs.Length < 2 ? []
            : packs;
    }

    /// <summary>Does it.</summary>
    /// <param name="inventory">What is there.</param>
    /// <param name="packs">The packs to be made one; may be empty.</param>
    /// <param name="notes">Which packs are to go, so that nothing may rely on them.</param>
    /// <param name="reserve">Keeps folds away from the packs of these names, beside those that were there.</param>
    /// <param name="pace">Asked often whether to go on.</param>
    /// <param name="cancellation">Gives up; what is done stays done.</param>
    /// <exception cref="InvalidDataException">A pack is damaged; all stay as they are.</exception>
    /// <exception cref="IOException">git or the disk failed.</exception>
    public async Task<MaintenanceGain> SettleAsync(
        PackInventory inventory, IReadOnlyList<PackFile> packs, MaintenanceNotes notes, Action<string> reserve, MaintenancePace pace,
        CancellationToken cancellation)
    {
        // What a pack holds that is to go counts for nothing: it has to be in another pack.
        PackFile[] staying = [.. inventory.Packs.Where(p => !packs.Contains(p) && !notes.IsListed(p) && !notes.IsDropped(p))];
        MaintenanceGain gain = MaintenanceGain.None;
        bool hasLoose = options.IsPushedTo && HasLoose();
        if (packs.Count > 0 || hasLoose)
        {
            using NewPack made = NewPack.Create(inventory.Folder, repository.Format, before);
            (string[] how, byte[] input) = Describe(inventory, packs, staying, hasLoose);
            await MaintenanceGit.PackAsync(repository, how, input, made.File, pace, cancellation).ConfigureAwait(false);
            string[] replaced = [.. packs.Select(p => inventory.PathOf(p.Name, "idx"))];
            IndexedPack indexed = made.Verify(replaced, [.. staying.Select(p => inventory.PathOf(p.Name, "idx"))], cancellation);
            gain = await ExchangeAsync(inventory, packs, staying, made, indexed, reserve, pace, cancellation).ConfigureAwait(false);
        }
        else
        {
            await IndexAsync(inventory, staying.Concat(packs), cancellation).ConfigureAwait(false);
        }

        await pace(cancellation).ConfigureAwait(false);
        before(MaintenanceStep.WriteCommitGraph);
        await MaintenanceGit.RunAsync(
            repository, ["commit-graph", "write", "--reachable", "--split", "--no-progress"], default, cancellation).ConfigureAwait(false);
        if (options.IsPushedTo)
        {
            before(MaintenanceStep.PackRefs);
            await MaintenanceGit.RunAsync(repository, ["prune-packed", "-q"], default, cancellation).ConfigureAwait(false);
            await MaintenanceGit.PackRefsAsync(repository, cancellation).ConfigureAwait(false);
        }

        return gain;
    }

    /// <summary>
    /// Writes the multi-pack-index over the given packs. Without a bitmap when what the refs reach is not all in them, as in a
    /// repository that borrows.
    /// </summary>
    public async Task WriteMultiPackIndexAsync(IReadOnlyList<PackFile> packs, CancellationToken cancellation)
    {
        if (packs.Count == 0)
        {
            return;
        }

        before(MaintenanceStep.WriteMultiPackIndex);
        byte[] names = Lines(packs.Select(static p => p.Name + ".idx"));
        string[] plain = ["multi-pack-index", "write", "--stdin-packs", "--no-progress", $"--preferred-pack={packs.MaxBy(static p => p.Objects)!.Name}.idx"];
        GitExit exit = await MaintenanceGit.TryAsync(repository, [.. plain, "--bitmap"], names, cancellation).ConfigureAwait(false);
        if (!exit.Good)
        {
            await MaintenanceGit.RunAsync(repository, plain, names, cancellation).ConfigureAwait(false);
        }

        if (packs.Sum(static p => (long)p.Objects) <= VerifiedObjects)
        {
            await MaintenanceGit.RunAsync(repository, ["multi-pack-index", "verify", "--no-progress"], default, cancellation).ConfigureAwait(false);
        }
    }

    private async Task IndexAsync(PackInventory inventory, IEnumerable<PackFile> packs, CancellationToken cancellation)
    {
        PackFile[] covered = [.. packs];
        foreach (PackFile pack in covered.Where(static p => !p.HasReverseIndex))
        {
            ReverseIndexFile.Write(inventory, pack, repository.Format);
        }

        await WriteMultiPackIndexAsync(covered, cancellation).ConfigureAwait(false);
    }

    /// <summary>The new pack gets its name, then the multi-pack-index over what is to stay is written, then the old ones go.</summary>
    private async Task<MaintenanceGain> ExchangeAsync(
        PackInventory inventory, IReadOnlyList<PackFile> packs, PackFile[] staying, NewPack made, IndexedPack indexed,
        Action<string> reserve, MaintenancePace pace, CancellationToken cancellation)
    {
        string name;
        PackInventory now;
        using (await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false))
        {
            if (!IsUnchanged(inventory, packs))
            {
                return MaintenanceGain.None;
            }

            name = made.NameOf(indexed);
            reserve(name);
            made.Install(indexed);
            now = PackInventory.Read(repository);
        }

        // No gate: it takes long, and changes nothing that apply looks at. Packs that came since the beginning are left to
        // the folds, which must not take one away that the multi-pack-index names.
        await pace(cancellation).ConfigureAwait(false);
        HashSet<string> covered = [name, .. staying.Select(static p => p.Name)];
        await IndexAsync(now, now.Packs.Where(p => covered.Contains(p.Name)), cancellation).ConfigureAwait(false);
        using IDisposable alone = await gates.EnterAsync(repository.Name, cancellation).ConfigureAwait(false);
        if (!IsUnchanged(inventory, packs))
        {
            return MaintenanceGain.None;
        }

        long added = new FileInfo(now.PathOf(name, "pack")).Length;
        long deleted = PackRetirement.Delete(PackInventory.Read(repository), packs.Where(p => p.Name != name), before);
        return new MaintenanceGain(packs.Count, deleted - added);
    }

    private bool IsUnchanged(PackInventory inventory, IReadOnlyList<PackFile> packs)
    {
        PackInventory now = PackInventory.Read(repository);
        return now.FolderInode == inventory.FolderInode && packs.All(p => now.Packs.Any(n => n.Name == p.Name));
    }

    /// <summary>What git is to pack, and how.</summary>
    private (string[] How, byte[] Input) Describe(
        PackInventory inventory, IReadOnlyList<PackFile> packs, PackFile[] staying, bool hasLoose)
    {
        bool all = packs.Count + staying.Length == inventory.Packs.Count && staying.All(static p => p.IsKept);
        bool borrows = File.Exists(Path.Combine(repository.Path, "objects", "info", "alternates"));
        if (all && !borrows && IsSearched(packs))
        {
            // By history, newest first, and then what no ref reaches: a tenth smaller than pack by pack. Deltas are not
            // reused, for of the whole objects that were copied git would not look for a base again. With a bitmap git forgets what no ref reaches.
            string[] loose = hasLoose ? ["--pack-loose-unreachable"] : [];
            string[] history = ["--all", "--keep-unreachable", "--no-use-bitmap-index", "--honor-pack-keep"];
            return ([.. history, .. loose, "--no-reuse-delta", "--window=30"], []);
        }

        string[] unpacked = hasLoose ? ["--unpacked"] : [];
        return (
            ["--stdin-packs", .. unpacked, .. IsSearched(packs) ? (string[])["--no-reuse-delta"] : []],
            Lines(packs.Select(static p => p.Name + ".pack").Concat(
                staying.Where(static p => !p.IsKept).Select(static p => $"^{p.Name}.pack"))));
    }

    private bool IsSearched(IReadOnlyList<PackFile> packs) => packs.Sum(static p => (long)p.Objects) <= options.MaxSearched;

    private bool HasLoose() => Directory.EnumerateDirectories(Path.Combine(repository.Path, "objects"), "??")
        .Any(static d => Directory.EnumerateFiles(d).Any());

    private static byte[] Lines(IEnumerable<string> lines) => Encoding.ASCII.GetBytes(string.Join('\n', lines) + "\n");
}
