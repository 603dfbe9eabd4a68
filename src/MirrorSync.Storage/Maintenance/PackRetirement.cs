using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>
/// Deletes the files of packs that have a replacement. git and a mirror's own store, when they meet a pack that is gone,
/// list the folder anew and find the replacement; what they hold open stays readable.
/// </summary>
/// <remarks>
/// The index goes last: it alone, without its pack, can only be the rest of an interrupted deletion, for everybody puts the
/// pack first. So a restart finds what is left to delete without a list of its own.
/// </remarks>
internal static class PackRetirement
{
    private static readonly string[] Extensions = ["bitmap", "rev", "pack", "idx"];

    /// <summary>Deletes packs.</summary>
    /// <returns>The bytes of the packs.</returns>
    public static long Delete(PackInventory inventory, IEnumerable<PackFile> packs, Action<MaintenanceStep> before)
    {
        long bytes = 0;
        foreach (PackFile pack in packs)
        {
            foreach (string extension in Extensions.Where(pack.Extensions.Contains))
            {
                before(MaintenanceStep.DeleteFile);
                File.Delete(inventory.PathOf(pack.Name, extension));
            }

            bytes += pack.Bytes;
        }

        return bytes;
    }

    /// <summary>
    /// Deletes what an interrupted maintenance left: temporary files, and indexes whose pack is gone. One that names an object
    /// which no other pack has is no such rest: it tells a repair what was lost with the pack.
    /// </summary>
    public static void DeleteLeftovers(Repository repository)
    {
        string folder = Path.Combine(repository.Path, "objects", "pack");
        foreach (string left in Directory.EnumerateFiles(folder, NewPack.Prefix + "*"))
        {
            File.Delete(left);
        }

        string[] indexes = [.. Directory.EnumerateFiles(folder, "pack-*.idx")];
        string[] whole = [.. indexes.Where(static i => File.Exists(Path.ChangeExtension(i, ".pack")))];
        foreach (string index in indexes.Except(whole))
        {
            if (IsNeeded(index, whole, repository.Format))
            {
                continue;
            }

            if (!File.Exists(Path.ChangeExtension(index, ".pack")))
            {
                File.Delete(Path.ChangeExtension(index, ".rev"));
                File.Delete(Path.ChangeExtension(index, ".bitmap"));
                File.Delete(index);
            }
        }
    }

    private static bool IsNeeded(string index, string[] whole, ObjectFormat format)
    {
        try
        {
            using IndexCursor cursor = new(index, format);
        }
        catch (InvalidDataException)
        {
            // What is no index tells nothing.
            return false;
        }

        try
        {
            return IndexUnion.Without([index], whole, format, CancellationToken.None).Any();
        }
        catch (InvalidDataException)
        {
            // One of the others is damaged: what it has is not known.
            return true;
        }
    }
}
