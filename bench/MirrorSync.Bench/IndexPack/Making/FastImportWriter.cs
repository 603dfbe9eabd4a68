using System.Globalization;
using System.Text;

namespace MirrorSync.Bench.IndexPack.Making;

/// <summary>Writes the commands of git-fast-import(1). It remembers nothing but the last mark that it gave.</summary>
/// <param name="stream">fast-import's standard input; not disposed.</param>
internal sealed class FastImportWriter(Stream stream)
{
    private readonly StringBuilder text = new();
    private byte[] encoded = new byte[4096];
    private long mark;

    /// <summary>A blob.</summary>
    /// <returns>Its mark.</returns>
    public long Blob(ReadOnlySpan<byte> content)
    {
        Line($"blob\nmark :{++mark}\ndata {content.Length}");
        Flush();
        stream.Write(content);
        stream.WriteByte((byte)'\n');
        return mark;
    }

    /// <summary>A commit's head; what it changes follows, then <see cref="End"/>.</summary>
    /// <returns>Its mark.</returns>
    public long Commit(string branch, Person author, Person committer, long seconds, string message, long merged = 0)
    {
        Line($"commit {branch}\nmark :{++mark}");
        // Patches wait some hours in somebody's mailbox.
        long written = author == committer ? seconds : seconds - 4000 - (seconds % 7919);
        Line($"author {author.Name} <{author.Email}> {written} {author.Zone}");
        Line($"committer {committer.Name} <{committer.Email}> {seconds} {committer.Zone}");
        Line($"data {message.Length}\n{message}");
        if (merged != 0)
        {
            Line($"merge :{merged}");
        }

        return mark;
    }

    /// <summary>A file's content in the commit.</summary>
    public void Modify(string path, long blob) => Line($"M 100644 :{blob} {path}");

    /// <summary>A file that is gone in the commit.</summary>
    public void Delete(string path) => Line($"D {path}");

    /// <summary>A file that has another name in the commit.</summary>
    public void Rename(string from, string to) => Line($"R {from} {to}");

    /// <summary>Ends a commit.</summary>
    public void End() => Line($"");

    /// <summary>Lets a branch begin at a commit, whatever it was before.</summary>
    public void Reset(string branch, long commit) => Line($"reset {branch}\nfrom :{commit}\n");

    /// <summary>An annotated tag.</summary>
    public void Tag(string name, long commit, Person tagger, long seconds, string message)
    {
        Line($"tag {name}\nfrom :{commit}\ntagger {tagger.Name} <{tagger.Email}> {seconds} {tagger.Zone}");
        Line($"data {message.Length}\n{message}");
    }

    /// <summary>The end of all.</summary>
    public void Done()
    {
        Line($"done");
        Flush();
        stream.Flush();
    }

    private void Line(FormattableString line)
    {
        text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
        if (text.Length > 65536)
        {
            Flush();
        }
    }

    private void Flush()
    {
        // Only ASCII is ever written: a length in characters is one in bytes.
        string all = text.ToString();
        text.Clear();
        if (encoded.Length < all.Length)
        {
            encoded = new byte[all.Length * 2];
        }

        stream.Write(encoded, 0, Encoding.ASCII.GetBytes(all, encoded));
    }
}
