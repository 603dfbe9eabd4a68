using System.Text;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Tests.Objects.Fsck;

/// <summary>An object and what git says of it under <c>--strict</c>; empty when it says nothing.</summary>
internal sealed record FsckCase(string Name, ObjectType Type, byte[] Content, string Expected);

/// <summary>Malformed objects of every kind that git can report, one or more for each message and each early end.</summary>
internal static class FsckCases
{
    private const string Ident = "A U Thor <author@example.org> 1700000000 +0000";

    public static List<FsckCase> All(FsckOracle oracle) => [.. Trees(oracle), .. Commits(oracle), .. Tags(oracle)];

    /// <summary>A tree of entries "mode name", each with the id of an existing object of its type.</summary>
    public static byte[] Tree(FsckOracle oracle, params string[] entries)
    {
        List<byte> tree = [];
        foreach (string entry in entries)
        {
            string id = entry.Split(' ')[0] switch { "40000" or "040000" => oracle.Tree, "160000" => oracle.Commit, _ => oracle.Blob };
            tree.AddRange([.. Latin1(entry), 0, .. Convert.FromHexString(id)]);
        }

        return [.. tree];
    }

    public static byte[] Latin1(string text) => Encoding.Latin1.GetBytes(text);

    private static IEnumerable<FsckCase> Trees(FsckOracle oracle)
    {
        byte[] ok = Tree(oracle, "100644 a", "100755 b", "120000 c", "40000 d", "160000 e");
        byte[] nothing = new byte[oracle.Format.RawLength()];
        yield return new("fine", ObjectType.Tree, ok, "");
        yield return new("empty tree", ObjectType.Tree, [], "");
        yield return new("cut short", ObjectType.Tree, ok[..^1], "error badTree");
        yield return new("too short", ObjectType.Tree, [.. "100644 a"u8], "error badTree");
        yield return new("no octal mode", ObjectType.Tree, Tree(oracle, "10064x a"), "error badTree");
        yield return new("no mode", ObjectType.Tree, Tree(oracle, " a"), "error badTree");
        yield return new("empty name", ObjectType.Tree, Tree(oracle, "100644 ", "100644 b"), "error badTree");
        yield return new("bad second hides bad mode of first", ObjectType.Tree, Tree(oracle, "100600 b/.git", "x a"), "error badTree; error fullPathname");
        yield return new("bad third", ObjectType.Tree, Tree(oracle, "100600 b", "100644 a", "100644 "), "error badTree; warning badFilemode");
        yield return new("null id", ObjectType.Tree, [.. "100644 a\0"u8, .. nothing], "error nullSha1");
        yield return new("nearly null id", ObjectType.Tree, [.. "160000 a\0"u8, .. nothing[1..], 1], "");
        yield return new("slash", ObjectType.Tree, Tree(oracle, "100644 a/b"), "error fullPathname");
        yield return new("slash far behind", ObjectType.Tree, Tree(oracle, "100644 a-name-of-twenty-bytes/b"), "error fullPathname");
        yield return new("dot", ObjectType.Tree, Tree(oracle, "100644 ."), "error hasDot");
        yield return new("dotdot", ObjectType.Tree, Tree(oracle, "100644 .."), "error hasDotdot");
        yield return new("three dots", ObjectType.Tree, Tree(oracle, "100644 ..."), "");
        yield return new("zero padded", ObjectType.Tree, Tree(oracle, "0100644 a"), "error zeroPaddedFilemode");
        yield return new("zero padded folder", ObjectType.Tree, Tree(oracle, "040000 a"), "error zeroPaddedFilemode");
        yield return new("group writable", ObjectType.Tree, Tree(oracle, "100664 a"), "warning badFilemode");
        yield return new("odd mode", ObjectType.Tree, Tree(oracle, "100600 a"), "warning badFilemode");
        yield return new("odd type", ObjectType.Tree, Tree(oracle, "644 a"), "warning badFilemode");
        yield return new("mode beyond 16 bits", ObjectType.Tree, Tree(oracle, "1100644 a"), "");
        yield return new("mode beyond 32 bits", ObjectType.Tree, Tree(oracle, "40000000000100644 a"), "");
        foreach (FsckCase next in TreeOrders(oracle).Concat(TreeNames(oracle)))
        {
            yield return next;
        }
    }

