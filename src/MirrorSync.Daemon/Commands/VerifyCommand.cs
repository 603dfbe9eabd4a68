using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Health;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Replication.Convergence;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Replication.Status;
using Spectre.Console;

namespace MirrorSync.Daemon.Commands;

/// <summary><c>mirrorsync verify</c>: whether what a node keeps is sound, as it was last seen, or seen now.</summary>
internal static class VerifyCommand
{
    private const int ShownObjects = 5;
    private const int DigestDigits = 12;

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>The command with its options.</summary>
    public static Command Define(CommandContext context, Option<string> config)
    {
        var repository = new Option<string?>("--repo") { Description = "One repository, as in linux/kernel.git; all when not said.", HelpName = "REPO" };
        var deep = new Option<bool>("--deep") { Description = "Read and hash everything now, of all repositories the log and the spool too, and wait for it." };
        var against = new Option<string?>("--against")
        {
            Description = "On a mirror: name every object in which it differs from a node now, primary or HOST:PORT of a configured peer; what is missing is repaired.",
            HelpName = "NODE",
        };
        var verify = new Command(
            "verify", "Tell whether what this node keeps is sound. Ends with 0 when it is, 1 when faults are found, 2 when it was asked wrongly, 3 when the daemon does not answer.")
        {
            repository, deep, against, config,
        };
        verify.SetAction((parsed, cancellation) => RunAsync(
            context, parsed.GetRequiredValue(config), parsed.GetValue(repository), parsed.GetValue(deep), parsed.GetValue(against), cancellation));
        return verify;
    }

    /// <summary>Asks the daemon.</summary>
    public static async Task<int> RunAsync(
        CommandContext context, string file, string? repository, bool deep, string? against, CancellationToken cancellation)
    {
        MirrorSyncConfig? config = await CommandLine.LoadAsync(context, file).ConfigureAwait(false);
        if (config is null)
        {
            return ExitCodes.Usage;
        }

        try
        {
            using var client = AdminClient.Find(config);
            int compared = against is null ? ExitCodes.Ok
                : await CompareAsync(context, client, new AuditRequest(repository, against), cancellation).ConfigureAwait(false);
            int seen = deep ? await CheckAsync(context, client, repository, cancellation).ConfigureAwait(false)
                : against is null ? await TellAsync(context, client, repository, cancellation).ConfigureAwait(false)
                : ExitCodes.Ok;
            return Math.Max(compared, seen);
        }
        catch (StartupException failure)
        {
            await context.Error.WriteLineAsync($"mirrorsync: {failure.Message}").ConfigureAwait(false);
            return failure is RefusedException ? ExitCodes.Usage : ExitCodes.Unreachable;
        }
    }

