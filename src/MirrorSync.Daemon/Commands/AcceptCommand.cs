using System.Text.Json;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;

namespace MirrorSync.Daemon.Commands;

/// <summary><c>mirrorsync accept</c>.</summary>
internal static class AcceptCommand
{
    /// <summary>Lets one held repository go on, or all of them when none is named.</summary>
    public static async Task<int> RunAsync(CommandContext context, string file, string? repository, CancellationToken cancellation)
    {
        MirrorSyncConfig? config = await CommandLine.LoadAsync(context, file).ConfigureAwait(false);
        if (config is null)
        {
            return ExitCodes.Usage;
        }

        using var client = AdminClient.Find(config);
        string request = JsonSerializer.Serialize(new AcceptRequest(repository, repository is null), DaemonJson.Compact.AcceptRequest);
        string text = await client.PostAsync(NodePaths.Accept, request, cancellation).ConfigureAwait(false);
        AcceptAnswer answer = client.Parse(text, DaemonJson.Compact.AcceptAnswer);
        foreach (string name in answer.Accepted)
        {
            await context.Output.WriteLineAsync($"accepted {Terminal.Clean(name)}").ConfigureAwait(false);
        }

        if (answer.Accepted.Count == 0)
        {
            string where = config.Node.Role == NodeRole.Mirror ? " here; what is held at the primary is accepted there" : string.Empty;
            await context.Output.WriteLineAsync($"nothing is held{where}").ConfigureAwait(false);
        }

        return ExitCodes.Ok;
    }
}