    private static IEnumerable<FsckCase> TreeOrders(FsckOracle oracle)
    {
        yield return Case("100644 a|100644 b", "");
        yield return Case("100644 b|100644 a", "error treeNotSorted");
        yield return Case("100644 b|100644 a|100644 0|100644 a", "error treeNotSorted");
        yield return Case("100644 a|100644 a", "error duplicateEntries");
        yield return Case("100644 a|40000 a", "error duplicateEntries");
        yield return Case("40000 a|100644 a", "error duplicateEntries");
        yield return Case("100644 a.c|40000 a", "");
        yield return Case("40000 a|100644 a.c", "error treeNotSorted");
        yield return Case("40000 a|100644 a0", "");
        yield return Case("100644 a|100644 a.c|40000 a", "error duplicateEntries");
        yield return Case("100644 foo|100644 foo.bar|100644 foo.bar.baz|40000 foo.bar|40000 foo", "error duplicateEntries");
        yield return Case("100644 foo|100644 foo.bar|100644 foo.bar.baz|40000 foo", "error duplicateEntries");
        yield return Case("100644 foo|100644 foo.bar|100644 foo.bar.baz|40000 foo.bar", "error duplicateEntries");
        yield return Case("100644 foo|100644 foo.bar|100644 foo.bar.baz|40000 foo.baz", "");
        yield return Case("40000 a|40000 a/b", "error fullPathname; error treeNotSorted");
        yield return Case("100644 a|100644 a/b", "error fullPathname");
        yield return Case("100644 a-name-of-seventeen-a|100644 a-name-of-seventeen-b", "");
        yield return Case("100644 a-name-of-seventeen-b|100644 a-name-of-seventeen-a", "error treeNotSorted");
        yield return Case("100644 sixteen-bytes-aa|40000 sixteen-bytes-aa", "error duplicateEntries");
        yield return Case("100644 a|100644 \u0080|100644 \u00ff", "");
        yield return Case("100644 a|100644 a-|100644 a--|100644 a---|40000 a--|40000 a-|40000 a", "error duplicateEntries");

        FsckCase Case(string entries, string expected) => new(entries, ObjectType.Tree, Tree(oracle, entries.Split('|')), expected);
    }

    private static IEnumerable<FsckCase> TreeNames(FsckOracle oracle)
    {
        const string Joiner = "\u00e2\u0080\u008d"; // U+200D in UTF-8, each byte a character.
        string[] dotgit =
        [
            ".git", ".GIT", ".Git", "git~1", "GIT~1", ".git ", ".git...", ".git . ", ".git::$INDEX_ALLOCATION", ".git:", "git~1.:x",
            ".gi" + Joiner + "t", Joiner + ".git", ".git" + Joiner, "\u00ef\u00bb\u00bf.git", ".git\u00ff", ".git\\x", "a\\.git", "a\\b\\GIT~1", "a\\.git\\x",
        ];
        string[] fine =
        [
            "git", ".gitx", "git~2", "git~11", ".git~1", ".gi", ".", "..\u00ff", ".gi\u00fft", "a.git", ".git -", "a\\.gitx", "a\\.gi" + Joiner + "t",
            ".gi\u00e2\u0080\u0090t", "\u00ef\u00bf\u00be.git", "a\\", "\\", "g", "~", "~1", "G~", "M~1", "m", ".\\",
        ];
        foreach (string name in dotgit)
        {
            yield return new($"dotgit {name}", ObjectType.Tree, Tree(oracle, $"40000 {name}"), "error hasDotgit");
        }

        foreach (string name in fine)
        {
            yield return new($"fine {name}", ObjectType.Tree, Tree(oracle, $"40000 {name}"), name == "." ? "error hasDot" : "");
        }

        foreach ((string name, string expected) in Symlinks())
        {
            yield return new($"symlink {name}", ObjectType.Tree, Tree(oracle, $"120000 {name}"), expected);
        }

        // Short names of few letters stand for several.
        yield return new("symlink gi~12345", ObjectType.Tree, Tree(oracle, "120000 gi~12345"),
            "error gitmodulesSymlink; warning gitattributesSymlink; warning gitignoreSymlink");
        yield return new("symlink M~123456", ObjectType.Tree, Tree(oracle, "120000 M~123456"), "warning mailmapSymlink");
        yield return new("symlink ~1234567", ObjectType.Tree, Tree(oracle, "120000 ~1234567"),
            "error gitmodulesSymlink; warning gitattributesSymlink; warning gitignoreSymlink; warning mailmapSymlink");
        yield return new("two symlinks", ObjectType.Tree, Tree(oracle, "120000 GITMOD~1", "120000 .gitmodules"),
            "error gitmodulesSymlink; error gitmodulesSymlink; error treeNotSorted");
        yield return new("both ways", ObjectType.Tree, Tree(oracle, "120000 .gitmodules\\.gitmodules"), "error gitmodulesSymlink");
    }

