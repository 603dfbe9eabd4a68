using System.CommandLine;
using System.CommandLine.Invocation;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;

namespace MirrorSync.Daemon.Commands;

/// <summary>The command line of <c>mirrorsync</c>.</summary>
internal static class CommandLine
{
    /// <summary>Runs one command and returns its exit code, see <see cref="ExitCodes"/>. Errors are lines on stderr; only what nobody foresaw comes with a stack trace.</summary>
    public static async Task<int> RunAsync(string[] args, CommandContext context, CancellationToken cancellation)
    {
        // Spares it System.CommandLine, whose code is compiled anew in each process.
        if (IndexPackCommand.TryParse(args, out IndexPackRequest? plain))
        {
            return await EndInOrderAsync(context, () => IndexPackCommand.RunAsync(context, plain, cancellation)).ConfigureAwait(false);
        }

        return await ParseAndRunAsync(args, context, cancellation).ConfigureAwait(false);
    }

    private static async Task<int> ParseAndRunAsync(string[] args, CommandContext context, CancellationToken cancellation)
    {
        ParseResult parsed = Root(context).Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is null or ParseErrorAction)
        {
            foreach (string error in parsed.Errors.Select(static e => e.Message).Distinct())
            {
                await context.Error.WriteLineAsync($"mirrorsync: {error}").ConfigureAwait(false);
            }

            await context.Error.WriteLineAsync("mirrorsync: see mirrorsync --help").ConfigureAwait(false);
            return ExitCodes.Usage;
        }

