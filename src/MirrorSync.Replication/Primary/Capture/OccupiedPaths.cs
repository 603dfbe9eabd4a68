namespace MirrorSync.Replication.Primary.Capture;

/// <summary>The folders whose names the log knows for repositories, there or gone.</summary>
/// <param name="paths">Absolute folders.</param>
internal sealed class OccupiedPaths(IEnumerable<string> paths)
{
    private readonly SortedSet<string> occupied = new(paths, StringComparer.Ordinal);

    /// <summary>The repository has left its folder.</summary>
    public void Leave(string path) => occupied.Remove(path);

    /// <summary>A repository has taken the folder.</summary>
    public void Take(string path) => occupied.Add(path);

    /// <summary>The folder that stands in the way of a repository in another: the same one, one above it or one below; null when none does.</summary>
    public string? InTheWayOf(string path)
    {
        for (string? above = path; above is not null; above = Path.GetDirectoryName(above))
        {
            if (occupied.Contains(above))
            {
                return above;
            }
        }

        // '0' is what follows '/'.
        return occupied.GetViewBetween(path + "/", path + "0").Min;
    }
}
