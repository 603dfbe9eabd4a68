using System.Globalization;
using System.Text;

namespace MirrorSync.Storage.Tests.Objects.Packing;

/// <summary>Writes histories commit by commit, for git fast-import.</summary>
internal sealed class HistoryScript
{
    private readonly StringBuilder script = new();
    private int mark;

    /// <summary>Seconds since 1970 of the next commit; each commit is a minute later.</summary>
    public long Now { get; set; } = 1_600_000_000;

    public string Text => script.ToString();

    /// <summary>A text file's lines, each its own; some of them are of a given version.</summary>
    public static string Lines(string name, int count, int version = 0) => string.Concat(
        Enumerable.Range(0, count).Select(i => $"{name} line {i} {(i % 17 == version % 17 ? version : 0)}\n"));

    /// <summary>Begins a commit on a branch; returns its mark. Further lines (<c>M</c>, <c>D</c>, <c>R</c>) follow it.</summary>
    public int Commit(string branch, params int[] parents)
    {
        Now += 60;
        mark++;
        script.Append(CultureInfo.InvariantCulture, $"commit refs/heads/{branch}\nmark :{mark}\n");
        script.Append(CultureInfo.InvariantCulture, $"committer A U Thor <author@example.org> {Now} +0000\n");
        Data($"change {mark}\n");
        for (int i = 0; i < parents.Length; i++)
        {
            script.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "from" : "merge")} :{parents[i]}\n");
        }

        return mark;
    }

    /// <summary>Writes a file in the present commit.</summary>
    public HistoryScript Write(string path, string content, string mode = "100644")
    {
        script.Append(CultureInfo.InvariantCulture, $"M {mode} inline {path}\n");
        Data(content);
        return this;
    }

    /// <summary>Any other line of the present commit.</summary>
    public HistoryScript Line(string line)
    {
        script.Append(line).Append('\n');
        return this;
    }

    /// <summary>An annotated tag.</summary>
    public HistoryScript Tag(string name, int of)
    {
        script.Append(CultureInfo.InvariantCulture, $"tag {name}\nfrom :{of}\ntagger A U Thor <author@example.org> {Now} +0000\n");
        Data($"release {name}\n");
        return this;
    }

    private void Data(string text) => script.Append(CultureInfo.InvariantCulture, $"data {Encoding.UTF8.GetByteCount(text)}\n{text}\n");
}