    private static IEnumerable<(string Name, string Expected)> Symlinks()
    {
        (string Name, string Hash, string Message)[] kinds =
        [
            ("gitmodules", "gi7eba", "error gitmodulesSymlink"), ("gitattributes", "gi7d29", "warning gitattributesSymlink"),
            ("gitignore", "gi250a", "warning gitignoreSymlink"), ("mailmap", "maba30", "warning mailmapSymlink"),
        ];
        foreach ((string name, string hash, string message) in kinds)
        {
            string shortName = name[..6];
            string[] taken =
            [
                $".{name}", $".{name.ToUpperInvariant()}", $".{name} .", $".{name}:x", $".{name[..4]}\u00e2\u0080\u008d{name[4..]}", $"{shortName}~1", $"{shortName}~4 .",
                $"{hash}~1", $"{hash.ToUpperInvariant()}~9", $"{hash[..5]}~10", $"{hash[..4]}~123", $"{hash}~1.:s",
            ];
            string[] notTaken = [name, $".{name}x", $".{name}\\", $"{shortName}~5", $"{hash}~0", $"{hash[..5]}~1", $"{hash}~1x", $"{hash}1~1", $"{hash[..3]}~0123"];
            foreach (string bad in taken)
            {
                yield return (bad, message);
            }

            foreach (string good in notTaken)
            {
                yield return (good, "");
            }

            yield return ($"a\\.{name}", name == "gitmodules" ? message : "");
        }
    }

    private static IEnumerable<FsckCase> Commits(FsckOracle oracle)
    {
        string tree = $"tree {oracle.Tree}\n";
        string parent = $"parent {oracle.Commit}\n";
        string people = $"author {Ident}\ncommitter {Ident}\n";
        yield return Case(tree + parent + people + "\nmessage\n", "");
        yield return Case(tree + people, "");
        yield return Case(tree + people + "encoding x\nmergetag object\n continued\n\n", "");
        yield return Case(tree.ToUpperInvariant().Replace("TREE", "tree", StringComparison.Ordinal) + people + "\n", "");
        yield return Case("", "unreadable");
        yield return Case(people, "unreadable");
        yield return Case(tree[..^2] + "\n" + people, "unreadable");
        yield return Case(tree + "parent x" + parent[8..] + people, "unreadable");
        yield return Case(tree, "unreadable");
        yield return Case(tree + "\n", "error missingAuthor");
        yield return Case(tree + parent, "unreadable");
        yield return Case(tree + parent + "\n", "error missingAuthor");
        yield return Case(tree + parent[..^1], "error unterminatedHeader");
        yield return Case(tree + "parent abc\n", "error badParentSha1");
        yield return Case(tree + "parent abc\n\n", "error badParentSha1");
        yield return Case(tree + people[..^1], "error unterminatedHeader");
        yield return Case(tree + people + "\0\n\n", "error nulInHeader");
        yield return Case(tree + $"author {Ident}\0\n\nx", "error nulInHeader");
        yield return Case(tree + people + "\nmess\0age", "error nulInCommit");
        yield return Case(tree + people[people.IndexOf("committer", StringComparison.Ordinal)..] + "\n", "error missingAuthor");
        yield return Case(tree + "\n", "error missingAuthor");
        yield return Case(tree + $"author {Ident}\n" + people + "\n", "error multipleAuthors");
        yield return Case(tree + $"author {Ident}\nauthor A <a\n\n", "error badEmail");
        yield return Case(tree + $"author {Ident}\n\n", "error missingCommitter");
        yield return Case(tree + $"author {Ident}\n" + parent + "\nnul \0", "error missingCommitter");
        foreach ((string ident, string expected) in Idents())
        {
            yield return Case(tree + $"author {ident}\ncommitter {Ident}\n\n", expected);
            yield return Case(tree + $"author {Ident}\ncommitter {ident}\n\nnul \0 too", expected.Length == 0 ? "error nulInCommit" : expected);
        }

        // The digits may stand on the next line.
        yield return Case(tree + "author A <a> \n1 +0000\ncommitter " + Ident + "\n\n", "error missingCommitter");
        yield return Case(tree + "author A <a> 1 +0000\ncommitter A <a> \n\n \v\f\r\t12 +0000\n", "");

        static FsckCase Case(string text, string expected) => new(text, ObjectType.Commit, Latin1(text), expected);
    }

