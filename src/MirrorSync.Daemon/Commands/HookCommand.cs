using MirrorSync.Daemon.Configuration;

namespace MirrorSync.Daemon.Commands;

/// <summary><c>mirrorsync hook install</c> and <c>remove</c>. Needs no running daemon.</summary>
internal static class HookCommand
{
    /// <summary>Changes the hooks of all repositories.</summary>
    public static async Task<int> RunAsync(CommandContext context, string file, HookChange change)
    {
        MirrorSyncConfig? config = await CommandLine.LoadAsync(context, file).ConfigureAwait(false);
        if (config is null)
        {
            return ExitCodes.Usage;
        }

        if (config.Node.Role != NodeRole.Primary)
        {
            await context.Error.WriteLineAsync($"mirrorsync: {config.Node.Name} is a mirror; hooks belong to the primary").ConfigureAwait(false);
            return ExitCodes.Usage;
        }

        HookSummary report = context.ChangeHooks(config, change);
        foreach (string problem in report.Problems)
        {
            await context.Error.WriteLineAsync($"mirrorsync: {problem}").ConfigureAwait(false);
        }

        string done = change == HookChange.Install ? "installed in" : "removed from";
        await context.Output.WriteLineAsync($"hooks {done} {report.Repositories} repositories").ConfigureAwait(false);
        return report.Problems.Count == 0 ? ExitCodes.Ok : ExitCodes.Failed;
    }
}
