using System.Text;

namespace MirrorSync.Bench.IndexPack.Making;

/// <summary>One file of the tree at the tip.</summary>
internal sealed class SourceFile
{
    private const byte NewLine = (byte)'\n';
    // How many statements a change adds in one place, the usual first.
    private static readonly int[] Sizes = [2, 1, 3, 1, 4, 6, 9, 14, 24];
    private readonly ulong seed;
    private readonly string prefix;

    private SourceFile(SourceFolder folder, string name, ulong seed, string prefix)
    {
        Folder = folder;
        Name = name;
        this.seed = seed;
        this.prefix = prefix;
    }

    public SourceFolder Folder { get; }

    public string Name { get; set; }

    public string Path => $"{Folder.Path}/{Name}";

    /// <summary>One byte a character.</summary>
    public byte[] Content { get; private set; } = [];

    /// <summary>fast-import's mark of the content.</summary>
    public long Mark { get; set; }

    /// <summary>The side branch that holds changes to it which are not merged yet: nobody else changes it meanwhile.</summary>
    public Topic? Owner { get; set; }

    /// <summary>A new file of 2 to 60 kB.</summary>
    public static SourceFile Make(SourceFolder folder, string name, Dice dice, string author)
    {
        int length = (int)Math.Clamp(dice.LogNormal(14000, 0.85), 2000, 58000);
        SourceFile file = new(folder, name, dice.Next(), System.IO.Path.GetFileNameWithoutExtension(name).Replace('-', '_'));
        StringBuilder text = new(length + 2048);
        new SourceWriter(dice, new SourceVocabulary(file.seed, file.prefix, length), text).File(length, author);
        file.Content = Bytes(text);
        return file;
    }

    /// <summary>A small change as people make it: one to three places, a few lines in most.</summary>
    public void Edit(Dice dice)
    {
        SourceVocabulary words = new(seed, prefix, Content.Length);
        StringBuilder text = new();
        for (int i = dice.Of([1, 1, 2, 3]); i > 0; i--)
        {
            int from = LineStart(dice.Below(Content.Length));
            int to = from;
            text.Clear();
            new SourceWriter(dice, words, text).Statements(dice.Favoured(Sizes, 1.25), Indent(from));
            byte[] written = Bytes(text);

            // As many lines go as come, in the long run: a file keeps about its size.
            int lost = (int)(written.AsSpan().Count(NewLine) * 2 * dice.Unit());
            for (; lost > 0 && to < Content.Length; lost--)
            {
                to = LineEnd(to);
            }

            Content = [.. Content.AsSpan(0, from), .. written, .. Content.AsSpan(to)];
        }
    }

    private int LineStart(int at) => Content.AsSpan(0, at).LastIndexOf(NewLine) + 1;

    private int LineEnd(int at)
    {
        int length = Content.AsSpan(at).IndexOf(NewLine);
        return length < 0 ? Content.Length : at + length + 1;
    }

    private int Indent(int at) => Math.Clamp(Content.AsSpan(at).IndexOfAnyExcept((byte)'\t'), 1, 4);

    private static byte[] Bytes(StringBuilder text)
    {
        byte[] bytes = new byte[text.Length];
        int done = 0;
        foreach (ReadOnlyMemory<char> chunk in text.GetChunks())
        {
            done += Encoding.Latin1.GetBytes(chunk.Span, bytes.AsSpan(done));
        }

        return bytes;
    }
}