    private static IEnumerable<(string Ident, string Expected)> Idents()
    {
        yield return ("A <> 0 -1159", "");
        yield return (" <a> 1 +9999", "");
        yield return ("A <a>  1 +0000", "");
        yield return ("A <a> +1 +0000", "");
        yield return ("A <a> -0 +0000", "");
        yield return ("<a> 1 +0000", "error missingNameBeforeEmail");
        yield return ("", "error missingEmail");
        yield return ("A", "error missingEmail");
        yield return ("A> <a> 1 +0000", "error badName");
        yield return ("A<a> 1 +0000", "error missingSpaceBeforeEmail");
        yield return ("A <a 1 +0000", "error badEmail");
        yield return ("A <a<b> 1 +0000", "error badEmail");
        yield return ("A <a>1 +0000", "error missingSpaceBeforeDate");
        yield return ("A <a>", "error missingSpaceBeforeDate");
        yield return ("A <a> 01 +0000", "error zeroPaddedDate");
        yield return ("A <a> 0", "error zeroPaddedDate");
        yield return ("A <a> x +0000", "error badDate");
        yield return ("A <a> - +0000", "error badDate");
        yield return ("A <a> 1x +0000", "error badDate");
        yield return ("A <a> 1", "error badDate");
        yield return ("A <a> 9223372036854775807 +0000", "");
        yield return ("A <a> 9223372036854775808 +0000", "error badDateOverflow");
        yield return ("A <a> 18446744073709551616 +0000", "error badDateOverflow");
        yield return ("A <a> 99999999999999999999x +0000", "error badDateOverflow");
        yield return ("A <a> -1 +0000", "error badDateOverflow");
        yield return ("A <a> -9223372036854775808 +0000", "error badDateOverflow");
        yield return ("A <a> -9223372036854775809 +0000", "");
        yield return ("A <a> -18446744073709551615 +0000", "");
        yield return ("A <a> -18446744073709551616 +0000", "error badDateOverflow");
        yield return ("A <a> 1 ", "error badTimezone");
        yield return ("A <a> 1 0000", "error badTimezone");
        yield return ("A <a> 1 +000", "error badTimezone");
        yield return ("A <a> 1 +00000", "error badTimezone");
        yield return ("A <a> 1 +00x0", "error badTimezone");
        yield return ("A <a> 1  +0000", "error badTimezone");
    }

    private static IEnumerable<FsckCase> Tags(FsckOracle oracle)
    {
        string top = $"object {oracle.Commit}\ntype commit\n";
        string tagger = $"tagger {Ident}\n";
        yield return Case(top + "tag v1\n" + tagger + "\nmessage\n", "");
        yield return Case(top + "tag v1\n" + tagger, "");
        yield return Case(top + "tag v1\n\nearly", "warning missingTaggerEntry");
        yield return Case(top + "tag v1\n", "warning missingTaggerEntry");
        yield return Case(top + "tag v1\nextra x\n\n", "warning missingTaggerEntry");
        yield return Case(top + "tag v1\n" + tagger + "extra x\n\n", "");
        yield return Case(top + "tag v1\n" + tagger[..^1], "error unterminatedHeader");
        yield return Case(top + "tag v\0001\n" + tagger, "error nulInHeader");
        yield return Case(top.Replace("commit\n", "commit\0\n", StringComparison.Ordinal) + "tag v1\n" + tagger, "error nulInHeader");
        yield return Case(top + "tag \n" + tagger + "\n", "warning badTagName");
        yield return Case(top + "tag a..b\n\n", "warning badTagName; warning missingTaggerEntry");
        yield return Case(top + "tag " + new string('a', 5000) + "\n" + tagger, "");
        yield return Case("type commit\n" + top + "tag v1\n" + tagger, "unreadable");
        yield return Case(top.Replace("commit\n", "comit\n", StringComparison.Ordinal) + "tag v1\n" + tagger, "unreadable");
        yield return Case(top + "name v1\n" + tagger, "unreadable");
        yield return Case(top + "tag v1", "unreadable");
        yield return Case($"object {oracle.Blob}\ntype blob\ntag \n", "unreadable");
        yield return Case($"object {oracle.Blob}\ntype blob\ntag v\n", "warning missingTaggerEntry");

        foreach ((string ident, string expected) in Idents())
        {
            yield return Case(top + $"tag v1\ntagger {ident}\n\n", expected);

            // Reported, but no longer refused.
            yield return Case(top + $"tag v1\ntagger {ident}\nextra x\n\n", expected);
        }

        static FsckCase Case(string text, string expected) => new(text, ObjectType.Tag, Latin1(text), expected);
    }
}
