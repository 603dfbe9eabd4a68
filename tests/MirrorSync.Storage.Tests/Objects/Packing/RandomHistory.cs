using System.Globalization;
using System.Text;

namespace MirrorSync.Storage.Tests.Objects.Packing;

/// <summary>What a random history looks like.</summary>
internal sealed record RandomShape(int Seed, int Commits = 40, bool SkewedDates = false, int MostParents = 3);

/// <summary>
/// A history of random commits, each on a branch <c>cN</c> of its own: files come, change, go and move, folders too, modes
/// change, trees go back to what they were, submodules and links are among them.
/// </summary>
internal sealed class RandomHistory
{
    private const string Submodule = "1234567890123456789012345678901234567890";
    private readonly Random random;
    private readonly RandomShape shape;
    private readonly HistoryScript script = new();
    private readonly List<SortedDictionary<string, (string Mode, string Content)>> states = [];
    private readonly int idLength;

    /// <param name="shape">Its seed and kind.</param>
    /// <param name="idLength">Hex digits of an id.</param>
    public RandomHistory(RandomShape shape, int idLength)
    {
        this.shape = shape;
        this.idLength = idLength;
        random = new Random(shape.Seed);
        for (int i = 0; i < shape.Commits; i++)
        {
            Commit();
        }
    }

    /// <summary>For git fast-import.</summary>
    public string Script => script.Text;

    /// <summary>So many commits, by their branches; the later ones are likelier.</summary>
    public string[] Pick(int count) =>
        [.. Enumerable.Range(0, count).Select(_ => $"c{1 + Math.Max(random.Next(shape.Commits), random.Next(shape.Commits))}")];

    /// <summary>A number below a bound.</summary>
    public int Next(int bound) => random.Next(bound);

    private void Commit()
    {
        int[] parents = states.Count == 0 || random.Next(25) == 0
            ? []
            : [.. Enumerable.Range(0, random.Next(5) == 0 ? random.Next(1, shape.MostParents + 1) : 1).Select(_ => Parent()).Distinct()];
        if (shape.SkewedDates)
        {
            script.Now += random.Next(-100_000, 100_000);
        }

        SortedDictionary<string, (string Mode, string Content)> files =
            parents.Length == 0 ? new(StringComparer.Ordinal) : new(states[parents[0] - 1], StringComparer.Ordinal);
        foreach (int merged in parents.Skip(1))
        {
            foreach ((string path, (string, string) file) in states[merged - 1].Where(_ => random.Next(2) == 0))
            {
                Put(files, path, file);
            }
        }

        for (int i = random.Next(6); i >= 0; i--)
        {
            Change(files);
        }

        states.Add(files);
        script.Commit(string.Create(CultureInfo.InvariantCulture, $"c{states.Count}"), parents);
        script.Line("deleteall");
        foreach ((string path, (string mode, string content)) in files)
        {
            if (mode == "160000")
            {
                script.Line($"M 160000 {content} {path}");
            }
            else
            {
                script.Write(path, content, mode);
            }
        }
    }

    private int Parent() => Math.Max(1, states.Count - random.Next(Math.Min(states.Count, 6)));

    private void Change(SortedDictionary<string, (string Mode, string Content)> files)
    {
        string[] paths = [.. files.Keys];
        string? one = paths.Length == 0 ? null : paths[random.Next(paths.Length)];
        switch (one is null ? 0 : random.Next(12))
        {
            case 0 or 1:
                Put(files, NewPath(), ("100644", Content(NewPath())));
                break;
            case 2 or 3 or 4 when files[one!].Mode != "160000":
                files[one!] = (files[one!].Mode, Edited(files[one!].Content));
                break;
            case 5:
                files.Remove(one!);
                break;
            case 6:
                (string, string) moved = files[one!];
                files.Remove(one!);
                Put(files, NewPath(), moved);
                break;
            case 7:
                MoveFolder(files, one!, copy: random.Next(2) == 0);
                break;
            case 8 when files[one!].Mode != "160000":
                files[one!] = (files[one!].Mode == "100644" ? "100755" : "100644", files[one!].Content);
                break;
            case 9:
                string id = string.Concat(Enumerable.Repeat(Submodule, 2))[..idLength];
                Put(files, NewPath(), ("160000", id[..^1] + "abcdef"[random.Next(6)]));
                break;
            case 10:
                Put(files, NewPath(), ("120000", one!));
                break;
            case 11 when states.Count > 0 && random.Next(3) == 0:
                // All as it was at some earlier commit.
                foreach (string path in paths)
                {
                    files.Remove(path);
                }

                foreach ((string path, (string, string) file) in states[random.Next(states.Count)])
                {
                    files[path] = file;
                }

                break;
            default:
                Put(files, NewPath(), files[one!]);
                break;
        }
    }

    private void MoveFolder(SortedDictionary<string, (string Mode, string Content)> files, string path, bool copy)
    {
        int slash = path.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
        {
            return;
        }

        string from = path[..(slash + 1)];
        string to = string.Create(CultureInfo.InvariantCulture, $"{(random.Next(2) == 0 ? "a/" : string.Empty)}moved{random.Next(4)}/");
        foreach ((string at, (string, string) file) in files.Where(f => f.Key.StartsWith(from, StringComparison.Ordinal)).ToArray())
        {
            if (!copy)
            {
                files.Remove(at);
            }

            Put(files, to + at[from.Length..], file);
        }
    }

    /// <summary>A file takes the place of a folder of its name, and the other way round.</summary>
    private static void Put(SortedDictionary<string, (string Mode, string Content)> files, string path, (string, string) file)
    {
        foreach (string other in files.Keys.ToArray())
        {
            if (other.StartsWith(path + "/", StringComparison.Ordinal) || path.StartsWith(other + "/", StringComparison.Ordinal))
            {
                files.Remove(other);
            }
        }

        files[path] = file;
    }

    private string NewPath() => string.Concat(
        Enumerable.Range(0, random.Next(4)).Select(i => $"{"abc"[random.Next(3)]}{(i == 0 ? string.Empty : "x")}/")) + $"f{random.Next(9)}";

    private string Content(string name) => HistoryScript.Lines(name, random.Next(60), random.Next(5));

    private string Edited(string content)
    {
        StringBuilder text = new(content);
        text.Insert(random.Next(text.Length + 1), $"edit {random.Next()}\n");
        return text.ToString();
    }
}
