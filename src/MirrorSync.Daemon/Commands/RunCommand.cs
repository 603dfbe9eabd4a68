using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Daemon.Systemd;

namespace MirrorSync.Daemon.Commands;

/// <summary><c>mirrorsync run</c>.</summary>
internal static class RunCommand
{
    /// <summary>Runs the daemon until it is told to stop.</summary>
    public static async Task<int> RunAsync(CommandContext context, string file, CancellationToken cancellation)
    {
        MirrorSyncConfig? config = await CommandLine.LoadAsync(context, file).ConfigureAwait(false);
        if (config is null)
        {
            return ExitCodes.Usage;
        }

        IReadOnlyList<string> missing = ConfigFiles.Check(config);
        foreach (string problem in missing)
        {
            await context.Error.WriteLineAsync($"mirrorsync: {problem}").ConfigureAwait(false);
        }

        if (missing.Count > 0)
        {
            return ExitCodes.Usage;
        }

        var notify = new SdNotify(context.Environment, Environment.ProcessId);
        NodeHost host = await NodeHost.StartAsync(config, context.Compose, context.Time, notify, cancellation).ConfigureAwait(false);
        await using (host.ConfigureAwait(false))
        {
            string? failure = await host.RunAsync(cancellation).ConfigureAwait(false);
            if (failure is not null)
            {
                await context.Error.WriteLineAsync($"mirrorsync: {failure}").ConfigureAwait(false);
            }

            return failure is null ? ExitCodes.Ok : ExitCodes.Failed;
        }
    }
}
