using System.Text;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Tests.Objects.Fsck;

/// <summary>Valid commits, trees and tags, changed at random in ways that fsck cares for. The ids in them name nothing.</summary>
internal sealed class FsckMutator(int seed, ObjectFormat format)
{
    private static readonly string[] Modes = ["100644", "100755", "120000", "40000", "160000", "100664", "040000", "0100644", "100600", "20000", "1100644", "120777"];

    private static readonly string[] NamePieces =
    [
        "a", "b", "foo", ".", "..", ".git", "GIT", "git", "~1", "~", "1", " ", ":", "\\", "/", "-", "0", ".gitmodules", ".gitattributes", "gitattributes", ".gitignore", "GITIGN~1", "gitmod~4", ".mailmap", "mailma~2", "gi7eba", "gi7d29",
        "\u00e2\u0080\u008c", "\u00e2\u0081\u00af", "\u00ef\u00bb\u00bf", "\u00c3\u00a4", "\u00ff", "\u00e2\u0080", "g", "i", "t", "M", "a-name-longer-than-a-vector",
    ];

    private static readonly string[] TextPieces =
    [
        "<", ">", " ", "\n", "\n\n", "\0", "0", "00", "-", "+", "+0000", "x", "9223372036854775808", "-9223372036854775809", "\t", "\v", "author ", "committer ", "tagger ", "parent ",
        "tree ", "object ", "type ", "tag ", "commit", "blob", "..", "@{", ".lock", "~", "\u00ff",
    ];

    private readonly Random random = new(seed);

    public (ObjectType Type, byte[] Content) Next() => random.Next(3) switch
    {
        0 => (ObjectType.Tree, Bytes(Tree())),
        1 => (ObjectType.Commit, Bytes(Text(Commit()))),
        _ => (ObjectType.Tag, Bytes(Text(Tag()))),
    };

    private T Pick<T>(T[] list) => list[random.Next(list.Length)];

    private string Hex() => Convert.ToHexStringLower(Raw());

    private byte[] Raw()
    {
        byte[] id = new byte[format.RawLength()];
        random.NextBytes(id);
        return id;
    }

    private string Ident(string key) => $"{key} {Pick(["A U Thor", "\u00c3\u00a4", "x"])} <a@example.org> {random.Next(1, 2000000000)} +0{random.Next(100, 999)}";

    private List<string> Commit()
    {
        List<string> lines = ["tree " + Hex()];
        for (int parents = random.Next(3); parents > 0; parents--)
        {
            lines.Add("parent " + Hex());
        }

        return [.. lines, Ident("author"), Ident("committer"), "", random.Next(10) == 0 ? "mess\0age" : "message"];
    }

    private List<string> Tag() =>
        ["object " + Hex(), "type " + Pick(["commit", "tree", "blob", "tag"]), "tag " + Pick(["v1", "a/b"]), Ident("tagger"), .. Pick<string[]>([["", "message"], ["extra x", ""], []])];

    private byte[] Text(List<string> lines)
    {
        for (int count = random.Next(2); count > 0 && lines.Count > 1; count--)
        {
            int at = random.Next(lines.Count - 1);
            switch (random.Next(4))
            {
                case 0:
                    lines.RemoveAt(at);
                    break;
                case 1:
                    lines.Insert(at, lines[at]);
                    break;
                case 2:
                    (lines[at], lines[at + 1]) = (lines[at + 1], lines[at]);
                    break;
                default:
                    lines[at] = Spoil(lines[at]);
                    break;
            }
        }

        if (random.Next(3) > 0)
        {
            // The people's lines have most rules.
            int at = lines.FindLastIndex(line => line.Contains('<', StringComparison.Ordinal) && random.Next(2) == 0);
            if (at >= 0)
            {
                lines[at] = Spoil(lines[at]);
            }
        }

        return FsckCases.Latin1(string.Join('\n', lines) + (random.Next(12) == 0 ? "" : "\n"));
    }

    private string Spoil(string line)
    {
        int at = random.Next(line.Length + 1);
        int length = random.Next(Math.Min(4, line.Length - at + 1));
        return line[..at] + (random.Next(3) == 0 ? "" : Pick(TextPieces)) + line[(at + length)..];
    }

    private byte[] Tree()
    {
        SortedSet<string> names = new(StringComparer.Ordinal);
        for (int count = random.Next(1, 7); count > 0; count--)
        {
            names.Add(Name(plain: random.Next(4) > 0));
        }

        List<(string Mode, string Name)> entries = [.. names.Select(name => (Pick(Modes[..5]), name))];
        for (int count = random.Next(3); count > 0; count--)
        {
            int at = random.Next(entries.Count);
            int other = random.Next(entries.Count);
            switch (random.Next(4))
            {
                case 0:
                    (entries[at], entries[other]) = (entries[other], entries[at]);
                    break;
                case 1:
                    entries.Insert(other, (Pick(Modes), entries[at].Name));
                    break;
                case 2:
                    entries[at] = (Pick(Modes), entries[at].Name);
                    break;
                default:
                    entries[at] = (entries[at].Mode, entries[at].Name.Insert(random.Next(entries[at].Name.Length + 1), Pick(NamePieces)));
                    break;
            }
        }

        return [.. entries.SelectMany(e => (byte[])[.. FsckCases.Latin1($"{e.Mode} {e.Name}\0"), .. random.Next(40) == 0 ? new byte[format.RawLength()] : Raw()])];
    }

    private string Name(bool plain)
    {
        StringBuilder name = new();
        for (int count = random.Next(1, plain ? 4 : 3); count > 0; count--)
        {
            name.Append(plain ? Pick(["a", "b", "foo", ".x", "-", "0"]) : Pick(NamePieces));
        }

        return name.ToString();
    }

    private byte[] Bytes(byte[] content)
    {
        if (content.Length == 0 || random.Next(6) > 0)
        {
            return content;
        }

        int at = random.Next(content.Length);
        switch (random.Next(4))
        {
            case 0:
                return content[..at];
            case 1:
                return [.. content[..at], .. content[(at + 1)..]];
            case 2:
                return [.. content[..at], (byte)random.Next(256), .. content[at..]];
            default:
                content[at] ^= (byte)(1 << random.Next(8));
                return content;
        }
    }
}
