using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>What a repository's objects take on disk at one moment.</summary>
/// <param name="Packs">Packs with an index.</param>
/// <param name="Objects">Objects in the packs, each as often as it is there.</param>
/// <param name="LooseObjects">Loose objects.</param>
/// <param name="Bytes">Bytes of all files of the object folder, indexes and graphs included.</param>
public readonly record struct RepositoryTally(int Packs, long Objects, int LooseObjects, long Bytes)
{
    /// <summary>Counts. Files that vanish meanwhile are not counted.</summary>
    /// <exception cref="IOException">The folder or an index cannot be read.</exception>
    /// <exception cref="InvalidDataException">An index is damaged.</exception>
    public static RepositoryTally Of(Repository repository)
    {
        PackInventory inventory = PackInventory.Read(repository);
        string objects = Path.Combine(repository.Path, "objects");
        long bytes = 0;
        int loose = 0;
        foreach (FileInfo file in new DirectoryInfo(objects).EnumerateFiles("*", SearchOption.AllDirectories))
        {
            bytes += file.Exists ? file.Length : 0;
            loose += file.Directory is { Name.Length: 2 } ? 1 : 0;
        }

        return new RepositoryTally(inventory.Packs.Count, inventory.Packs.Sum(static p => (long)p.Objects), loose, bytes);
    }
}
