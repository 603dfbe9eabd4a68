using System.CommandLine;
using System.Globalization;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;
using Spectre.Console;

namespace MirrorSync.Daemon.Commands;

/// <summary><c>mirrorsync salvaged list</c> and <c>show</c>: what repairs took out of repositories.</summary>
internal static class SalvagedCommand
{
    /// <summary>The command with its sub-commands.</summary>
    /// <param name="context">What they reach.</param>
    /// <param name="config">Makes the option that names the configuration.</param>
    public static Command Define(CommandContext context, Func<Option<string>> config)
    {
        Option<string> ofList = config();
        var list = new Command("list", "Show what was taken out of repositories, oldest first.") { ofList };
        list.SetAction((parsed, cancellation) => ListAsync(context, parsed.GetRequiredValue(ofList), cancellation));

        Option<string> ofShow = config();
        var id = new Argument<string>("ID") { Description = "As list shows it." };
        var show = new Command("show", "Show one of them: its refs, its files and where they are.") { id, ofShow };
        show.SetAction((parsed, cancellation) => ShowAsync(
            context, parsed.GetRequiredValue(ofShow), parsed.GetRequiredValue(id), cancellation));
        return new Command("salvaged", "Look at what repairs took out of repositories: damaged files, and refs that were changed by hand.") { list, show };
    }

    private static async Task<int> ListAsync(CommandContext context, string file, CancellationToken cancellation)
    {
        if (await GetAsync(context, file, cancellation).ConfigureAwait(false) is not { } items)
        {
            return ExitCodes.Usage;
        }

        Table table = Terminal.Table("id", "repository", "taken out", "refs", "files", "bytes", "why");
        foreach (SalvagedItem item in items)
        {
            table.Add(
                item.Id, item.Repository, Time(item.At), Number(item.Refs.Count), Number(item.Files.Count), Number(item.Files.Sum(static f => f.Bytes)), item.Reason);
        }

        Terminal.Print(context, table);
        return ExitCodes.Ok;
    }

    private static async Task<int> ShowAsync(CommandContext context, string file, string id, CancellationToken cancellation)
    {
        if (await GetAsync(context, file, cancellation).ConfigureAwait(false) is not { } items)
        {
            return ExitCodes.Usage;
        }

        if (items.FirstOrDefault(i => i.Id == id) is not { } item)
        {
            await context.Error.WriteLineAsync($"mirrorsync: nothing of the id {Terminal.Clean(id)} was salvaged; see mirrorsync salvaged list").ConfigureAwait(false);
            return ExitCodes.Failed;
        }

        await context.Output.WriteLineAsync(
            Terminal.Clean($"{item.Repository}, {Time(item.At)}: {item.Reason}. In {item.Path}")).ConfigureAwait(false);
        Table table = Terminal.Table("what", "was", "is");
        foreach (Replication.Repair.SalvagedRef one in item.Refs)
        {
            table.Add(one.Name, one.Found ?? "gone or unreadable", one.Expected ?? "not there");
        }

        foreach (SalvagedFile one in item.Files)
        {
            table.Add(one.Name, $"{Number(one.Bytes)} bytes", "kept");
        }

        Terminal.Print(context, table);
        return ExitCodes.Ok;
    }

    /// <summary>Null after the errors were told.</summary>
    private static async Task<IReadOnlyList<SalvagedItem>?> GetAsync(CommandContext context, string file, CancellationToken cancellation)
    {
        MirrorSyncConfig? config = await CommandLine.LoadAsync(context, file).ConfigureAwait(false);
        if (config is null)
        {
            return null;
        }

        using var client = AdminClient.Find(config);
        string text = await client.GetAsync(NodePaths.Salvaged, cancellation).ConfigureAwait(false);
        return client.Parse(text, DaemonJson.Compact.SalvagedAnswer).Items;
    }

    private static string Time(DateTimeOffset at) => at.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
