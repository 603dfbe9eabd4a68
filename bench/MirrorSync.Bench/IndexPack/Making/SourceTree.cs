namespace MirrorSync.Bench.IndexPack.Making;

/// <summary>
/// A tree shaped like the Linux kernel's: two dozen folders at the top, two to four levels, most folders small, a few of
/// more than a thousand files.
/// </summary>
internal sealed class SourceTree
{
    private const int LargestFolder = 3200;
    private readonly Dice dice;
    private readonly List<SourceFolder> folders = [];
    private readonly List<int> ends = [];

    /// <summary>Makes the tree and its files' first contents.</summary>
    public SourceTree(Dice dice, int files, People people)
    {
        this.dice = dice;
        List<string> middles = [];
        HashSet<string> taken = new(StringComparer.Ordinal);
        for (int left = files; left > 0;)
        {
            int size = Math.Min(left, (int)Math.Clamp(dice.LogNormal(36, 1.65), 3, LargestFolder));
            SourceFolder folder = new(NewPath(middles, taken));
            for (int i = 0; i < size; i++)
            {
                folder.Files.Add(SourceFile.Make(folder, folder.NewName(dice), dice, people.Pick(dice).Name));
            }

            left -= size;
            folders.Add(folder);
            ends.Add(files - left);
        }
    }

    /// <summary>All files there are.</summary>
    public IEnumerable<SourceFile> Files => folders.SelectMany(static f => f.Files);

    /// <summary>A folder in which somebody works: the more files it began with, the likelier.</summary>
    public SourceFolder PickFolder()
    {
        int at = ends.BinarySearch(dice.Below(ends[^1]) + 1);
        return folders[at < 0 ? ~at : at];
    }

    /// <summary>A folder near another: mostly below the same folder at the top.</summary>
    public SourceFolder PickNear(SourceFolder other)
    {
        string top = other.Path[..(other.Path.IndexOf('/', StringComparison.Ordinal) + 1)];
        SourceFolder found = PickFolder();
        for (int attempt = 0; attempt < 8 && !found.Path.StartsWith(top, StringComparison.Ordinal); attempt++)
        {
            found = PickFolder();
        }

        return found;
    }

    private string NewPath(List<string> middles, HashSet<string> taken)
    {
        while (true)
        {
            string parent = dice.Favoured(Words.Tops, 3);
            if (dice.Chance(0.6))
            {
                if (middles.Count < 8 || dice.Chance(0.25))
                {
                    middles.Add($"{parent}/{dice.Of(Words.Code)}");
                }

                parent = dice.Favoured(middles, 1.5);
            }

            string path = $"{parent}/{(dice.Chance(0.5) ? dice.Of(Words.Code) : Words.Name(dice, 2, 3))}";
            if (taken.Add(path))
            {
                return path;
            }
        }
    }
}
