using System.CommandLine;
using MirrorSync.Git.Objects;

namespace MirrorSync.Daemon.Commands;

/// <summary>What the commands on packs have in common.</summary>
internal static class PackOptions
{
    /// <summary><c>--object-format</c>.</summary>
    public static Option<string> ObjectFormat() => new("--object-format")
    {
        Description = "The hash function of the pack's ids: sha1 (default) or sha256.",
        HelpName = "FORMAT",
        Validators =
        {
            static result =>
            {
                if (result.Tokens is [{ Value: string name }] && !ObjectFormatFacts.TryParse(name, out _))
                {
                    result.AddError($"unknown object format '{Terminal.Clean(name)}'");
                }
            },
        },
    };

    /// <summary>The format that a command line names.</summary>
    public static ObjectFormat FormatOf(ParseResult parsed, Option<string> option) =>
        ObjectFormatFacts.TryParse(parsed.GetValue(option) ?? "sha1", out ObjectFormat format) ? format : throw new InvalidOperationException();

    /// <summary>Writes one line about a file to standard error.</summary>
    public static void Complain(CommandContext context, string message) =>
        context.Error.WriteLine($"mirrorsync: {Terminal.Clean(message)}");
}
