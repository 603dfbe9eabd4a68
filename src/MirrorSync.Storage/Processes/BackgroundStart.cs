using System.Diagnostics;

namespace MirrorSync.Storage.Processes;

/// <summary>Starts processes that are to be in nobody's way; see <see cref="BackgroundPriority"/>.</summary>
/// <remarks>
/// A thread of its own takes the priorities and starts the process, which inherits them: from its first instruction on,
/// and its children too.
/// </remarks>
internal static class BackgroundStart
{
    /// <summary>Starts the process; what starting throws is thrown here.</summary>
    public static Process? Start(ProcessStartInfo start) => BackgroundPriority.RunAsync(() => Process.Start(start)).GetAwaiter().GetResult();
}
