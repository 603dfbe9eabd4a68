using System.Globalization;

namespace MirrorSync.Fuzz;

/// <summary>How long, from which seed, and where finds go.</summary>
public sealed record FuzzOptions
{
    /// <summary>How it is called.</summary>
    public const string Usage = """
        usage: ./dev fuzz pack [--seconds N] [--seed S] [--cases N] [--save CASE] [--corpus FOLDER]

          Mutated packs: the indexer's verdict and indexes beside those of git index-pack. Prints one JSON line; exits with 1
          when there was a find. Finds are saved in the corpus, tests/corpus/pack unless given, which the tests replay; --save
          only saves a seed's case there, for a difference that is mended already.
        """;

    /// <summary>Ends after so long.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Ends after so many cases.</summary>
    public int Cases { get; init; } = int.MaxValue;

    /// <summary>The same seed makes the same cases.</summary>
    public int Seed { get; init; } = Random.Shared.Next();

    /// <summary>Only saves this case; null for a run.</summary>
    public int? Save { get; init; }

    /// <summary>Where finds are saved; null for nowhere.</summary>
    public string? Corpus { get; init; }

    /// <summary>Null when the arguments make no sense.</summary>
    public static FuzzOptions? Parse(ReadOnlySpan<string> arguments)
    {
        FuzzOptions options = new() { Corpus = Path.Combine("tests", "corpus", "pack") };
        for (int i = 0; i < arguments.Length; i += 2)
        {
            if (i + 1 == arguments.Length)
            {
                return null;
            }

            bool number = int.TryParse(arguments[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out int value);
            switch (arguments[i])
            {
                case "--seconds" when number:
                    options = options with { Time = TimeSpan.FromSeconds(value) };
                    break;
                case "--seed" when number:
                    options = options with { Seed = value };
                    break;
                case "--cases" when number:
                    options = options with { Cases = value };
                    break;
                case "--save" when number:
                    options = options with { Save = value };
                    break;
                case "--corpus":
                    options = options with { Corpus = arguments[i + 1] };
                    break;
                default:
                    return null;
            }
        }

        return options;
    }
}
