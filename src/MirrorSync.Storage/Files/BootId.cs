using System.Globalization;

namespace MirrorSync.Storage.Files;

/// <summary>
/// Which start of the machine this is. What a process wrote outlives that process, kept by the kernel, but not the machine's end unless it
/// was synced: so what is not known to be synced is trusted under the same id only.
/// </summary>
public static class BootId
{
    /// <summary>This boot's id, <c>/proc/sys/kernel/random/boot_id</c>; empty where there is none.</summary>
    public static string Current { get; } = Read();

    /// <summary>When the machine started, by its present clock (<c>btime</c> of <c>/proc/stat</c>, proc(5)); null where that is not known.</summary>
    public static DateTimeOffset? StartedAt
    {
        get
        {
            try
            {
                string? line = File.ReadLines("/proc/stat").FirstOrDefault(static l => l.StartsWith("btime ", StringComparison.Ordinal));
                return long.TryParse(line.AsSpan(line is null ? 0 : 6), NumberStyles.None, CultureInfo.InvariantCulture, out long seconds)
                    ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }
    }

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
