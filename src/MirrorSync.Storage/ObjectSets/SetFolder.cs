using System.Globalization;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>The files of a set's folder.</summary>
internal static class SetFolder
{
    /// <summary>How the names of runs begin; their number follows.</summary>
    public const string RunPrefix = "run-";

    /// <summary>Removes what a manifest does not name and nobody is writing: what was replaced, and what a crash left.</summary>
    /// <param name="folder">The set's.</param>
    /// <param name="manifest">Names what stays.</param>
    /// <param name="rewritten">The number of a run that is being written.</param>
    public static void RemoveStrays(string folder, SetManifest manifest, ulong? rewritten)
    {
        HashSet<string> named = [SetManifest.FileName, SetJournal.NamePrefix + manifest.Journal];
        named.UnionWith(manifest.Runs.Select(static r => RunPrefix + r.Number));
        foreach (string path in Directory.EnumerateFiles(folder))
        {
            string name = Path.GetFileName(path);
            if (!named.Contains(name) && (rewritten is null || NumberOf(name) != rewritten))
            {
                File.Delete(path);
            }
        }
    }

    /// <summary>The highest number that a file bears; 0 when none does.</summary>
    public static ulong HighestNumber(string folder) =>
        Directory.EnumerateFiles(folder).Select(static p => NumberOf(Path.GetFileName(p)) ?? 0).DefaultIfEmpty().Max();

    // Parts of a run that is being sorted are called run-7.0, run-7.1 ...
    private static ulong? NumberOf(string name)
    {
        int dash = name.IndexOf('-', StringComparison.Ordinal);
        int end = name.IndexOf('.', StringComparison.Ordinal);
        ReadOnlySpan<char> digits = dash < 0 ? default : name.AsSpan((dash + 1)..(end > dash ? end : name.Length));
        return ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) ? number : null;
    }
}
