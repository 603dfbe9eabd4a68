using MirrorSync.Storage.Files;

namespace MirrorSync.Replication.Mirror.Removal;

/// <summary>Moves a mirror's repositories from one folder to another of the same file system.</summary>
internal static class RepositoryFolders
{
    /// <summary>True when two names cannot be repositories at once: they are the same, or one lies in the other.</summary>
    public static bool Collide(string a, string b) =>
        a == b || a.StartsWith(b + "/", StringComparison.Ordinal) || b.StartsWith(a + "/", StringComparison.Ordinal);

    /// <summary>Moves a folder in one step. Folders below the root that it leaves empty go with it.</summary>
    /// <exception cref="IOException">Something is in the way, or the disk failed; the folder is where it was.</exception>
    public static void Move(string from, string to, string root)
    {
        if (Directory.Exists(to))
        {
            if (Directory.EnumerateFileSystemEntries(to).Any())
            {
                throw new IOException($"{to} is in the way of {from}, which bears that name now");
            }

            Directory.Delete(to);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        Folders.Move(from, to);
        RemoveEmpty(Path.GetDirectoryName(from)!, root);
    }

    private static void RemoveEmpty(string folder, string root)
    {
        try
        {
            for (string above = folder;
                above.Length > root.Length && !Directory.EnumerateFileSystemEntries(above).Any();
                above = Path.GetDirectoryName(above)!)
            {
                Directory.Delete(above);
            }
        }
        catch (IOException)
        {
            // Another repository has just come into it, or a neighbour that left has removed it too: as well.
            return;
        }
    }
}
