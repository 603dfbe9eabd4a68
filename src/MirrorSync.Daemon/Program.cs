using System.Collections;
using MirrorSync.Daemon.Commands;
using MirrorSync.Daemon.Hosting;

// A plain loop: LINQ would cost milliseconds of every start.
var environment = new Dictionary<string, string>(StringComparer.Ordinal);
foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
{
    environment[(string)variable.Key] = (string?)variable.Value ?? string.Empty;
}

var context = new CommandContext
{
    Output = Console.Out,
    Error = Console.Error,
    OpenInput = InterruptibleInput.OpenStandardInput,
    ErrorIsTerminal = !Console.IsErrorRedirected,
    Width = Console.IsOutputRedirected ? 200 : Math.Max(80, Console.WindowWidth),
    Environment = environment,
    Time = TimeProvider.System,
    Compose = NodeComposition.Compose,
    ChangeHooks = NodeComposition.ChangeHooks,
};
return await CommandLine.RunAsync(args, context, CancellationToken.None);
