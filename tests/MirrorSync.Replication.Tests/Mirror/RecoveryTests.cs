using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>What a mirror makes of its folders after a stop, a kill, or somebody's hands.</summary>
public sealed class RecoveryTests
{
    private const string Name = "a.git";

    [Fact]
    public async Task Recover_OldCheckpoint_ReplaysToTheLogsEnd()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = await FollowingAsync(primary, source);
        await mirror.StopAsync();
        byte[] old = await File.ReadAllBytesAsync(mirror.CheckpointFile);

        await mirror.StartAsync();
        for (int i = 0; i < 3; i++)
        {
            await PushAsync(primary, source, "change " + i);
        }

        await FollowTests.PushNoiseAsync(source);
        await mirror.ConvergedAsync(source, Name);
        await source.GitAsync("update-ref", "-d", "refs/heads/topic");
        await mirror.ConvergedAsync(source, Name);
        await FollowTests.AssertSettledAsync(primary, mirror);
        LogPosition end = mirror.Log.Committed;
        await mirror.StopAsync();

        // As after a kill: the log is at its end, the folder too, the checkpoint is not.
        await File.WriteAllBytesAsync(mirror.CheckpointFile, old);
        await mirror.RecoverAsync();
        Assert.Equal((RepositoryCondition.Live, end), (mirror.State(Name).Condition, mirror.State(Name).Applied));
        Assert.Equal(await source.RefsTextAsync(), await mirror[Name].RefsTextAsync());
        Assert.Null(await mirror[Name].FsckAsync());
        Assert.Equal(1, primary.Snapshots);
    }

    [Fact]
    public async Task Recover_OldCheckpointAndOldFolder_ReplaysToTheLogsEnd()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = await FollowingAsync(primary, source);
        await mirror.StopAsync();
        byte[] old = await File.ReadAllBytesAsync(mirror.CheckpointFile);
        using System.Diagnostics.Process copy = System.Diagnostics.Process.Start("cp", ["-a", mirror[Name].Path, mirror[Name].Path + ".old"]);
        await copy.WaitForExitAsync();

        await mirror.StartAsync();
        await PushAsync(primary, source, "two");
        await PushAsync(primary, source, "three");
        await mirror.ConvergedAsync(source, Name);
        await FollowTests.AssertSettledAsync(primary, mirror);
        await mirror.StopAsync();

        // As after a power loss: of what came after the checkpoint only the log is on the disk.
        Directory.Delete(mirror[Name].Path, recursive: true);
        Directory.Move(mirror[Name].Path + ".old", mirror[Name].Path);
        await File.WriteAllBytesAsync(mirror.CheckpointFile, old);
        await mirror.RecoverAsync();
        Assert.Equal(RepositoryCondition.Live, mirror.State(Name).Condition);
        Assert.Equal(await source.RefsTextAsync(), await mirror[Name].RefsTextAsync());
        Assert.Null(await mirror[Name].FsckAsync());
    }

    [Theory]
    [InlineData("pack", 0)]
    [InlineData("pack", 40_000)]
    [InlineData("idx", 0)]
    public async Task Recover_PowerLostAfterTheRename_ComesOutWhole(string extension, int kept)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = await FollowingAsync(primary, source);
        await mirror.StopAsync();
        byte[] old = await File.ReadAllBytesAsync(mirror.CheckpointFile);
        string packs = Path.Combine(mirror[Name].Path, "objects/pack");
        string[] before = Directory.GetFiles(packs);

        await mirror.StartAsync();
        await FollowTests.PushNoiseAsync(source);
        await mirror.ConvergedAsync(source, Name);
        await FollowTests.AssertSettledAsync(primary, mirror);
        await mirror.StopAsync();

        // The names are on the disk, refs and all; what the files held is not.
        string lost = Assert.Single(Directory.GetFiles(packs, "*." + extension).Except(before));
        byte[] content = await File.ReadAllBytesAsync(lost);
        content.AsSpan(kept).Clear();
        File.Delete(lost);
        await File.WriteAllBytesAsync(lost, content);
        await File.WriteAllBytesAsync(mirror.CheckpointFile, old);
        await mirror.RecoverAsync();
        await mirror.StopAsync();
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        Assert.Null(await mirror[Name].FsckAsync());
    }

    [Theory]
    [InlineData("refs/heads/main")]
    [InlineData("refs/heads/stranger")]
    public async Task Recover_RefEditedByHand_IsDamagedAndBroughtUpAgain(string name)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = await FollowingAsync(primary, source);
        await mirror.StopAsync();
        await mirror[Name].GitAsync("update-ref", name, await mirror[Name].IdOfAsync("topic"));

        await mirror.RecoverAsync();
        Assert.Equal(RepositoryCondition.Damaged, mirror.State(Name).Condition);
        Assert.False(mirror.State(Name).IsServable);
        await mirror.StopAsync();
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(2, primary.Snapshots);
        Assert.Null(await mirror[Name].FsckAsync());
    }

    [Fact]
    public async Task Recover_FolderGone_IsBroughtUpAgain()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = await FollowingAsync(primary, source);
        await mirror.StopAsync();
        Directory.Delete(mirror[Name].Path, recursive: true);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
    }

    [Fact]
    public async Task Recover_CheckpointGoneOrDamaged_RefusesToStart()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = await FollowingAsync(primary, source);
        await mirror.StopAsync();
        await File.WriteAllTextAsync(mirror.CheckpointFile, "{");
        await Assert.ThrowsAsync<InvalidDataException>(mirror.RecoverAsync);
        await mirror.StopAsync();
        File.Delete(mirror.CheckpointFile);
        await Assert.ThrowsAsync<InvalidDataException>(mirror.RecoverAsync);
    }

    [Fact]
    public async Task Apply_ObjectsGoneByHand_IsDamagedAndReplacedWithoutEverDisappearing()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = await FollowingAsync(primary, source);
        ulong inode = mirror[Name].Inode;
        TaskCompletionSource go = new();
        primary.MaySendSnapshots = go.Task;

        // The next delta's commit names one that is no longer here.
        mirror[Name].RemovePacks();
        await PushAsync(primary, source, "next");
        await Patience.UntilAsync(
            _ => Task.FromResult(mirror.State(Name).Condition == RepositoryCondition.Damaged ? null : mirror.State(Name).Condition.ToString()),
            "the damage to be seen");

        using CancellationTokenSource stop = new();
        Task<int> reading = ReadHeadAllTheWhileAsync(mirror[Name], stop.Token);
        go.SetResult();
        await mirror.ConvergedAsync(source, Name);
        await stop.CancelAsync();
        Assert.True(await reading > 0);
        Assert.NotEqual(inode, mirror[Name].Inode);
        Assert.Null(await mirror[Name].FsckAsync());
        await FollowTests.AssertSettledAsync(primary, mirror);
        Assert.Empty(Directory.GetDirectories(Path.Combine(mirror.Root, ".mirrorsync-incoming")));
    }

    private static async Task<MirrorRig> FollowingAsync(PrimaryRig primary, BareRepository source)
    {
        MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        return mirror;
    }

    private static async Task PushAsync(PrimaryRig primary, BareRepository source, string message)
    {
        await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync(message, await source.IdOfAsync("main")));
        await primary.CapturedAsync(source);
    }

    private static async Task<int> ReadHeadAllTheWhileAsync(BareRepository repository, CancellationToken stop)
    {
        int read = 0;
        do
        {
            GitResult result = await StockGit.TryAsync("/", ["--git-dir", repository.Path, "rev-parse", "--verify", "HEAD"], default, CancellationToken.None);
            Assert.True(result.Code == 0, result.Error);
            read++;
        }
        while (!stop.IsCancellationRequested);
        return read;
    }
}
