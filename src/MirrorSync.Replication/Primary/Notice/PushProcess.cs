using System.Globalization;
using System.Runtime.InteropServices;
using MirrorSync.Storage.Files;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>What can be said of a push's process.</summary>
internal enum ProcessStanding
{
    /// <summary>It runs.</summary>
    Alive,

    /// <summary>It is certainly over.</summary>
    Gone,

    /// <summary>It cannot be seen from here.</summary>
    Unknown,
}

/// <summary>Looks up the processes of pushes in /proc (proc(5)).</summary>
internal static class PushProcess
{
    private static readonly string OwnNamespace =
        new FileInfo("/proc/self/ns/pid").LinkTarget ?? string.Empty;

    /// <summary>Whether a push's process still runs.</summary>
    /// <param name="push">The push.</param>
    /// <param name="space">The PID namespace of its hooks; a number means nothing in another one.</param>
    public static ProcessStanding StandingOf(PushId push, string space)
    {
        if (push.BootId.Length > 0 && BootId.Current.Length > 0 && push.BootId != BootId.Current)
        {
            return ProcessStanding.Gone;
        }

        if (space.Length == 0 || space != OwnNamespace || push.ProcessStart == 0)
        {
            return ProcessStanding.Unknown;
        }

        if (TextOf(string.Create(CultureInfo.InvariantCulture, $"/proc/{push.ProcessId}/stat")) is not { } stat)
        {
            // /proc may hide other users' processes; the null signal tells whether there is one.
            bool gone = Libc.Kill(push.ProcessId, 0) != 0 && Marshal.GetLastPInvokeError() == Libc.NoProcess;
            return gone ? ProcessStanding.Gone : ProcessStanding.Unknown;
        }

        // PID (NAME) STATE and numbers; the name may hold anything, also parentheses.
        int open = stat.IndexOf('(', StringComparison.Ordinal);
        int close = stat.LastIndexOf(')');
        string[] fields = close < 0 ? [] : stat[(close + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (open < 0 || fields.Length < 20 || !long.TryParse(fields[19], NumberStyles.None, CultureInfo.InvariantCulture, out long start))
        {
            return ProcessStanding.Unknown;
        }

        if (start != push.ProcessStart || fields[0] is "Z" or "X")
        {
            return ProcessStanding.Gone;
        }

        // A server that runs the hooks itself, or whoever adopts orphans, outlives the push: its life says nothing.
        return stat.AsSpan(open + 1).StartsWith("git", StringComparison.Ordinal) ? ProcessStanding.Alive : ProcessStanding.Unknown;
    }

    private static string? TextOf(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Not there, or not for us: both mean that it cannot be seen.
            return null;
        }
    }
}
