using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;

namespace MirrorSync.Git.Tests.Objects.Fsck;

public class FsckRandomTests
{
    private const int Count = 1200;

    [Theory]
    [InlineData(ObjectFormat.Sha1, 1)]
    [InlineData(ObjectFormat.Sha1, 2)]
    [InlineData(ObjectFormat.Sha256, 3)]
    public async Task Check_RandomObjects_SaysWhatGitFsckSays(ObjectFormat format, int seed)
    {
        using FsckOracle oracle = await FsckOracle.CreateAsync(format);
        FsckMutator mutator = new(seed, format);
        HashSet<string> known = [];
        while (oracle.Objects.Count < Count)
        {
            (ObjectType type, byte[] content) = mutator.Next();
            if (known.Add($"{type} {Convert.ToHexString(content)}"))
            {
                oracle.Add(type, content);
            }
        }

        (List<string>[] theirs, _) = await oracle.FsckAsync(strict: true);

        FsckChecker checker = new(format, remembered: int.MaxValue);
        List<string> differences = [];
        HashSet<string> seen = [];
        for (int i = 0; i < Count; i++)
        {
            string ours = string.Join("; ", oracle.Ours(checker, i).Words);
            string git = string.Join("; ", theirs[i]);
            seen.UnionWith(theirs[i]);
            if (ours != git)
            {
                differences.Add($"{oracle.Objects[i].Type} {Encoding.Latin1.GetString(oracle.Objects[i].Content)}: git '{git}', ours '{ours}'");
            }
        }

        Assert.True(differences.Count == 0, $"seed {seed}: {differences.Count} differ\n{string.Join("\n", differences.Take(10))}");

        // A test of the test: nearly every message that git can reach comes up.
        Assert.True(seen.Count >= 30, string.Join("; ", seen));
    }

    [Fact]
    public async Task Check_TagsThatCannotBeRead_SaysWhatMktagSays()
    {
        // fsck gives up before it looks at these; mktag does not.
        using FsckOracle oracle = await FsckOracle.CreateAsync(ObjectFormat.Sha1);
        string top = $"object {oracle.Commit}\n";
        (string Text, FsckMessage Expected)[] cases =
        [
            ("type commit\n", FsckMessage.MissingObject), ($"object x{oracle.Commit[1..]}\n", FsckMessage.BadObjectSha1), ($"object {oracle.Commit}x\n", FsckMessage.BadObjectSha1),
            ("object \n", FsckMessage.BadObjectSha1), (top, FsckMessage.MissingTypeEntry), (top + "type \n", FsckMessage.BadType), (top + "type commits\n", FsckMessage.BadType),
            (top + "type com\n", FsckMessage.BadType), (top + "type commit\n", FsckMessage.MissingTagEntry), (top + "type commit\n\ntag x", FsckMessage.MissingTagEntry),
            ("", FsckMessage.UnterminatedHeader), (top + "type commit", FsckMessage.UnterminatedHeader), ("\0", FsckMessage.NulInHeader),
        ];
        for (int i = 0; i < cases.Length; i++)
        {
            byte[] tag = Encoding.ASCII.GetBytes(cases[i].Text);
            FsckChecker checker = new(ObjectFormat.Sha1);

            Assert.False(checker.Check(ObjectType.Tag, tag, i));
            Assert.Equal(cases[i].Expected, checker.Report.First.Single().Message);
            Assert.Equal(cases[i].Expected.GitName(), await oracle.MktagAsync(tag));
        }
    }

    [Fact]
    public void Check_CommitsThatCannotBeRead_NamesWhatGitWould()
    {
        // No command of git 2.39 gets so far with these; the rules are those of its fsck.c.
        string tree = $"tree {new string('a', 40)}\n";
        (string Text, FsckMessage Expected)[] cases =
        [
            ("author A <a> 1 +0000\n", FsckMessage.MissingTree), ("tree abc\n", FsckMessage.BadTreeSha1), (tree[..^1] + "x\n", FsckMessage.BadTreeSha1),
            (tree + $"parent {new string('g', 40)}\nauthor A\n", FsckMessage.BadParentSha1), ("", FsckMessage.UnterminatedHeader),
        ];
        for (int i = 0; i < cases.Length; i++)
        {
            FsckChecker checker = new(ObjectFormat.Sha1);
            Assert.False(checker.Check(ObjectType.Commit, Encoding.ASCII.GetBytes(cases[i].Text), i));
            Assert.Equal(cases[i].Expected, checker.Report.First.Single().Message);
        }
    }
}
