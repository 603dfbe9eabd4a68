using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;
using Spectre.Console;

namespace MirrorSync.Daemon.Commands;

/// <summary><c>mirrorsync repair</c>: looks at everything that a mirror keeps of its repositories, and brings back what is wrong.</summary>
internal static class RepairCommand
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>The command with its options.</summary>
    public static Command Define(CommandContext context, Option<string> config)
    {
        var repository = new Option<string?>("--repo") { Description = "One repository, as in linux/kernel.git; all when not said.", HelpName = "REPO" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only tell what is wrong." };
        var repair = new Command(
            "repair", "Look at every pack and ref now and bring back what is wrong. Ends with 0 when nothing is wrong any more, 1 when something still is, 2 when it was asked wrongly, 3 when the daemon does not answer.")
        {
            repository, dryRun, config,
        };
        repair.SetAction((parsed, cancellation) => RunAsync(
            context, parsed.GetRequiredValue(config), parsed.GetValue(repository), parsed.GetValue(dryRun), cancellation));
        return repair;
    }

    /// <summary>Asks the daemon.</summary>
    public static async Task<int> RunAsync(
        CommandContext context, string file, string? repository, bool dryRun, CancellationToken cancellation)
    {
        MirrorSyncConfig? config = await CommandLine.LoadAsync(context, file).ConfigureAwait(false);
        if (config is null)
        {
            return ExitCodes.Usage;
        }

        try
        {
            using var client = AdminClient.Find(config);
            RepairAnswer answer = await AskAsync(context, client, new RepairRequest(repository, dryRun), cancellation).ConfigureAwait(false);
            Print(context, answer, dryRun);
            foreach (RepairedRepository one in answer.Repositories)
            {
                string? complaint = one.Error ?? (one.SnapshotReason is null ? null : $"{one.SnapshotReason}; a snapshot takes its place");
                if (complaint is not null)
                {
                    await context.Error.WriteLineAsync($"mirrorsync: {Terminal.Clean(one.Repository)}: {Terminal.Clean(complaint)}").ConfigureAwait(false);
                }
            }

            return answer.Repositories.All(static r => r is { Error: null, SnapshotReason: null, Found.Count: 0 }) ? ExitCodes.Ok : ExitCodes.Failed;
        }
        catch (StartupException failure)
        {
            await context.Error.WriteLineAsync($"mirrorsync: {failure.Message}").ConfigureAwait(false);
            return failure is RefusedException ? ExitCodes.Usage : ExitCodes.Unreachable;
        }
    }

    private static Task<RepairAnswer> AskAsync(CommandContext context, AdminClient client, RepairRequest request, CancellationToken cancellation)
    {
        RepairProgressAnswer progress = new(0, 0);
        return TerminalProgress.RunAsync(
            context,
            () => [new ProgressLine("repositories", Volatile.Read(ref progress).Done, Volatile.Read(ref progress).Asked)],
            PostAsync);

        async Task<RepairAnswer> PostAsync()
        {
            string text = JsonSerializer.Serialize(request, DaemonJson.Compact.RepairRequest);
            Task<string> asked = client.PostAsync(NodePaths.Repair, text, Timeout.InfiniteTimeSpan, cancellation);
            while (context.ErrorIsTerminal && !asked.IsCompleted)
            {
                await Task.WhenAny(asked, Task.Delay(PollInterval, context.Time, cancellation)).ConfigureAwait(false);
                if (!asked.IsCompleted)
                {
                    string far = await client.GetAsync(NodePaths.Repair, cancellation).ConfigureAwait(false);
                    Volatile.Write(ref progress, client.Parse(far, DaemonJson.Compact.RepairProgressAnswer));
                }
            }

            return client.Parse(await asked.ConfigureAwait(false), DaemonJson.Compact.RepairAnswer);
        }
    }

    private static void Print(CommandContext context, RepairAnswer answer, bool dryRun)
    {
        Table table = dryRun
            ? Terminal.Table("repository", "wrong") : Terminal.Table("repository", "found", "repaired", "fetched", "bytes", "done");
        foreach (RepairedRepository one in answer.Repositories.Where(static r => r.Error is null))
        {
            if (one.Outcome is { } outcome)
            {
                table.Add(
                    one.Repository, Number(outcome.Found), Number(outcome.Repaired), Number(outcome.Fetched), Number(outcome.FetchedBytes),
                    outcome.Done.Count == 0 ? "nothing" : string.Join("; ", outcome.Done));
            }
            else
            {
                table.Add(one.Repository, one.Found.Count == 0 ? "nothing" : string.Join("; ", one.Found));
            }
        }

        Terminal.Print(context, table);
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
