namespace MirrorSync.Testing;

/// <summary>A folder of one's own below the system's temporary folder, removed with all that is in it.</summary>
public sealed class TempFolder : IDisposable
{
    /// <summary>Makes a new folder.</summary>
    public TempFolder() => Path = Directory.CreateTempSubdirectory("mirrorsync-").FullName;

    /// <summary>The folder's absolute path.</summary>
    public string Path { get; }

    /// <summary>A path below the folder.</summary>
    public string this[string relative] => System.IO.Path.Combine(Path, relative);

    /// <inheritdoc/>
    public void Dispose()
    {
        // rm instead of .NET: a ref's file may have a name that is not UTF-8, which .NET cannot open. A folder may still
        // grow while a process that was just killed goes down, hence the second try.
        for (int attempt = 0; attempt < 2 && Directory.Exists(Path); attempt++)
        {
            using System.Diagnostics.Process remove = System.Diagnostics.Process.Start("rm", ["-rf", "--", Path]);
            remove.WaitForExit();
        }
    }
}
