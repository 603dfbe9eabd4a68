namespace MirrorSync.Demo;

/// <summary>What the demo was asked for.</summary>
/// <param name="Once">Push a number of commits, check everything, and end.</param>
/// <param name="Json">Print the result as one JSON object.</param>
/// <param name="Pushes">How many commits <paramref name="Once"/> pushes.</param>
internal sealed record DemoOptions(bool Once, bool Json, int Pushes)
{
    public const string Usage = """
        usage: ./dev demo [--once] [--json] [--pushes N]

          without options  runs until Ctrl-C and shows a live table
          --once           pushes 50 commits, clones from all mirrors, checks, and ends
          --json           prints the result of --once as one JSON object, on the last line
          --pushes N       how many commits --once pushes
        """;

    /// <summary>Null when the arguments make no sense.</summary>
    public static DemoOptions? Parse(string[] arguments)
    {
        DemoOptions options = new(false, false, 50);
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--once":
                    options = options with { Once = true };
                    break;
                case "--json":
                    options = options with { Json = true };
                    break;
                case "--pushes" when i + 1 < arguments.Length && int.TryParse(arguments[i + 1], out int pushes) && pushes > 0:
                    options = options with { Pushes = pushes };
                    i++;
                    break;
                default:
                    return null;
            }
        }

        // A live table is nothing for a program to read.
        return options.Json && !options.Once ? null : options;
    }
}
