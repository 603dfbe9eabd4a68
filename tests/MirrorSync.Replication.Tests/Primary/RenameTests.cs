using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Primary;

/// <summary>Repositories that bear another name: what the primary writes, and where its mirrors end.</summary>
public sealed class RenameTests
{
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task Scan_FolderMoved_IsOneRenamedRecordAndMovesNoObjects()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        await using MirrorRig mirror = await FollowingAsync(primary, (a, "a.git"));
        ulong inode = mirror["a.git"].Inode;

        BareRepository b = Move(primary, a, "deep/er/b.git");
        await mirror.ConvergedAsync(b, "deep/er/b.git");
        await mirror.GoneAsync("a.git");
        LogRecord renamed = await primary.RecordAsync(LogRecordKind.Renamed, "a.git");
        Assert.Equal(renamed.Before.Refs, renamed.After.Refs);
        Assert.Equal((inode, 1), (mirror["deep/er/b.git"].Inode, primary.Snapshots));

        // It goes on under the new name, and another may take the old one.
        await b.GitAsync("update-ref", "refs/heads/main", await b.CommitAsync("after", await b.IdOfAsync("main")));
        BareRepository again = await primary.RepositoryAsync("a.git");
        await mirror.ConvergedAsync(b, "deep/er/b.git");
        await mirror.ConvergedAsync(again, "a.git");
        await Mirror.FollowTests.AssertSettledAsync(primary, mirror);
        Assert.Equal((inode, 2), (mirror["deep/er/b.git"].Inode, primary.Snapshots));
        Assert.Null(await mirror["deep/er/b.git"].FsckAsync());
        Assert.Empty(mirror.Node.Trash.Entries);
        Assert.DoesNotContain(primary.Records(), static r => r.Kind == LogRecordKind.Removed);
    }

    [Fact]
    public async Task Scan_MovedAndChangedWhileDown_IsRenamedAndThenADelta()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        await using MirrorRig mirror = await FollowingAsync(primary, (a, "a.git"));
        ulong inode = mirror["a.git"].Inode;
        BareRepository b = null!;
        await primary.RestartAsync(async () =>
        {
            b = Move(primary, a, "b.git");
            await b.GitAsync("update-ref", "refs/heads/main", await b.CommitAsync("while down", await b.IdOfAsync("main")));
        });
        await mirror.ConvergedAsync(b, "b.git");
        Assert.Equal(["Baseline", "Renamed"], RemovalTests.KindsOf(primary, "a.git"));
        Assert.Equal("Delta", RemovalTests.KindsOf(primary, "b.git")[0]);
        Assert.Equal((inode, 1), (mirror["b.git"].Inode, primary.Snapshots));

        await primary.RestartAsync();
        await primary.CapturedAsync(b);
        Assert.Equal(["Delta"], RemovalTests.KindsOf(primary, "b.git"));
        Assert.False(primary.Table.TryGet(RepositoryName.Parse("a.git"), out _));
    }

    [Fact]
    public async Task Scan_NewFolderWithTheInodeOfARemovedOne_IsRemovedAndNew()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        BareRepository other = await primary.RepositoryAsync("other.git");
        ulong inode = a.Inode;
        BareRepository next = primary["next.git"];
        await primary.RestartAsync(async () =>
        {
            // Most file systems give the number to the next folder that is made; where this one does not, there is less to confuse.
            Directory.Delete(a.Path, recursive: true);
            for (int i = 0; i < 50 && (!Directory.Exists(next.Path) || next.Inode != inode); i++)
            {
                if (Directory.Exists(next.Path))
                {
                    Directory.Move(next.Path, primary.Root + ".made" + i);
                }

                Directory.CreateDirectory(next.Path);
            }

            await BareRepository.InitAsync(next.Path);
            await next.GitAsync("update-ref", "refs/heads/main", await next.CommitAsync("another"));
        });
        await primary.CapturedAsync(next);
        await primary.RecordAsync(LogRecordKind.Removed, "a.git");
        Assert.Equal("Baseline", RemovalTests.KindsOf(primary, "next.git")[0]);
        await primary.CapturedAsync(other);
    }

    [Fact]
    public async Task Scan_FoldersFileLost_IsRemovedAndNew()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        BareRepository b = null!;
        await primary.RestartAsync(() =>
        {
            File.WriteAllText(primary.FoldersFile, "{");
            b = Move(primary, a, "b.git");
            return Task.CompletedTask;
        });
        await primary.CapturedAsync(b);
        await primary.RecordAsync(LogRecordKind.Removed, "a.git");
        Assert.Equal(["Baseline"], RemovalTests.KindsOf(primary, "b.git"));
    }

    [Fact]
    public async Task Scan_ParentFolderMoved_RenamesAllAndIsNoDisaster()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        List<BareRepository> sources = [];
        for (int i = 0; i < 4; i++)
        {
            sources.Add(await primary.RepositoryAsync($"old/r{i}.git"));
        }

        await using MirrorRig mirror = await FollowingAsync(primary, [.. sources.Select(static (s, i) => (s, $"old/r{i}.git"))]);
        Directory.Move(Path.Combine(primary.Root, "old"), Path.Combine(primary.Root, "new"));
        for (int i = 0; i < 4; i++)
        {
            await mirror.ConvergedAsync(primary[$"new/r{i}.git"], $"new/r{i}.git");
        }

        await Patience.UntilAsync(
            _ => Task.FromResult(Directory.Exists(Path.Combine(mirror.Root, "old")) ? "the old folder is there" : null), "the empty folder to go");
        string[] kinds = [.. primary.Records().Where(static r => r.Kind != LogRecordKind.EpochStart).Select(static r => $"{r.Kind}")];
        Assert.Equal([.. Enumerable.Repeat("Baseline", 4), .. Enumerable.Repeat("Renamed", 4)], kinds);
        Assert.Equal(4, primary.Snapshots);
    }

    [Fact]
    public async Task Scan_Chain_RenamesTheLastFirst()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        BareRepository b = await primary.RepositoryAsync("b.git");
        await using MirrorRig mirror = await FollowingAsync(primary, (a, "a.git"), (b, "b.git"));
        (ulong ofA, ulong ofB) = (mirror["a.git"].Inode, mirror["b.git"].Inode);
        await primary.RestartAsync(() =>
        {
            Move(primary, b, "c.git");
            Move(primary, a, "b.git");
            return Task.CompletedTask;
        });
        await mirror.ConvergedAsync(primary["c.git"], "c.git");
        await mirror.ConvergedAsync(primary["b.git"], "b.git");
        await mirror.GoneAsync("a.git");
        Assert.Equal((ofB, ofA, 2), (mirror["c.git"].Inode, mirror["b.git"].Inode, primary.Snapshots));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Scan_SwappedOrMovedOntoARemovedName_EndsEqual(bool swapped)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a.git");
        BareRepository b = await primary.RepositoryAsync("b.git");
        await using MirrorRig mirror = await FollowingAsync(primary, (a, "a.git"), (b, "b.git"));
        await primary.RestartAsync(() =>
        {
            Directory.Move(b.Path, primary.Root + ".aside");
            Directory.Move(a.Path, b.Path);
            if (swapped)
            {
                Directory.Move(primary.Root + ".aside", a.Path);
            }

            return Task.CompletedTask;
        });
        await mirror.ConvergedAsync(b, "b.git");
        await (swapped ? mirror.ConvergedAsync(a, "a.git") : mirror.GoneAsync("a.git"));
        Assert.DoesNotContain(primary.Records(), static r => r.Kind == LogRecordKind.Renamed);
        Assert.Null(await mirror["b.git"].FsckAsync());
    }

    [Fact]
    public async Task Scan_RepositoryInAnothersPlace_WaitsForItsRemoval()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(Often);
        BareRepository a = await primary.RepositoryAsync("a");
        BareRepository b = await primary.RepositoryAsync("b.git");
        await using MirrorRig mirror = await FollowingAsync(primary, (a, "a"), (b, "b.git"));
        await primary.RestartAsync(() =>
        {
            // One that is gone, and another in a folder of its name.
            Directory.Move(a.Path, primary.Root + ".aside");
            Move(primary, b, "a/b.git");
            return Task.CompletedTask;
        });
        await mirror.ConvergedAsync(primary["a/b.git"], "a/b.git");
        await primary.RecordAsync(LogRecordKind.Removed, "a");
        Assert.Equal("a", Assert.Single(mirror.Node.Trash.Entries, static e => e.Name == "a").Name);
    }

    private static BareRepository Move(PrimaryRig primary, BareRepository repository, string name)
    {
        BareRepository moved = primary[name];
        Directory.CreateDirectory(Path.GetDirectoryName(moved.Path)!);
        Directory.Move(repository.Path, moved.Path);
        return moved;
    }

    private static async Task<MirrorRig> FollowingAsync(PrimaryRig primary, params (BareRepository Source, string Name)[] all)
    {
        MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        foreach ((BareRepository source, string name) in all)
        {
            await mirror.ConvergedAsync(source, name);
        }

        return mirror;
    }
}
