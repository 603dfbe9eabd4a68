using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Objects;

/// <summary>
/// The packs of repositories by the beginnings of their names, for checkpoints: a folder that is as it was is not listed
/// again. Not safe for many threads.
/// </summary>
public sealed class PackNames
{
    private const string Prefix = "pack-";
    private const int Digits = 16;

    private readonly Dictionary<string, (FileStamp Stamp, string[] Names)> known = new(StringComparer.Ordinal);

    /// <summary>The packs that are there now; none where the folder cannot be read.</summary>
    public string[] Of(Repository repository)
    {
        string folder = FolderOf(repository);
        if (NativeFile.Stat(folder, out FileStamp stamp) != Errno.None)
        {
            return [];
        }

        if (known.TryGetValue(folder, out (FileStamp Stamp, string[] Names) before) && before.Stamp == stamp && stamp.IsSettledAt(TimeProvider.System.GetUtcNow()))
        {
            return before.Names;
        }

        string[] names = [.. Packs(folder).Select(Short)];
        known[folder] = (stamp, names);
        return names;
    }

    /// <summary>
    /// Looks at every pack of a repository that a checkpoint does not name, so that nobody knows whether it is on the disk as it was
    /// written: what is not sound is put aside under a name that git takes for rubbish.
    /// </summary>
    /// <param name="repository">The repository.</param>
    /// <param name="synced">The packs that were synced, as <see cref="Of"/> gave them.</param>
    /// <param name="isShared">Others write there too: a pack without an index may be one of theirs on its way.</param>
    /// <param name="cancellation">Ends it between two packs.</param>
    /// <returns>The packs that were put aside, by name.</returns>
    /// <exception cref="IOException">The disk failed.</exception>
    public static IReadOnlyList<string> PutTornAside(Repository repository, IReadOnlyCollection<string> synced, bool isShared, CancellationToken cancellation)
    {
        string folder = FolderOf(repository);
        List<string> torn = [];
        PackVerifier verifier = new(new PackIndexOptions { DetectCollisions = false });
        foreach (string pack in Packs(folder).Where(p => !synced.Contains(Short(p))).ToArray())
        {
            if (isShared && !File.Exists(Path.ChangeExtension(pack, ".idx")))
            {
                continue;
            }

            // Made from the index alone, and never asked whether it fits.
            File.Delete(Path.ChangeExtension(pack, ".rev"));
            if (IsSound(verifier, pack, repository.Format, cancellation))
            {
                continue;
            }

            string name = Path.GetFileNameWithoutExtension(pack);
            File.Delete(Path.Combine(folder, name + ".idx"));
            File.Move(pack, Path.Combine(folder, "tmp_torn_" + name), overwrite: true);
            torn.Add(name);
        }

        if (isShared)
        {
            return torn;
        }

        foreach (string index in Directory.EnumerateFiles(folder, Prefix + "*.idx").Where(static i => !File.Exists(Path.ChangeExtension(i, ".pack"))).ToArray())
        {
            // Its pack's name did not reach the disk.
            File.Delete(index);
            torn.Add(Path.GetFileNameWithoutExtension(index));
        }

        return torn;
    }

    private static bool IsSound(PackVerifier verifier, string pack, ObjectFormat format, CancellationToken cancellation)
    {
        if (!File.Exists(Path.ChangeExtension(pack, ".idx")))
        {
            return false;
        }

        try
        {
            verifier.Verify(pack, format, null, new PackProgress(), cancellation);
            return true;
        }
        catch (Exception failure) when (failure is InvalidPackException or InvalidPackIndexException)
        {
            return false;
        }
    }

    private static string FolderOf(Repository repository) => Path.Combine(repository.Path, "objects", "pack");

    private static IEnumerable<string> Packs(string folder) => Directory.EnumerateFiles(folder, Prefix + "*.pack");

    private static string Short(string pack)
    {
        string name = Path.GetFileNameWithoutExtension(pack)[Prefix.Length..];
        return name.Length > Digits ? name[..Digits] : name;
    }
}
