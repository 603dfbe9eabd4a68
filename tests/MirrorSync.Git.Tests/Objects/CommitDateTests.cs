using System.Text;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Tests.Objects;

/// <summary>The date that histories are walked by.</summary>
public sealed class CommitDateTests
{
    private const string Head = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nparent 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n";

    [Theory]
    [InlineData("author A <a> 1 +0000\ncommitter B <b> 1700000000 +0200\n\nx", 1_700_000_000)]
    [InlineData("author A <a> 1 +0000\ncommitter B <b> > 17 +0200\n\nx", 17)]
    [InlineData("author A <a> 1 +0000\ncommitter B <b>   12", 0)]
    [InlineData("author A <a> 1 +0000\ncommitter B <b> -5 +0000\n", 0)]
    [InlineData("author A <a> 1 +0000\ncommitter B <b> 99999999999999999999 +0000\n", 0)]
    [InlineData("author A <a> 1 +0000\ncommitter B <b> 18446744073709551615 +0000\n", long.MaxValue)]
    [InlineData("author A <a> 1 +0000\ncommitter B <b\n", 0)]
    [InlineData("author A <a> 1 +0000\nencoding x\ncommitter B <b> 5 +0000\n", 0)]
    [InlineData("committer B <b> 5 +0000\n", 0)]
    [InlineData("author A", 0)]
    [InlineData("", 0)]
    public void Parse_Commit_IsTheCommittersSeconds(string rest, long expected) =>
        Assert.Equal(expected, CommitDate.Parse(Encoding.ASCII.GetBytes(Head + rest)));
}
