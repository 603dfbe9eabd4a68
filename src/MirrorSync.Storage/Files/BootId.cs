namespace MirrorSync.Storage.Files;

/// <summary>
/// Which start of the machine this is. What a process wrote outlives that process, kept by the kernel, but not the machine's end unless it
/// was synced: so what is not known to be synced is trusted under the same id only.
/// </summary>
public static class BootId
{
    /// <summary>This boot's id, <c>/proc/sys/kernel/random/boot_id</c>; empty where there is none.</summary>
    public static string Current { get; } = Read();

    /// <summary>True when both name the same start of the machine. One that is not known is no other's.</summary>
    public static bool IsSame(string? one, string other) => !string.IsNullOrEmpty(one) && one == other;

    private static string Read()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Not there, or not for us: then every start counts as one after a power loss.
            return string.Empty;
        }
    }
}
