using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Storage.Log;

namespace MirrorSync.Daemon.Commands;

/// <summary><c>mirrorsync log show</c> and <c>log verify</c>: they read the node's log, whether its daemon runs or not.</summary>
internal static class LogCommands
{
    /// <summary>Prints the records from a sequence on, to the last that was committed.</summary>
    /// <param name="context">What the command reaches.</param>
    /// <param name="file">The configuration.</param>
    /// <param name="from">The first record wanted; null for the first that is held.</param>
    /// <param name="json">One JSON object a line.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async Task<int> ShowAsync(CommandContext context, string file, ulong? from, bool json, CancellationToken cancellation)
    {
        if (await CommandLine.LoadAsync(context, file).ConfigureAwait(false) is not { } config)
        {
            return ExitCodes.Usage;
        }

        using LogReader log = LogReader.Open(config.Data.LogFolder);
        if (from <= log.Base.Sequence)
        {
            await context.Error.WriteLineAsync($"mirrorsync: record {from} is no longer held: the log begins after {log.Base.Sequence}")
                .ConfigureAwait(false);
            return ExitCodes.Failed;
        }

        Spool spool = new(config.Data.SpoolFolder, NullLogger<Spool>.Instance);
        foreach (LogRecord record in log.Read())
        {
            cancellation.ThrowIfCancellationRequested();
            if (record.Sequence < (from ?? 0))
            {
                continue;
            }

            ShownRecord shown = await ShownRecord.OfAsync(record, spool, cancellation).ConfigureAwait(false);
            if (json)
            {
                await context.Output.WriteLineAsync(JsonSerializer.Serialize(shown, DaemonJson.Compact.ShownRecord)).ConfigureAwait(false);
            }
            else
            {
                shown.Print(context.Output);
            }
        }

        return ExitCodes.Ok;
    }

    /// <summary>
    /// Checks every record and every spooled body. Ends with 1 when one is damaged; on a primary also when a body is
    /// missing, where a mirror may not have fetched it yet.
    /// </summary>
    public static async Task<int> VerifyAsync(CommandContext context, string file, CancellationToken cancellation)
    {
        if (await CommandLine.LoadAsync(context, file).ConfigureAwait(false) is not { } config)
        {
            return ExitCodes.Usage;
        }

        Spool spool = new(config.Data.SpoolFolder, NullLogger<Spool>.Instance);
        LogVerification verification = new(config.Data.LogFolder, spool);
        await TerminalProgress.RunAsync(context, Lines, WorkAsync).ConfigureAwait(false);

        foreach (string one in verification.Damage.Concat(verification.Missing))
        {
            await context.Error.WriteLineAsync($"mirrorsync: {one}").ConfigureAwait(false);
        }

        bool good = verification.Damage.Count == 0 && (verification.Missing.Count == 0 || config.Node.Role == NodeRole.Mirror);
        await context.Output.WriteLineAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"{verification.Records} records of {verification.TotalBytes} bytes up to {verification.Committed}, {verification.Bodies} spooled bodies: {(good ? "good" : "bad")}"))
            .ConfigureAwait(false);
        return good ? ExitCodes.Ok : ExitCodes.Failed;

        IReadOnlyList<ProgressLine> Lines() =>
        [
            new("records", verification.ReadBytes, verification.TotalBytes),
            new("spool", verification.CheckedBodies, verification.Bodies),
        ];

        async Task<bool> WorkAsync()
        {
            await verification.RunAsync(null, cancellation).ConfigureAwait(false);
            return true;
        }
    }

    /// <summary>The commands with their options.</summary>
    /// <param name="context">What they reach.</param>
    /// <param name="config">Makes the option of the configuration file.</param>
    public static Command Define(CommandContext context, Func<Option<string>> config)
    {
        Option<string> showConfig = config();
        var from = new Option<ulong?>("--from") { Description = "The sequence of the first record.", HelpName = "N" };
        var json = new Option<bool>("--json") { Description = "One JSON object a line." };
        var show = new Command("show", "Print the records of this node's replication log.") { showConfig, from, json };
        show.SetAction((parsed, cancellation) =>
            ShowAsync(context, parsed.GetRequiredValue(showConfig), parsed.GetValue(from), parsed.GetValue(json), cancellation));

        Option<string> verifyConfig = config();
        var verify = new Command("verify", "Check the whole log, its chain and checksums, and the spool; ends with 1 when something is damaged.") { verifyConfig };
        verify.SetAction((parsed, cancellation) => VerifyAsync(context, parsed.GetRequiredValue(verifyConfig), cancellation));
        return new Command("log", "Look at this node's replication log, whether its daemon runs or not.") { show, verify };
    }
}
