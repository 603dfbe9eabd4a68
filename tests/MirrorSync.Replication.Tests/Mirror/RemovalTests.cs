using MirrorSync.Replication.Mirror.Removal;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>What a mirror does with removals and renamings, also when it ends in between.</summary>
public sealed class RemovalTests
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task Follow_Removed_GoesToTheTrashWholeAndComesBackAsNew()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        (BareRepository a, _) = (await primary.RepositoryAsync("group/a.git"), await primary.RepositoryAsync("b.git"));
        await using MirrorRig mirror = await FollowingAsync(primary);
        string refs = await mirror["group/a.git"].RefsTextAsync();
        Directory.Delete(a.Path, recursive: true);
        await mirror.GoneAsync("group/a.git");
        Assert.False(Directory.Exists(Path.Combine(mirror.Root, "group")));

        TrashEntry entry = Assert.Single(mirror.Node.Trash.Entries);
        LogRecord record = await primary.RecordAsync(LogRecordKind.Removed, "group/a.git");
        Assert.Equal(("group/a.git", record.Sequence, record.NoticedAtMicroseconds), (entry.Name, entry.Sequence, entry.NoticedAt));
        Assert.True(entry.Bytes > 0);
        BareRepository kept = new(mirror.Node.Trash.PathOf(entry));
        Assert.Equal(refs, await kept.RefsTextAsync());
        Assert.Null(await kept.FsckAsync());
        await SettledAsync(mirror);
        Assert.Equal(1, mirror.Node.GetStatus().Trashed);
        Assert.Single(mirror.Node.GetStatus().Repositories);

        BareRepository again = await primary.RepositoryAsync("group/a.git");
        await mirror.ConvergedAsync(again, "group/a.git");
        await FollowTests.AssertSettledAsync(primary, mirror);
        await mirror.StopAsync();
        await mirror.RecoverAsync();
        Assert.Equal(RepositoryCondition.Live, mirror.State("group/a.git").Condition);
        Assert.Equal([entry], mirror.Node.Trash.Entries);
    }

    [Fact]
    public async Task Follow_TooManyRemovedTogether_AreKeptAndServedUntilAcceptedHereToo()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository[] all = [await primary.RepositoryAsync("a.git"), await primary.RepositoryAsync("b.git"), await primary.RepositoryAsync("c.git")];
        await using MirrorRig mirror = await FollowingAsync(primary);
        await mirror.StopAsync();
        Directory.Move(all[0].Path, primary.Root + ".a");
        Directory.Move(all[1].Path, primary.Root + ".b");
        await Tests.Primary.RemovalTests.HeldAsync(primary, "a.git", "2 of 3");
        primary.Node.Accept(null);
        await primary.RecordAsync(LogRecordKind.Removed, "a.git");
        await primary.RecordAsync(LogRecordKind.Removed, "b.git");

        await mirror.StartAsync();
        await mirror.HeldAsync("a.git", "removed 2 of 3");
        await mirror.HeldAsync("b.git", "mirrorsync accept b.git");
        Assert.All(["a.git", "b.git"], name => Assert.True(mirror.State(name).IsServable));
        Assert.DoesNotContain(mirror.Node.GetStatus().Repositories, static r => r.HeldHere);
        Assert.Null(await mirror["a.git"].FsckAsync());

        // All others go on, and so it is after a restart.
        await all[2].GitAsync("update-ref", "refs/heads/more", await all[2].IdOfAsync("main"));
        await mirror.ConvergedAsync(all[2], "c.git");
        await mirror.StopAsync();
        await mirror.StartAsync();
        await mirror.HeldAsync("a.git", "removed 2 of 3");

        // The primary has one again: it waits for the old one to go.
        Directory.Move(primary.Root + ".a", all[0].Path);
        await all[0].GitAsync("update-ref", "refs/heads/again", await all[0].IdOfAsync("main"));
        await primary.CapturedAsync(all[0]);
        await Patience.UntilAsync(_ => Task.FromResult(mirror.Log.Committed == primary.Log.Committed ? null : "behind"), "the records");
        Assert.Contains("mirrorsync accept", mirror.State("a.git").Reason, StringComparison.Ordinal);
        Assert.Equal(["a.git", "b.git"], mirror.Node.Accept(null).Select(static n => n.Value));
        await mirror.ConvergedAsync(all[0], "a.git");
        await mirror.GoneAsync("b.git");
        Assert.Empty(mirror.Node.Accept(null));
        Assert.All(mirror.Node.Trash.Entries, static e => Assert.True(e.Accepted));
        await FollowTests.AssertSettledAsync(primary, mirror);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Recover_EndedBeforeTheCheckpointOfARemoval_IsDoneOnce(bool folderMoved)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        (BareRepository a, _) = (await primary.RepositoryAsync("a.git"), await primary.RepositoryAsync("b.git"));
        await using MirrorRig mirror = await FollowingAsync(primary);
        await mirror.StopAsync();
        byte[] before = await File.ReadAllBytesAsync(mirror.CheckpointFile);
        await mirror.StartAsync();
        await a.GitAsync("update-ref", "refs/heads/last", await a.IdOfAsync("main"));
        await mirror.ConvergedAsync(a, "a.git");
        Directory.Delete(a.Path, recursive: true);
        await mirror.GoneAsync("a.git");
        await SettledAsync(mirror);
        TrashEntry entry = Assert.Single(mirror.Node.Trash.Entries);
        string kept = mirror.Node.Trash.PathOf(entry);
        await mirror.StopAsync();

        await File.WriteAllBytesAsync(mirror.CheckpointFile, before);
        if (!folderMoved)
        {
            Directory.Move(kept, mirror["a.git"].Path);
        }

        await mirror.StartAsync();
        await mirror.GoneAsync("a.git");
        await SettledAsync(mirror);
        Assert.Equal(entry.Sequence, Assert.Single(mirror.Node.Trash.Entries).Sequence);
        Assert.Null(await new BareRepository(kept).FsckAsync());
        Assert.Contains("refs/heads/last", await new BareRepository(kept).RefsTextAsync(), StringComparison.Ordinal);
        Assert.Equal(2, primary.Snapshots);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Recover_EndedBeforeTheCheckpointOfARenaming_GoesOnWithoutASnapshot(bool folderMoved)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        await using MirrorRig mirror = await FollowingAsync(primary);
        await mirror.StopAsync();
        byte[] before = await File.ReadAllBytesAsync(mirror.CheckpointFile);
        await mirror.StartAsync();
        await a.GitAsync("update-ref", "refs/heads/last", await a.IdOfAsync("main"));
        await mirror.ConvergedAsync(a, "a.git");
        BareRepository b = primary["b.git"];
        Directory.Move(a.Path, b.Path);
        await mirror.ConvergedAsync(b, "b.git");
        await FollowTests.AssertSettledAsync(primary, mirror);
        ulong inode = mirror["b.git"].Inode;
        await mirror.StopAsync();

        await File.WriteAllBytesAsync(mirror.CheckpointFile, before);
        if (!folderMoved)
        {
            Directory.Move(mirror["b.git"].Path, mirror["a.git"].Path);
        }

        await mirror.StartAsync();
        await mirror.ConvergedAsync(b, "b.git");
        await mirror.GoneAsync("a.git");
        await FollowTests.AssertSettledAsync(primary, mirror);
        Assert.Equal((inode, 1), (mirror["b.git"].Inode, primary.Snapshots));

        // And from the checkpoint that knows of it.
        await mirror.StopAsync();
        await mirror.RecoverAsync();
        Assert.Equal((RepositoryCondition.Live, primary.Log.Committed.Sequence), (mirror.State("b.git").Condition, mirror.State("b.git").Applied.Sequence));
        Assert.Single(mirror.Table.All);
    }

    [Fact]
    public async Task Follow_ManyChangesWhileDown_EndsEqual()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        BareRepository b = await primary.RepositoryAsync("b.git");
        await using MirrorRig mirror = await FollowingAsync(primary);
        await mirror.StopAsync();

        // a -> c, then a new a; b goes, c -> b, a push to it, and a third under the first name's folder.
        Directory.Move(a.Path, primary["c.git"].Path);
        await primary.RecordAsync(LogRecordKind.Renamed, "a.git");
        BareRepository second = await primary.RepositoryAsync("a.git");
        Directory.Delete(b.Path, recursive: true);
        await primary.RecordAsync(LogRecordKind.Removed, "b.git");
        Directory.Move(primary["c.git"].Path, b.Path);
        await primary.RecordAsync(LogRecordKind.Renamed, "c.git");
        await b.GitAsync("update-ref", "refs/heads/main", await b.CommitAsync("after all", await b.IdOfAsync("main")));
        Directory.Move(second.Path, primary["a.git-2"].Path);
        await primary.RecordAsync(LogRecordKind.Renamed, "a.git");
        BareRepository inside = await primary.RepositoryAsync("a.git/inside.git");

        await mirror.StartAsync();
        await mirror.ConvergedAsync(b, "b.git");
        await mirror.ConvergedAsync(primary["a.git-2"], "a.git-2");
        await mirror.ConvergedAsync(inside, "a.git/inside.git");
        await FollowTests.AssertSettledAsync(primary, mirror);
        Assert.Equal(3, mirror.Table.All.Count);
        foreach (RepositoryState state in mirror.Table.All)
        {
            Assert.Null(await mirror[state.Name.Value].FsckAsync());
        }

        await mirror.StopAsync();
        await mirror.RecoverAsync();
        Assert.All(mirror.Table.All, static s => Assert.Equal(RepositoryCondition.Live, s.Condition));
        Assert.Equal("b.git", Assert.Single(mirror.Node.Trash.Entries).Name);
    }

    [Fact]
    public async Task Follow_DamagedCopyRemovedOrRenamed_NeedsNoSnapshotOfTheOldName()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        BareRepository b = await primary.RepositoryAsync("b.git");
        await using MirrorRig mirror = await FollowingAsync(primary);
        await mirror.StopAsync();
        Directory.Delete(mirror["a.git"].Path, recursive: true);
        mirror["b.git"].RemovePacks();
        Directory.Delete(a.Path, recursive: true);
        await primary.RecordAsync(LogRecordKind.Removed, "a.git");
        Directory.Move(b.Path, primary["c.git"].Path);
        await primary.RecordAsync(LogRecordKind.Renamed, "b.git");

        await mirror.StartAsync();
        await mirror.GoneAsync("a.git");
        await mirror.ConvergedAsync(primary["c.git"], "c.git");
        await mirror.GoneAsync("b.git");
        Assert.Null(await mirror["c.git"].FsckAsync());
        await FollowTests.AssertSettledAsync(primary, mirror);
    }

    [Fact]
    public async Task Follow_SomethingInTheWayOfANewName_IsHeldAndKeptUntilItIsGone()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        await using MirrorRig mirror = await FollowingAsync(primary);
        Directory.CreateDirectory(mirror["b.git"].Path);
        await File.WriteAllTextAsync(Path.Combine(mirror["b.git"].Path, "file"), "somebody's");
        Directory.Move(a.Path, primary["b.git"].Path);
        await mirror.HeldAsync("a.git", "is in the way");
        Assert.True(mirror.State("a.git").IsServable);
        File.Delete(Path.Combine(mirror["b.git"].Path, "file"));
        await mirror.ConvergedAsync(primary["b.git"], "b.git");
        await mirror.GoneAsync("a.git");
    }

    private static async Task<MirrorRig> FollowingAsync(PrimaryRig primary)
    {
        MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        foreach (RepositoryState state in primary.Table.All)
        {
            await mirror.ConvergedAsync(primary[state.Name.Value], state.Name.Value);
        }

        return mirror;
    }

    /// <summary>The log is read to its end, and nothing is left to do.</summary>
    private static Task SettledAsync(MirrorRig mirror) => Patience.UntilAsync(
        _ => Task.FromResult(
            mirror.Node.GetStatus().Repositories.FirstOrDefault(static r => r.State != "converged") is { } other ? $"{other.Name} is {other.State}" : null),
        "the mirror to settle");
}
