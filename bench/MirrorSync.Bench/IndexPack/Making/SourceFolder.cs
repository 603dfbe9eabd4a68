namespace MirrorSync.Bench.IndexPack.Making;

/// <summary>A folder that holds files.</summary>
/// <param name="path">Its path from the root, without slashes at its ends.</param>
internal sealed class SourceFolder(string path)
{
    private readonly HashSet<string> names = new(StringComparer.Ordinal);

    public string Path { get; } = path;

    /// <summary>The first are changed most.</summary>
    public List<SourceFile> Files { get; } = [];

    /// <summary>A name that no file here has or had.</summary>
    public string NewName(Dice dice)
    {
        string last = Path[(Path.LastIndexOf('/') + 1)..];
        while (true)
        {
            string stem = dice.Below(4) switch
            {
                0 => $"{last}-{dice.Of(Words.Code)}",
                1 => $"{Words.Name(dice, 2, 3)}{dice.Below(1000)}",
                2 => $"{Words.Name(dice, 1, 2)}_{dice.Of(Words.Code)}_{dice.Of(Words.Code)}",
                _ => $"{dice.Of(Words.Code)}-{Words.Name(dice, 2, 2)}",
            };
            string name = stem + (dice.Chance(0.75) ? ".c" : ".h");
            if (names.Add(name))
            {
                return name;
            }
        }
    }

    /// <summary>The file that somebody changes next: one of those much used, the larger the likelier. Null without luck.</summary>
    public SourceFile? Pick(Dice dice, Topic? topic)
    {
        for (int attempt = 0; attempt < 12 && Files.Count > 0; attempt++)
        {
            SourceFile file = dice.Favoured(Files);
            bool free = file.Owner is null || file.Owner == topic;
            if (free && dice.Below(48000) < file.Content.Length)
            {
                return file;
            }
        }

        return null;
    }
}
