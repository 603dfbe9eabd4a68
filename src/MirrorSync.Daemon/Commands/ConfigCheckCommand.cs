using MirrorSync.Daemon.Configuration;

namespace MirrorSync.Daemon.Commands;

/// <summary><c>mirrorsync config check</c>.</summary>
internal static class ConfigCheckCommand
{
    /// <summary>Checks a file; with <paramref name="files"/> also what it names, which is otherwise only remarked upon.</summary>
    public static async Task<int> RunAsync(CommandContext context, string file, bool files)
    {
        MirrorSyncConfig? config = await CommandLine.LoadAsync(context, file).ConfigureAwait(false);
        if (config is null)
        {
            return ExitCodes.Usage;
        }

        IReadOnlyList<string> problems = ConfigFiles.Check(config);
        foreach (string problem in problems)
        {
            await (files ? context.Error.WriteLineAsync($"mirrorsync: {problem}")
                : context.Output.WriteLineAsync($"note: {problem}; the daemon will need it")).ConfigureAwait(false);
        }

        if (files && problems.Count > 0)
        {
            return ExitCodes.Usage;
        }

        await context.Output.WriteLineAsync($"{file}: good, {config.Node.Role} {config.Node.Name} in {config.Node.Region}, fleet {config.Fleet.Id}")
            .ConfigureAwait(false);
        return ExitCodes.Ok;
    }
}
