using System.Globalization;
using System.Runtime.CompilerServices;
using MirrorSync.Storage.Objects.Indexing;
using Spectre.Console;

namespace MirrorSync.Daemon.Commands;

/// <summary>Shows on a terminal how far the work on a pack is: objects and bytes.</summary>
internal static class PackProgressBar
{
    // What is done sooner shows nothing, and does not even load what would show it.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Does the work; when errors go to a terminal, with a bar there that is gone at the end.</summary>
    public static async Task<T> RunAsync<T>(CommandContext context, PackProgress progress, Func<Task<T>> work)
    {
        if (!context.ErrorIsTerminal)
        {
            return await work().ConfigureAwait(false);
        }

        Task<T> running = Task.Run(work);
        if (!await EndsWithinAsync(running, Patience, context.Time).ConfigureAwait(false))
        {
            await ShowAsync(context, progress, running).ConfigureAwait(false);
        }

        return await running.ConfigureAwait(false);
    }

    /// <summary>The text beside the bar.</summary>
    internal static string Describe(int done, int objects, long bytes) => string.Create(
        CultureInfo.InvariantCulture, $"{done}/{objects} objects, {bytes / (1024.0 * 1024.0):0.0} MiB");

    // A method of its own, so that Spectre.Console is not loaded before it is needed.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Task ShowAsync(CommandContext context, PackProgress progress, Task running)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.Yes,
            Interactive = InteractionSupport.Yes,
            Out = new AnsiConsoleOutput(context.Error),
        });
        console.Profile.Width = context.Width;
        return console.Progress()
            .AutoRefresh(false)
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .StartAsync(async bars =>
            {
                ProgressTask read = bars.AddTask("reading");
                ProgressTask resolved = bars.AddTask("resolving");
                do
                {
                    int objects = progress.Objects;
                    long bytes = progress.Bytes;
                    read.MaxValue = resolved.MaxValue = Math.Max(objects, 1);
                    read.Value = progress.Seen;
                    resolved.Value = progress.Resolved;
                    read.Description = "reading   " + Describe(progress.Seen, objects, bytes);
                    resolved.Description = "resolving " + Describe(progress.Resolved, objects, bytes);
                    bars.Refresh();
                }
                while (!await EndsWithinAsync(running, Interval, context.Time).ConfigureAwait(false));
            });
    }

    private static async Task<bool> EndsWithinAsync(Task running, TimeSpan time, TimeProvider clock)
    {
        // How it ended is for those who await the work itself.
        await running.WaitAsync(time, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return running.IsCompleted;
    }
}
