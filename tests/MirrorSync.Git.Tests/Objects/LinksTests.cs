using System.Text;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Tests.Objects;

/// <summary>That these agree with git about what can be read is tested with fsck, in <c>FsckRandomTests</c>.</summary>
public class LinksTests
{
    [Theory]
    [InlineData(ObjectFormat.Sha1, 0)]
    [InlineData(ObjectFormat.Sha1, 1)]
    [InlineData(ObjectFormat.Sha256, 2)]
    [InlineData(ObjectFormat.Sha256, 9)]
    public void TryParse_Commit_GivesTreeAndParentsInOrder(ObjectFormat format, int parents)
    {
        string commit = $"tree {Hex(format, 'a')}\n";
        for (int i = 0; i < parents; i++)
        {
            commit += $"parent {Hex(format, (char)('1' + i))}\n";
        }

        commit += $"author A <a> 1 +0000\ncommitter C <c> 1 +0000\n\nparent {Hex(format, 'f')}\n";
        Assert.True(CommitLinks.TryParse(Encoding.ASCII.GetBytes(commit), format, out CommitLinks links, out int malformedAt));

        string found = "";
        foreach (ObjectId parent in links)
        {
            found += parent.ToHex(format)[0];
        }

        Assert.Equal(-1, malformedAt);
        Assert.Equal(Hex(format, 'a'), links.Tree.ToHex(format));
        Assert.Equal(parents, links.ParentCount);
        Assert.Equal("123456789"[..parents], found);
    }

    [Fact]
    public void TryParse_CommitCutAtEveryByte_NeverReadsPastTheEnd()
    {
        byte[] commit = Encoding.ASCII.GetBytes(
            $"tree {Hex(ObjectFormat.Sha1, 'a')}\nparent {Hex(ObjectFormat.Sha1, 'b')}\nparent {Hex(ObjectFormat.Sha1, 'c')}\nx");
        for (int length = 0; length <= commit.Length; length++)
        {
            bool read = CommitLinks.TryParse(commit.AsSpan(0, length), ObjectFormat.Sha1, out CommitLinks links, out int malformedAt);

            // git wants a byte after each line; a parent that cannot hold an id is not one, one without its last byte is bad.
            (bool Read, int Parents, int At) expected = length switch
            {
                <= 46 => (false, 0, 0),
                < 46 + 48 => (true, 0, -1),
                46 + 48 => (false, 0, 46),
                < 46 + 96 => (true, 1, -1),
                46 + 96 => (false, 0, 46 + 48),
                _ => (true, 2, -1),
            };
            Assert.Equal(expected, (read, links.ParentCount, malformedAt));
        }
    }

    [Theory]
    [InlineData("commit", ObjectType.Commit)]
    [InlineData("tree", ObjectType.Tree)]
    [InlineData("blob", ObjectType.Blob)]
    [InlineData("tag", ObjectType.Tag)]
    [InlineData("tag\0and more", ObjectType.Tag)]
    public void TryParse_Tag_GivesTargetAndType(string type, ObjectType expected)
    {
        byte[] tag = Encoding.ASCII.GetBytes($"object {Hex(ObjectFormat.Sha256, 'a')}\ntype {type}\ntag v1\n");

        Assert.True(TagLinks.TryParse(tag, ObjectFormat.Sha256, out TagLinks links, out int malformedAt));

        Assert.Equal(-1, malformedAt);
        Assert.Equal((Hex(ObjectFormat.Sha256, 'a'), expected), (links.Target.ToHex(ObjectFormat.Sha256), links.TargetType));
    }

    [Theory]
    [InlineData("type blobs\ntag v1\n", 48)]
    [InlineData("type aaaaaaaaaaaaaaaaaaaa\ntag v1\n", 48)]
    [InlineData("kind blob\ntag v1\n", 48)]
    [InlineData("type blob", 48)]
    [InlineData("type blob\n", 58)]
    [InlineData("type blob\ntag v1", 58)]
    [InlineData("type blob\nname v1\n", 58)]
    public void TryParse_MalformedTag_SaysWhere(string rest, int at)
    {
        byte[] tag = Encoding.ASCII.GetBytes($"object {Hex(ObjectFormat.Sha1, 'a')}\n{rest}");

        Assert.False(TagLinks.TryParse(tag, ObjectFormat.Sha1, out _, out int malformedAt));
        Assert.Equal(tag.Length < 64 ? 0 : at, malformedAt);
    }

    private static string Hex(ObjectFormat format, char digit) => new(digit, format.HexLength());
}
