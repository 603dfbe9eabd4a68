namespace MirrorSync.Testing.Nodes;

/// <summary>Where the daemon's executable is.</summary>
public static class MirrorSyncBinary
{
    /// <summary>
    /// The environment variable MIRRORSYNC_BIN, or artifacts/mirrorsync/mirrorsync in the folder of the solution.
    /// </summary>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static string Path { get; } = Find();

    private static string Find()
    {
        string? path = Environment.GetEnvironmentVariable("MIRRORSYNC_BIN");
        for (string? folder = AppContext.BaseDirectory; string.IsNullOrEmpty(path) && folder is not null; folder = System.IO.Path.GetDirectoryName(folder))
        {
            if (File.Exists(System.IO.Path.Combine(folder, "MirrorSync.sln")))
            {
                path = System.IO.Path.Combine(folder, "artifacts", "mirrorsync", "mirrorsync");
            }
        }

        return File.Exists(path)
            ? path
            : throw new FileNotFoundException($"the daemon is not there ({path ?? "no MirrorSync.sln above"}): build it with ./dev build");
    }
}