        var invocation = new InvocationConfiguration
        {
            Output = context.Output,
            Error = context.Error,
            EnableDefaultExceptionHandler = false,

            // Signals are the host's: it stops in order.
            ProcessTerminationTimeout = null,
        };
        return await EndInOrderAsync(context, () => parsed.InvokeAsync(invocation, cancellation)).ConfigureAwait(false);
    }

    private static async Task<int> EndInOrderAsync(CommandContext context, Func<Task<int>> command)
    {
        try
        {
            return await command().ConfigureAwait(false);
        }
        catch (StartupException e)
        {
            await context.Error.WriteLineAsync($"mirrorsync: {e.Message}").ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await context.Error.WriteLineAsync("mirrorsync: stopped before it was done").ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await context.Error.WriteLineAsync($"mirrorsync: {e.Message}").ConfigureAwait(false);
        }
#pragma warning disable CA1031 // The end of the process: what nobody foresaw is told whole, and ends it in order.
        catch (Exception e)
#pragma warning restore CA1031
        {
            await context.Error.WriteLineAsync($"mirrorsync: unexpected: {e}").ConfigureAwait(false);
        }

        return ExitCodes.Failed;
    }

    /// <summary>Loads the configuration of a command; null after its errors were told.</summary>
    public static async Task<MirrorSyncConfig?> LoadAsync(CommandContext context, string file)
    {
        ConfigResult result = ConfigLoader.Load(file, context.Environment);
        foreach (string error in result.Errors)
        {
            await context.Error.WriteLineAsync($"mirrorsync: {error}").ConfigureAwait(false);
        }

        return result.Config;
    }

    private static RootCommand Root(CommandContext context)
    {
        var root = new RootCommand(
            "MirrorSync keeps git repositories the same in every region: a daemon for one node, and commands that ask it.");
        var run = new Command("run", "Run the daemon until it is told to stop (SIGTERM, SIGINT).") { ConfigOption() };
        run.SetAction((parsed, cancellation) => RunCommand.RunAsync(context, ConfigOf(parsed), cancellation));
        root.Add(run);
        root.Add(ConfigCommands(context));
        root.Add(HookCommands(context));

        var json = new Option<bool>("--json") { Description = "Print the daemon's JSON as it is." };
        var status = new Command("status", "Show how the node and its repositories stand; ends with 1 when it is not ready.") { ConfigOption(), json };
        status.SetAction((parsed, cancellation) =>
            StatusCommand.RunAsync(context, ConfigOf(parsed), parsed.GetValue(json), cancellation));
        root.Add(status);
        root.Add(Accept(context));
        root.Add(LogCommands.Define(context, static () => ConfigOption()));
        root.Add(TrashCommand.Define(context, static () => ConfigOption()));
        root.Add(Maintain(context));
        root.Add(RepairCommand.Define(context, ConfigOption()));
        root.Add(SalvagedCommand.Define(context, static () => ConfigOption()));
        root.Add(ExplainCommand.Define(context, ConfigOption()));
        root.Add(VerifyCommand.Define(context, ConfigOption()));
        root.Add(IndexPackCommand.Define(context));
        root.Add(VerifyPackCommand.Define(context));
        return root;
    }

    private static Command ConfigCommands(CommandContext context)
    {
        // Every other command takes --config, so this one does too.
        var file = new Argument<string?>("FILE") { Description = "The configuration file.", Arity = ArgumentArity.ZeroOrOne };
        Option<string> option = ConfigOption(required: false);
        var files = new Option<bool>("--files") { Description = "Fail also when certificates that it names cannot be loaded here." };
        var check = new Command("check", "Check a configuration file and tell everything that is wrong with it.") { file, option, files };
        check.Validators.Add(result =>
        {
            if ((result.GetValue(file) is null) == (result.GetValue(option) is null))
            {
                result.AddError("config check takes one FILE");
            }
        });
        check.SetAction((parsed, _) =>
            ConfigCheckCommand.RunAsync(context, parsed.GetValue(file) ?? parsed.GetRequiredValue(option), parsed.GetValue(files)));
        return new Command("config", "Look at configuration files.") { check };
    }

    private static Command HookCommands(CommandContext context)
    {
        var hook = new Command("hook", "Install or remove the hooks that tell the primary of each push at once.");
        foreach ((HookChange change, string help) in new[]
        {
            (HookChange.Install, "Put MirrorSync's lines into every repository's pre-receive and post-receive, keeping hooks that are there."),
            (HookChange.Remove, "Take MirrorSync's lines out again and put kept hooks back."),
        })
        {
            var command = new Command(change == HookChange.Install ? "install" : "remove", help) { ConfigOption() };
            command.SetAction((parsed, _) => HookCommand.RunAsync(context, ConfigOf(parsed), change));
            hook.Add(command);
        }

        return hook;
    }

    private static Command Accept(CommandContext context)
    {
        var repository = new Argument<string?>("REPO")
        {
            Description = "The held repository, as in linux/kernel.git.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var all = new Option<bool>("--all") { Description = "Everything that is held." };
        var accept = new Command("accept", "Accept what is held, such as a mass deletion or (on a mirror) a mass removal, and let it go on.") { repository, all, ConfigOption() };
        accept.Validators.Add(result =>
        {
            if (result.GetValue(all) == (result.GetValue(repository) is not null))
            {
                result.AddError("accept takes either a repository or --all");
            }
        });
        accept.SetAction((parsed, cancellation) =>
            AcceptCommand.RunAsync(context, ConfigOf(parsed), parsed.GetValue(repository), cancellation));
        return accept;
    }

    private static Command Maintain(CommandContext context)
    {
        var repository = new Option<string?>("--repo") { Description = "One repository, as in linux/kernel.git; all when not said.", HelpName = "REPO" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only tell what would be done, and why." };
        var maintain = new Command("maintain", "Consolidate packs and bring indexes up to date now, and wait for it.") { repository, dryRun, ConfigOption() };
        maintain.SetAction((parsed, cancellation) => MaintainCommand.RunAsync(
            context, ConfigOf(parsed), parsed.GetValue(repository), parsed.GetValue(dryRun), cancellation));
        return maintain;
    }

    private static Option<string> ConfigOption(bool required = true) => new("--config", "-c")
    {
        Description = "The configuration file.",
        HelpName = "FILE",
        Required = required,
    };

    private static string ConfigOf(ParseResult parsed) => parsed.GetRequiredValue<string>("--config");
}
