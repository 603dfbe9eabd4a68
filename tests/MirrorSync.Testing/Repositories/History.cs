using System.Globalization;
using System.Text;

namespace MirrorSync.Testing.Repositories;

/// <summary>What a made-up history looks like.</summary>
public sealed record HistoryShape
{
    /// <summary>Commits in all.</summary>
    public int Commits { get; init; } = 300;

    /// <summary>Files in the tree at the end.</summary>
    public int Files { get; init; } = 60;

    /// <summary>Every so many commits a side branch is merged.</summary>
    public int MergeEvery { get; init; } = 9;

    /// <summary>Every so many commits an annotated tag is set.</summary>
    public int TagEvery { get; init; } = 40;

    /// <summary>The same seed makes the same ids.</summary>
    public int Seed { get; init; } = 1;
}

/// <summary>Fills repositories with history by git fast-import: real commits, merges and annotated tags.</summary>
public static class History
{
    private static readonly string[] Words =
        ["static", "int", "return", "lock", "page", "mm", "sched", "inode", "queue", "flush", "retry", "node", "cpu", "irq"];

    /// <summary>Writes the history: <c>main</c>, topic branches that were merged into it, and tags <c>v0.N</c>.</summary>
    public static async Task WriteAsync(BareRepository into, HistoryShape shape)
    {
        byte[] stream = Encoding.UTF8.GetBytes(Script(shape));
        await StockGit.FeedAsync(into.Path, stream, "fast-import", "--quiet", "--done").ConfigureAwait(false);
    }

    /// <summary>A fast-import stream (git-fast-import(1)).</summary>
    private static string Script(HistoryShape shape)
    {
        // Not for secrets: the same seed has to make the same history.
#pragma warning disable CA5394
        Random random = new(shape.Seed);
        StringBuilder script = new();
        int mark = 0;
        int main = 0;
        int topic = 0;
        int tags = 0;
        for (int i = 1; i <= shape.Commits; i++)
        {
            bool merge = topic != 0 && i % shape.MergeEvery == 0;
            bool aside = !merge && main != 0 && i % shape.MergeEvery >= shape.MergeEvery - 3;
            string branch = aside ? $"refs/heads/topic/{i / shape.MergeEvery % 7}" : "refs/heads/main";
            int parent = aside && topic != 0 ? topic : main;
            mark++;
            script.Append(CultureInfo.InvariantCulture, $"commit {branch}\nmark :{mark}\n");
            script.Append(CultureInfo.InvariantCulture, $"committer A U Thor <author@example.org> {1600000000 + (i * 600)} +0000\n");
            Data(script, $"{Words[random.Next(Words.Length)]}: change {i}\n\nSigned-off-by: A U Thor <author@example.org>\n");
            if (parent != 0)
            {
                script.Append(CultureInfo.InvariantCulture, $"from :{parent}\n");
            }

            if (merge)
            {
                script.Append(CultureInfo.InvariantCulture, $"merge :{topic}\n");
                topic = 0;
            }

            int file = random.Next(Math.Min(shape.Files, i + 2));
            script.Append(CultureInfo.InvariantCulture, $"M 100644 inline dir{file % 8}/file{file}.c\n");
            Data(script, Body(random, file, i));
            if (aside)
            {
                topic = mark;
            }
            else
            {
                main = mark;
            }

            if (i % shape.TagEvery == 0)
            {
                script.Append(CultureInfo.InvariantCulture, $"tag v0.{++tags}\nfrom :{main}\n");
                script.Append(CultureInfo.InvariantCulture, $"tagger A U Thor <author@example.org> {1600000000 + (i * 600)} +0000\n");
                Data(script, $"Release 0.{tags}\n");
            }
        }
#pragma warning restore CA5394

        return script.Append("done\n").ToString();
    }

    private static string Body(Random random, int file, int commit)
    {
#pragma warning disable CA5394
        StringBuilder body = new();
        for (int line = 0; line < 60; line++)
        {
            // Most lines stay from version to version, so that packs hold deltas.
            int word = line % 10 == commit % 10 ? random.Next(Words.Length) : (file + line) % Words.Length;
            body.Append(CultureInfo.InvariantCulture, $"    {Words[word]} {Words[(file + line) % Words.Length]}_{line};\n");
        }
#pragma warning restore CA5394

        return body.ToString();
    }

    private static void Data(StringBuilder script, string text) =>
        script.Append(CultureInfo.InvariantCulture, $"data {text.Length}\n{text}\n");
}
