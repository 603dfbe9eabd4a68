using System.Text;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Notice;

namespace MirrorSync.Replication.Tests.Primary.Notice;

public sealed class NotifyFileTests
{
    private const string Old = "0123456789012345678901234567890123456789";
    private const string New = "abcdefabcdefabcdefabcdefabcdefabcdefabcd";
    private const string Header =
        "mirrorsync-notify 1\npre-receive\n71a4bc39-75c9-4c0b-8c54-bb4a8a4a5d0b\n4711 987654321 pid:[4026531836]\n/srv/git/a b.git\n";

    [Fact]
    public void Parse_WholeFile_GivesAllThatItSays()
    {
        NotifyFileResult result = Parse($"{Header}{Old} {New} refs/heads/a\n{Old} {New} refs/tags/b c\n{Old} {New} HEAD\n{Old} {New} refs/tags/d\n");

        NotifyFile file = Assert.IsType<NotifyFile>(result.File);
        Assert.Null(result.Problem);
        Assert.False(file.Ended);
        Assert.Equal(new PushId("71a4bc39-75c9-4c0b-8c54-bb4a8a4a5d0b", 4711, 987654321), file.Push);
        Assert.Equal("pid:[4026531836]", file.Namespace);
        Assert.Equal("/srv/git/a b.git", file.Folder);

        // Names that git will refuse are shown to pre-receive all the same.
        Assert.Equal(NoticeRig.Refs("refs/heads/a", "refs/tags/d"), file.Names);
    }

    [Fact]
    public void Parse_NamesOfAnyBytesAndLongIds_AreKept()
    {
        string id = new('7', 64);
        byte[] bytes = [.. Encoding.ASCII.GetBytes($"{Header}{id} {id} refs/heads/"), 0xff, 0x81, 0xfe, (byte)'\n'];

        NotifyFile file = Assert.IsType<NotifyFile>(NotifyFile.Parse(bytes).File);

        Assert.Equal([RefName.FromBytes([.. "refs/heads/"u8, 0xff, 0x81, 0xfe])], file.Names);
    }

    [Fact]
    public void Parse_PostReceiveWithoutNamespaceAndBoot_IsGood()
    {
        NotifyFile file = Assert.IsType<NotifyFile>(Parse($"mirrorsync-notify 1\npost-receive\n\n12 0\n/r\n{Old} {New} refs/heads/a\n").File);

        Assert.True(file.Ended);
        Assert.Equal(new PushId("", 12, 0), file.Push);
        Assert.Equal("", file.Namespace);
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("mirrorsync-notify 2\n", 0)]
    [InlineData("mirrorsync-notify 1\nupdate\n", 20)]
    [InlineData("mirrorsync-notify 1\npre-receive\nb\n-1 0\n/r\n", 34)]
    [InlineData("mirrorsync-notify 1\npre-receive\nb\n99999999999 0\n/r\n", 34)]
    [InlineData("mirrorsync-notify 1\npre-receive\nb\n1 99999999999999999999\n/r\n", 34)]
    [InlineData("mirrorsync-notify 1\npre-receive\nb\n1\n/r\n", 34)]
    [InlineData("mirrorsync-notify 1\npre-receive\nb\n1 0\nr\n", 38)]
    [InlineData("mirrorsync-notify 1\npre-receive\nb\n1 0\n/r\nnonsense\n", 41)]
    [InlineData("mirrorsync-notify 1\npre-receive\nb\n1 0\n/r\n" + Old + " " + New + " refs/heads/a", 41)]
    [InlineData("mirrorsync-notify 1\npre-receive\nb\n1 0\n/r\n" + Old + " " + New + " \n", 41)]
    [InlineData("mirrorsync-notify 1\npre-receive\nb\n1 0\n/r\n" + Old + "0 " + New + " refs/heads/a\n", 41)]
    public void Parse_Malformed_SaysWhere(string text, int offset)
    {
        NotifyFileResult result = Parse(text);

        Assert.Null(result.File);
        Assert.NotNull(result.Problem);
        Assert.Equal(offset, result.Offset);
        Assert.Equal(offset == 41 ? "/r" : null, result.Folder);
    }

    [Fact]
    public void Parse_TruncatedAnywhere_NeverGivesHalfAName()
    {
        byte[] whole = Encoding.ASCII.GetBytes($"{Header}{Old} {New} refs/heads/a\n{Old} {New} refs/heads/bcd\n");
        for (int length = 0; length < whole.Length; length++)
        {
            NotifyFileResult result = NotifyFile.Parse(whole.AsSpan(0, length));

            // A cut between two lines cannot be told from a shorter push: that is why hooks write by rename.
            bool betweenLines = length >= Header.Length && whole[length - 1] == '\n';
            Assert.Equal(betweenLines, result.File is not null);
        }
    }

    [Fact]
    public void Parse_AnyBitFlipped_NeverThrows()
    {
        byte[] whole = Encoding.ASCII.GetBytes($"{Header}{Old} {New} refs/heads/a\n");
        for (int bit = 0; bit < whole.Length * 8; bit++)
        {
            byte[] flipped = [.. whole];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));

            NotifyFileResult result = NotifyFile.Parse(flipped);

            Assert.True(result.File is not null || result.Problem is not null);
        }
    }

    private static NotifyFileResult Parse(string text) => NotifyFile.Parse(Encoding.ASCII.GetBytes(text));
}
