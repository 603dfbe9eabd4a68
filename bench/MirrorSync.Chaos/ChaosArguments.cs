using System.Globalization;
using MirrorSync.Testing.Chaos;

namespace MirrorSync.Chaos;

/// <summary>The command line.</summary>
internal static class ChaosArguments
{
    /// <summary>How it is called.</summary>
    public const string Usage = """
        usage: ./dev chaos [--minutes N] [--seed S] [--keep FOLDER]

          A primary and four mirrors behind emulated WAN links, as processes. Random pushes with stock git to three
          repositories; every node is now and then killed (-9), stopped or frozen, a mirror also cut off. Folders and public listeners of the mirrors are read all the while, and compared
          with the states that the primary's log had. Ten minutes unless given. Prints one JSON line; exits with 1 when a
          promise was broken, and prints seed and history. --keep copies all files of the nodes there when it fails.
        """;

    private const int LongestRun = 7 * 24 * 60;

    /// <summary>Null when the arguments make no sense.</summary>
    public static ChaosOptions? Parse(ReadOnlySpan<string> arguments)
    {
        ChaosOptions options = new() { Duration = TimeSpan.FromMinutes(10), Seed = TimeProvider.System.GetUtcNow().Millisecond };
        for (int i = 0; i < arguments.Length; i += 2)
        {
            if (i + 1 == arguments.Length)
            {
                return null;
            }

            string value = arguments[i + 1];
            switch (arguments[i])
            {
                case "--minutes" when double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double minutes) && minutes is > 0 and <= LongestRun:
                    options = options with { Duration = TimeSpan.FromMinutes(minutes) };
                    break;
                case "--seed" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int seed):
                    options = options with { Seed = seed };
                    break;
                case "--keep":
                    options = options with { Keep = value };
                    break;
                default:
                    return null;
            }
        }

        return options;
    }
}
