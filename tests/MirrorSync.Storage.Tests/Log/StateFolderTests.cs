using MirrorSync.Git.Objects;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;

namespace MirrorSync.Storage.Tests.Log;

/// <summary>The states of repositories as of a checkpoint.</summary>
public sealed class StateFolderTests
{
    private static readonly RepositoryName Name = RepositoryName.Parse("linux/test.git");

    [Fact]
    public void Write_StateThatACheckpointNames_IsNotWrittenOver()
    {
        using TempFolder folder = new();
        StoredState state = new(Name, ObjectFormat.Sha1, new LogPosition(1, 7, default), null, new LogRecordBody { Owner = "one" });
        new StateFolder(folder.Path).Write(state);
        StoredState other = state with { Fields = new LogRecordBody { Owner = "two" } };

        StateFolder again = new(folder.Path);
        again.Keep(Name, 7);
        again.Write(other);
        Assert.Equal("one", new StateFolder(folder.Path).Read(Name, 7)!.Fields.Owner);

        // What no checkpoint names may be torn, and what is not there is not kept.
        new StateFolder(folder.Path).Write(other);
        Assert.Equal("two", again.Read(Name, 7)!.Fields.Owner);
        again.Keep(Name, 8);
        Assert.False(again.Holds(Name, 8));
    }
}
