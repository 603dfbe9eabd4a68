using System.Globalization;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Health;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Replication.Status;
using Spectre.Console;

namespace MirrorSync.Daemon.Commands;

/// <summary><c>mirrorsync status</c>.</summary>
internal static class StatusCommand
{
    private const int DigestDigits = 12;

    /// <summary>Prints the node's status; ends with 1 when the node is not ready.</summary>
    public static async Task<int> RunAsync(CommandContext context, string file, bool json, CancellationToken cancellation)
    {
        MirrorSyncConfig? config = await CommandLine.LoadAsync(context, file).ConfigureAwait(false);
        if (config is null)
        {
            return ExitCodes.Usage;
        }

        using var client = AdminClient.Find(config);
        string text = await client.GetAsync(NodePaths.Status, cancellation).ConfigureAwait(false);
        StatusReport report = client.Parse(text, DaemonJson.Indented.StatusReport);
        if (json)
        {
            await context.Output.WriteLineAsync(text).ConfigureAwait(false);
        }
        else
        {
            PrintNode(context, report);
            PrintRepositories(context, report.Repositories);
            PrintMirrors(context, report.Mirrors);
            PrintPeers(context, report.Peers);
        }

        return report.Ready ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static string Number(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);

    private static void PrintNode(CommandContext context, StatusReport report)
    {
        Table table = Terminal.Table("node", "region", "role", "fleet", "epoch", "durable", "lag", "primary", "heard", "ready");
        table.Add(
            report.Node,
            report.Region,
            report.Role,
            report.Fleet,
            Number(report.Epoch),
            Number(report.Durable.Sequence),
            Terminal.Seconds(report.LagSeconds),
            report.Primary is null ? "unknown" : report.Connected ? report.Primary : report.Primary + " (cut off)",
            Terminal.Seconds(report.PrimaryHeardSecondsAgo),
            report.Ready ? "yes" : report.ReadyToServe ? "to serve only" : "no");
        Terminal.Print(context, table);
        foreach (string reason in report.Reasons)
        {
            context.Output.WriteLine($"  not ready: {Terminal.Clean(reason)}");
        }
    }

    private static void PrintRepositories(CommandContext context, IReadOnlyList<RepositoryStatus> repositories)
    {
        Table table = Terminal.Table("repository", "state", "applied", "refs", "digest", "lag", "reason");
        foreach (RepositoryStatus one in repositories)
        {
            table.Add(
                one.Name,
                one.State,
                Number(one.AppliedSequence),
                Number(one.Refs),
                one.RefsDigest.Length > DigestDigits ? one.RefsDigest[..DigestDigits] : one.RefsDigest,
                Terminal.Seconds(one.LagSeconds),
                one.Reason ?? string.Empty);
        }

        Terminal.Print(context, table);
    }

    private static void PrintMirrors(CommandContext context, IReadOnlyList<MirrorStatus> mirrors)
    {
        if (mirrors.Count == 0)
        {
            return;
        }

        Table table = Terminal.Table("mirror", "region", "connected", "durable", "converged", "p50", "p99", "heard");
        foreach (MirrorStatus one in mirrors)
        {
            table.Add(
                one.Node,
                one.Region,
                one.Connected ? "yes" : "no",
                Number(one.DurableSequence),
                Number(one.RepositoriesConverged),
                Terminal.Milliseconds(one.NoticeToAppliedP50Ms),
                Terminal.Milliseconds(one.NoticeToAppliedP99Ms),
                Terminal.Seconds(one.HeardSecondsAgo));
        }

        Terminal.Print(context, table);
    }

    private static void PrintPeers(CommandContext context, IReadOnlyList<PeerWord> peers)
    {
        if (peers.Count == 0)
        {
            return;
        }

        Table table = Terminal.Table("peer", "node", "answers", "heard the primary");
        foreach (PeerWord one in peers)
        {
            table.Add(one.Peer, one.Node ?? "unknown", one.Answers ? "yes" : "no", Terminal.Seconds(one.HeardSecondsAgo));
        }

        Terminal.Print(context, table);
    }
}
