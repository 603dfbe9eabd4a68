namespace MirrorSync.Bench.IndexPack.Making;

/// <summary>
/// The identifiers of one source file. They are made from the file's seed alone, so that an edit a thousand commits later
/// speaks the file's own language without anything being kept.
/// </summary>
internal sealed class SourceVocabulary
{
    public SourceVocabulary(ulong seed, string prefix, int length)
    {
        Dice dice = new(seed);
        // A longer file has more to name, but not in proportion.
        double more = Math.Sqrt(length / 16384.0);
        Prefix = prefix;
        Names = Make((int)(28 * more) + 8, () => dice.Chance(0.4) ? dice.Of(Words.Code) : $"{dice.Of(Words.Code)}_{dice.Of(Words.Code)}");
        Fields = Make((int)(36 * more) + 8, () => dice.Chance(0.5) ? dice.Of(Words.Code) : $"{dice.Of(Words.Code)}_{dice.Of(Words.Code)}");
        Functions = Make((int)(40 * more) + 6, () => Function(dice, prefix));
        Structs = Make((int)(7 * more) + 2, () => $"{prefix}_{dice.Of(Words.Code)}");
        Constants = Make((int)(40 * more) + 6, () => $"{prefix}_{dice.Of(Words.Code)}_{dice.Of(Words.Code)}".ToUpperInvariant());
    }

    public string Prefix { get; }

    public string[] Names { get; }

    public string[] Fields { get; }

    public string[] Functions { get; }

    public string[] Structs { get; }

    public string[] Constants { get; }

    private static string Function(Dice dice, string prefix) => dice.Below(3) switch
    {
        0 => $"{prefix}_{dice.Of(Words.Verbs)}_{dice.Of(Words.Code)}",
        1 => $"{prefix}_{dice.Of(Words.Code)}_{dice.Of(Words.Verbs)}",
        _ => $"{dice.Of(Words.Code)}_{dice.Of(Words.Verbs)}",
    };

    private static string[] Make(int count, Func<string> one) => [.. Enumerable.Range(0, count).Select(_ => one())];
}
