using System.Globalization;
using System.Text.Json;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Replication.Maintenance;
using Spectre.Console;

namespace MirrorSync.Daemon.Commands;

/// <summary><c>mirrorsync maintain</c>.</summary>
internal static class MaintainCommand
{
    /// <summary>Has the daemon maintain one repository, or all, and waits for the outcome.</summary>
    /// <returns>1 when a repository could not be maintained.</returns>
    public static async Task<int> RunAsync(
        CommandContext context, string file, string? repository, bool dryRun, CancellationToken cancellation)
    {
        MirrorSyncConfig? config = await CommandLine.LoadAsync(context, file).ConfigureAwait(false);
        if (config is null)
        {
            return ExitCodes.Usage;
        }

        using var client = AdminClient.Find(config);
        string request = JsonSerializer.Serialize(new MaintainRequest(repository, dryRun), DaemonJson.Compact.MaintainRequest);
        string text = await client.PostAsync(NodePaths.Maintain, request, Timeout.InfiniteTimeSpan, cancellation).ConfigureAwait(false);
        MaintainAnswer answer = client.Parse(text, DaemonJson.Compact.MaintainAnswer);
        Write(context, answer.Repositories, dryRun);
        foreach (MaintenanceOutcome failed in answer.Repositories.Where(static r => r.Error is not null))
        {
            await context.Error.WriteLineAsync(
                $"mirrorsync: {Terminal.Clean(failed.Repository)}: {Terminal.Clean(failed.Error!)}").ConfigureAwait(false);
        }

        return answer.Repositories.All(static r => r.Error is null) ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static void Write(CommandContext context, IReadOnlyList<MaintenanceOutcome> repositories, bool dryRun)
    {
        Table table = dryRun
            ? Terminal.Table("repository", "packs", "loose", "bytes", "would be done")
            : Terminal.Table("repository", "packs before", "after", "loose before", "after", "bytes before", "after");
        foreach (MaintenanceOutcome one in repositories.Where(static r => r.Error is null))
        {
            if (dryRun)
            {
                table.Add(
                    one.Repository, Number(one.PacksBefore), Number(one.LooseBefore), Number(one.BytesBefore), string.Join("; ", one.Notes));
            }
            else
            {
                table.Add(
                    one.Repository,
                    Number(one.PacksBefore),
                    Number(one.PacksAfter),
                    Number(one.LooseBefore),
                    Number(one.LooseAfter),
                    Number(one.BytesBefore),
                    Number(one.BytesAfter));
            }
        }

        Terminal.Print(context, table);
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
