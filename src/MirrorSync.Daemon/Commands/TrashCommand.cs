using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;
using Spectre.Console;

namespace MirrorSync.Daemon.Commands;

/// <summary><c>mirrorsync trash list</c>, <c>restore</c> and <c>empty</c>: what a mirror keeps of what was removed.</summary>
internal static class TrashCommand
{
    /// <summary>The command with its sub-commands.</summary>
    /// <param name="context">What they reach.</param>
    /// <param name="config">Makes the option that names the configuration.</param>
    public static Command Define(CommandContext context, Func<Option<string>> config)
    {
        Option<string> ofList = config();
        var list = new Command("list", "Show what is in the trash, oldest first.") { ofList };
        list.SetAction((parsed, cancellation) => ListAsync(context, parsed.GetRequiredValue(ofList), cancellation));

        Option<string> ofRestore = config();
        var repository = new Argument<string>("REPO") { Description = "The name that the repository had, as in linux/kernel.git; the youngest of that name is taken." };
        var to = new Option<string>("--to")
        {
            Description = "The folder that it becomes: not there yet, outside the repositories' root, on its file system.",
            HelpName = "FOLDER",
            Required = true,
        };
        var restore = new Command("restore", "Move a repository out of the trash, so that it can be given back to the primary.") { repository, to, ofRestore };
        restore.SetAction((parsed, cancellation) => RestoreAsync(
            context, parsed.GetRequiredValue(ofRestore), parsed.GetRequiredValue(repository), Path.GetFullPath(parsed.GetRequiredValue(to)), cancellation));

        Option<string> ofEmpty = config();
        var which = new Argument<string?>("REPO") { Description = "Only what had this name.", Arity = ArgumentArity.ZeroOrOne };
        var yes = new Option<bool>("--yes") { Description = "Delete; without it only say what would be deleted." };
        var empty = new Command("empty", "Delete what is in the trash, for good.") { which, yes, ofEmpty };
        empty.SetAction((parsed, cancellation) => EmptyAsync(
            context, parsed.GetRequiredValue(ofEmpty), parsed.GetValue(which), parsed.GetValue(yes), cancellation));
        return new Command("trash", "Look after repositories that were removed at the primary.") { list, restore, empty };
    }

    private static async Task<int> ListAsync(CommandContext context, string file, CancellationToken cancellation)
    {
        using AdminClient? client = await FindAsync(context, file).ConfigureAwait(false);
        if (client is null)
        {
            return ExitCodes.Usage;
        }

        Table table = Terminal.Table("repository", "removed", "record", "bytes", "path");
        foreach (TrashedRepository one in await GetAsync(client, cancellation).ConfigureAwait(false))
        {
            table.Add(
                one.Repository,
                one.RemovedAt.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture),
                one.Sequence.ToString(CultureInfo.InvariantCulture),
                one.Bytes.ToString(CultureInfo.InvariantCulture),
                one.Path ?? string.Empty);
        }

        Terminal.Print(context, table);
        return ExitCodes.Ok;
    }

    private static async Task<int> RestoreAsync(
        CommandContext context, string file, string repository, string to, CancellationToken cancellation)
    {
        using AdminClient? client = await FindAsync(context, file).ConfigureAwait(false);
        if (client is null)
        {
            return ExitCodes.Usage;
        }

        string request = JsonSerializer.Serialize(new RestoreRequest(repository, to), DaemonJson.Compact.RestoreRequest);
        string text = await client.PostAsync(NodePaths.TrashRestore, request, cancellation).ConfigureAwait(false);
        foreach (TrashedRepository one in client.Parse(text, DaemonJson.Compact.TrashAnswer).Repositories)
        {
            await context.Output.WriteLineAsync($"{Terminal.Clean(one.Repository)} is in {Terminal.Clean(one.Path ?? to)}").ConfigureAwait(false);
        }

        return ExitCodes.Ok;
    }

    private static async Task<int> EmptyAsync(
        CommandContext context, string file, string? repository, bool yes, CancellationToken cancellation)
    {
        using AdminClient? client = await FindAsync(context, file).ConfigureAwait(false);
        if (client is null)
        {
            return ExitCodes.Usage;
        }

        if (!yes)
        {
            TrashedRepository[] would =
                [.. (await GetAsync(client, cancellation).ConfigureAwait(false)).Where(t => repository is null || t.Repository == repository)];
            await context.Output.WriteLineAsync(
                $"{would.Length} repositories of {would.Sum(static t => t.Bytes)} bytes would be deleted for good: add --yes").ConfigureAwait(false);
            return ExitCodes.Failed;
        }

        string request = JsonSerializer.Serialize(new EmptyRequest(repository, repository is null), DaemonJson.Compact.EmptyRequest);
        string text = await client.PostAsync(NodePaths.TrashEmpty, request, cancellation).ConfigureAwait(false);
        foreach (TrashedRepository one in client.Parse(text, DaemonJson.Compact.TrashAnswer).Repositories)
        {
            await context.Output.WriteLineAsync($"deleted {Terminal.Clean(one.Repository)}").ConfigureAwait(false);
        }

        return ExitCodes.Ok;
    }

    private static async Task<IReadOnlyList<TrashedRepository>> GetAsync(AdminClient client, CancellationToken cancellation) =>
        client.Parse(await client.GetAsync(NodePaths.Trash, cancellation).ConfigureAwait(false), DaemonJson.Compact.TrashAnswer).Repositories;

    /// <summary>The running daemon; null after the errors were told.</summary>
    private static async Task<AdminClient?> FindAsync(CommandContext context, string file)
    {
        MirrorSyncConfig? config = await CommandLine.LoadAsync(context, file).ConfigureAwait(false);
        if (config is { Node.Role: NodeRole.Primary })
        {
            await context.Error.WriteLineAsync(
                $"mirrorsync: {config.Node.Name} is the primary and keeps no trash: what it removes, each mirror keeps").ConfigureAwait(false);
            return null;
        }

        return config is null ? null : AdminClient.Find(config);
    }
}
