using System.Runtime.CompilerServices;
using Spectre.Console;

namespace MirrorSync.Daemon.Commands;

/// <summary>One bar.</summary>
/// <param name="Description">The text beside it.</param>
/// <param name="Done">How much is done.</param>
/// <param name="Whole">How much there is to do.</param>
internal readonly record struct ProgressLine(string Description, double Done, double Whole);

/// <summary>Shows on a terminal how far a long work is.</summary>
internal static class TerminalProgress
{
    // What is done sooner shows nothing, and does not even load what would show it.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    /// <summary>Does the work; when errors go to a terminal, with bars there that are gone at the end.</summary>
    /// <param name="context">What the command reaches.</param>
    /// <param name="lines">How far it is; always as many.</param>
    /// <param name="work">The work.</param>
    public static async Task<T> RunAsync<T>(CommandContext context, Func<IReadOnlyList<ProgressLine>> lines, Func<Task<T>> work)
    {
        if (!context.ErrorIsTerminal)
        {
            return await work().ConfigureAwait(false);
        }

        Task<T> running = Task.Run(work);
        if (!await EndsWithinAsync(running, Patience, context.Time).ConfigureAwait(false))
        {
            await ShowAsync(context, lines, running).ConfigureAwait(false);
        }

        return await running.ConfigureAwait(false);
    }

    // A method of its own, so that Spectre.Console is not loaded before it is needed.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Task ShowAsync(CommandContext context, Func<IReadOnlyList<ProgressLine>> lines, Task running)
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
            .StartAsync(async shown =>
            {
                ProgressTask[] bars = [.. lines().Select(line => shown.AddTask(line.Description))];
                do
                {
                    foreach ((ProgressTask bar, ProgressLine line) in bars.Zip(lines()))
                    {
                        bar.MaxValue = Math.Max(line.Whole, 1);
                        bar.Value = line.Done;
                        bar.Description = line.Description;
                    }

                    shown.Refresh();
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