    private static async Task<int> TellAsync(CommandContext context, AdminClient client, string? repository, CancellationToken cancellation)
    {
        string text = await client.GetAsync(NodePaths.Status, cancellation).ConfigureAwait(false);
        StatusReport report = client.Parse(text, DaemonJson.Indented.StatusReport);
        RepositoryStatus[] shown = [.. report.Repositories.Where(r => repository is null || r.Name == repository)];
        if (repository is not null && shown.Length == 0)
        {
            throw new RefusedException($"no repository {Terminal.Clean(repository)}");
        }

        Table table = Terminal.Table("repository", "state", "applied", "digest", "read whole", "oldest byte", "faults");
        foreach (RepositoryStatus one in shown)
        {
            table.Add(
                one.Name,
                one.State,
                Number(one.AppliedSequence),
                one.RefsDigest.Length > DigestDigits ? one.RefsDigest[..DigestDigits] : one.RefsDigest,
                one.LastScrub?.At?.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "never",
                Terminal.Seconds(one.LastScrub?.OldestSeconds),
                Number(one.LastScrub?.FaultCount ?? 0));
        }

        Terminal.Print(context, table);
        foreach (RepositoryStatus one in shown)
        {
            foreach (string fault in one.LastScrub?.Faults ?? [])
            {
                await ComplainAsync(context, $"{one.Name}: {fault}").ConfigureAwait(false);
            }
        }

        IReadOnlyList<string> log = repository is null ? report.Scrub?.Log ?? [] : [];
        foreach (string fault in log)
        {
            await ComplainAsync(context, fault).ConfigureAwait(false);
        }

        bool sound = log.Count == 0 && shown.All(static r => r.LastScrub is not { FaultCount: > 0 } && r.State != "damaged");
        return sound ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static async Task<int> CompareAsync(CommandContext context, AdminClient client, AuditRequest request, CancellationToken cancellation)
    {
        string asked = JsonSerializer.Serialize(request, DaemonJson.Compact.AuditRequest);
        string text = await client.PostAsync(NodePaths.Audit, asked, Timeout.InfiniteTimeSpan, cancellation).ConfigureAwait(false);
        AuditAnswer answer = client.Parse(text, DaemonJson.Compact.AuditAnswer);
        Table table = Terminal.Table("compared", "against", "objects", "missing here", "unreachable", "missing there", "wrong refs", "repaired", "bytes", "seconds");
        foreach (AuditOutcome one in answer.Audited)
        {
            table.Add(
                one.Repository,
                one.Against,
                Number(one.Objects),
                Number(one.Missing),
                Number(one.MissingUnreachable),
                one.MissingElsewhere is { } there ? Number(there) : "unknown",
                Number(one.WrongRefs),
                Number(one.Repaired),
                Number(one.Bytes),
                one.Seconds.ToString("0.0", CultureInfo.InvariantCulture));
        }

        Terminal.Print(context, table);
        foreach (AuditOutcome one in answer.Audited)
        {
            foreach (string id in one.MissingObjects)
            {
                await ComplainAsync(context, $"{one.Repository}: object {id} was missing").ConfigureAwait(false);
            }

            if (one.Error is not null)
            {
                await ComplainAsync(context, $"{one.Repository}: {one.Error}").ConfigureAwait(false);
            }
        }

        return answer.Audited.All(static a => a is { Error: null, Missing: 0, WrongRefs: 0, SetDiffered: false }) ? ExitCodes.Ok : ExitCodes.Failed;
    }

    private static async Task<int> CheckAsync(CommandContext context, AdminClient client, string? repository, CancellationToken cancellation)
    {
        VerifyProgress progress = new(0, 0);
        VerifyAnswer answer = await TerminalProgress.RunAsync(
            context,
            () => [new ProgressLine("bytes", Volatile.Read(ref progress).Bytes, Volatile.Read(ref progress).Whole)],
            AskAsync).ConfigureAwait(false);

        Table table = Terminal.Table("checked", "bytes", "seconds", "made anew", "faults");
        foreach (CheckOutcome one in answer.Checked.Where(static c => c.Error is null))
        {
            table.Add(NameOf(one), Number(one.Bytes), one.Seconds.ToString("0.0", CultureInfo.InvariantCulture), Number(one.Rebuilt), Number(one.Faults.Count));
        }

        Terminal.Print(context, table);
        foreach (CheckOutcome one in answer.Checked)
        {
            foreach (FoundFault fault in one.Faults)
            {
                await ComplainAsync(context, $"{NameOf(one)}: {Describe(fault)}").ConfigureAwait(false);
            }

            if (one.Error is not null)
            {
                await ComplainAsync(context, $"{NameOf(one)}: {one.Error}").ConfigureAwait(false);
            }
        }

        return answer.Checked.All(static c => c.Error is null && c.Faults.Count == 0) ? ExitCodes.Ok : ExitCodes.Failed;

        async Task<VerifyAnswer> AskAsync()
        {
            string request = JsonSerializer.Serialize(new VerifyRequest(repository), DaemonJson.Compact.VerifyRequest);
            Task<string> asked = client.PostAsync(NodePaths.Verify, request, Timeout.InfiniteTimeSpan, cancellation);
            while (context.ErrorIsTerminal && !asked.IsCompleted)
            {
                await Task.WhenAny(asked, Task.Delay(PollInterval, context.Time, cancellation)).ConfigureAwait(false);
                if (!asked.IsCompleted)
                {
                    string far = await client.GetAsync(NodePaths.Verify, cancellation).ConfigureAwait(false);
                    Volatile.Write(ref progress, client.Parse(far, DaemonJson.Compact.VerifyProgress));
                }
            }

            return client.Parse(await asked.ConfigureAwait(false), DaemonJson.Compact.VerifyAnswer);
        }
    }

    private static string NameOf(CheckOutcome one) => one.Repository.Length == 0 ? "log and spool" : one.Repository;

    private static string Describe(FoundFault fault)
    {
        string where = fault.Offset > 0 ? $" at {Number(fault.Offset)}" : string.Empty;
        string lost = fault.ObjectCount switch
        {
            null => "; an unknown number of objects",
            0 => string.Empty,
            { } count => $"; {Number(count)} objects: {string.Join(' ', fault.Objects.Take(ShownObjects))}{(count > ShownObjects ? " ..." : string.Empty)}",
        };
        return $"{fault.File}{where}: {fault.Kind}: {fault.Reason}{lost}";
    }

    private static Task ComplainAsync(CommandContext context, string what) => context.Error.WriteLineAsync($"mirrorsync: {Terminal.Clean(what)}");

    private static string Number(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
