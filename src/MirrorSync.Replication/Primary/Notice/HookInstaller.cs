namespace MirrorSync.Replication.Primary.Notice;

/// <summary>Installs and removes the hooks that tell of pushes.</summary>
public static class HookInstaller
{
    /// <summary>Installs both hooks.</summary>
    public static HookReport Install(string repositoryPath, string notifyFolder) =>
        throw new NotSupportedException($"{repositoryPath} {notifyFolder}");

    /// <summary>Removes both hooks.</summary>
    public static HookReport Remove(string repositoryPath) => throw new NotSupportedException(repositoryPath);
}
