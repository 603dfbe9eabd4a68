using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;

namespace MirrorSync.Git.Tests.Objects.Fsck;

public class FsckReportTests
{
    [Fact]
    public void Add_AnotherReport_AddsCountsAndKeepsTheFirstFindings()
    {
        FsckChecker left = new(ObjectFormat.Sha1, remembered: 3);
        FsckChecker right = new(ObjectFormat.Sha1);
        left.Check(ObjectType.Tree, "x"u8, 1);
        left.Check(ObjectType.Commit, "x"u8, 2);
        right.Check(ObjectType.Tree, "y"u8, 3);
        right.Check(ObjectType.Tree, "z"u8, 4);
        right.Check(ObjectType.Tree, [], 5);

        left.Report.Add(right.Report);

        Assert.Equal((3, 1, 0), (left.Report[FsckMessage.BadTree], left.Report[FsckMessage.UnterminatedHeader], left.Report[FsckMessage.HasDot]));
        Assert.Equal(4, left.Report.Refused);
        Assert.Equal([1, 2, 3], left.Report.First.Select(static f => f.Tag));
        Assert.Equal("error in tree 1: badTree: cannot be parsed as a tree", left.Report.First[0].ToString());
        Assert.StartsWith("unterminatedHeader: 1\nbadTree: 3\n", left.Report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Check_NameOfAStranger_IsPrintableAndShort()
    {
        FsckChecker checker = new(ObjectFormat.Sha1);
        byte[] blob = [.. "[submodule \"a\"]\nurl = -\\n\u001b["u8, .. Enumerable.Repeat((byte)'x', 1000), (byte)'\n'];

        Assert.False(checker.CheckDotfile(DotfileRoles.Gitmodules, blob, 1));
        Assert.Equal("disallowed submodule url: -??[" + new string('x', 96), checker.Report.First[0].Detail);
    }

    [Fact]
    public void Check_FindingsBeyondThoseRemembered_AllocateNothing()
    {
        FsckChecker checker = new(ObjectFormat.Sha1, remembered: 0);
        byte[] tree = [.. "0100600 .git\0"u8, .. new byte[20], .. "120000 .GITMODULES\0"u8, .. new byte[20]];
        byte[] commit = [.. "tree aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nauthor A <a> x\n"u8];
        Check();

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Check();
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal((101, 101), (checker.Report[FsckMessage.HasDotgit], checker.Report[FsckMessage.BadDate]));

        void Check()
        {
            checker.Check(ObjectType.Tree, tree, 1);
            checker.Check(ObjectType.Commit, commit, 1);
        }
    }
}
