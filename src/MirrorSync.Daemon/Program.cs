using System.Collections;
using MirrorSync.Daemon.Commands;
using MirrorSync.Daemon.Hosting;

var context = new CommandContext
{
    Output = Console.Out,
    Error = Console.Error,
    Width = Console.IsOutputRedirected ? 200 : Math.Max(80, Console.WindowWidth),
    Environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
        .ToDictionary(static e => (string)e.Key, static e => (string?)e.Value ?? string.Empty, StringComparer.Ordinal),
    Time = TimeProvider.System,
    Compose = NodeComposition.Compose,
    ChangeHooks = NodeComposition.ChangeHooks,
};
return await CommandLine.RunAsync(args, context, CancellationToken.None);
