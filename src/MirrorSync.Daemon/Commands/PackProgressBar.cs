using System.Globalization;
using MirrorSync.Storage.Objects.Indexing;

namespace MirrorSync.Daemon.Commands;

/// <summary>Shows on a terminal how far the work on a pack is: objects and bytes.</summary>
internal static class PackProgressBar
{
    /// <summary>Does the work; when errors go to a terminal, with bars there that are gone at the end.</summary>
    public static Task<T> RunAsync<T>(CommandContext context, PackProgress progress, Func<Task<T>> work) =>
        TerminalProgress.RunAsync(context, () => Lines(progress), work);

    /// <summary>The text beside the bar.</summary>
    internal static string Describe(int done, int objects, long bytes) => string.Create(
        CultureInfo.InvariantCulture, $"{done}/{objects} objects, {bytes / (1024.0 * 1024.0):0.0} MiB");

    private static ProgressLine[] Lines(PackProgress progress)
    {
        int objects = progress.Objects;
        long bytes = progress.Bytes;
        return
        [
            new ProgressLine("reading   " + Describe(progress.Seen, objects, bytes), progress.Seen, objects),
            new ProgressLine("resolving " + Describe(progress.Resolved, objects, bytes), progress.Resolved, objects),
        ];
    }
}
