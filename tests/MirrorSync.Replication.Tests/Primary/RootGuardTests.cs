using MirrorSync.Replication.Primary;
using MirrorSync.Testing;

namespace MirrorSync.Replication.Tests.Primary;

public sealed class RootGuardTests : IDisposable
{
    private readonly TempFolder folder = new();

    public RootGuardTests() => Directory.CreateDirectory(Root);

    private string Root => folder["root"];

    private string IdentityFile => folder["identity"];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Open_FirstStart_MarksTheRootAndKnowsItAgain()
    {
        Assert.Null(new RootGuard(Root, IdentityFile).Open());
        RootGuard next = new(Root, IdentityFile);
        Assert.Null(next.Open());
        Assert.Null(next.Check());
    }

    [Fact]
    public void Check_RootMovedAwayAndBack_IsAProblemMeanwhile()
    {
        RootGuard guard = new(Root, IdentityFile);
        guard.Open();
        Directory.Move(Root, Root + ".away");
        Assert.NotNull(guard.Check());
        Directory.CreateDirectory(Root);
        Assert.NotNull(guard.Check());
        Assert.NotNull(new RootGuard(Root, IdentityFile).Open());
        Directory.Delete(Root);
        Directory.Move(Root + ".away", Root);
        Assert.Null(guard.Check());
    }

    [Fact]
    public void Check_AnotherRootInItsPlace_IsAProblem()
    {
        RootGuard guard = new(Root, IdentityFile);
        guard.Open();
        Directory.Move(Root, Root + ".away");
        Directory.CreateDirectory(Root);
        new RootGuard(Root, folder["another"]).Open();
        Assert.Contains("another", guard.Check(), StringComparison.Ordinal);
    }

    [Fact]
    public void Open_IdentityCannotBeKept_IsAProblemAndNoCrash()
    {
        RootGuard guard = new(Root, folder["no/such/folder/identity"]);
        Assert.NotNull(guard.Open());
        Assert.NotNull(guard.Check());
        Directory.CreateDirectory(folder["no/such/folder"]);
        Assert.Null(guard.Check());
    }
}
