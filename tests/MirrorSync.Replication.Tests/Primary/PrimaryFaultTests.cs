using MirrorSync.Replication.Status;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Faults;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Primary;

/// <summary>A primary whose disk fails says so, serves on, and captures what it missed once the fault is over.</summary>
public sealed class PrimaryFaultTests
{
    private const string Name = "a.git";

    [Theory]
    [InlineData("Log.Write", DiskError.Full)]
    [InlineData("Log.Sync", DiskError.Broken)]
    [InlineData("CommitMark.Write", DiskError.ReadOnly)]
    [InlineData("CommitMark.Sync", DiskError.Broken)]
    public async Task Capture_LogCannotBeWritten_SaysSoAndGoesOnByItself(string step, DiskError error)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        ulong before = primary.Log.Committed.Sequence;
        using DiskErrors disk = new(primary.Folder);
        disk.Fail(step, error);
        await ChangeAsync(source, "one");
        await ProblemAsync(primary);

        // Served on.
        Assert.True(primary.Table.TryGet(RepositoryName.Parse(Name), out RepositoryState? state) && state.IsServable);
        await ChangeAsync(source, "two");
        Assert.Equal(before, primary.Log.Committed.Sequence);

        disk.Heal();
        await primary.CapturedAsync(source);
        await mirror.ConvergedAsync(source, Name);
        await Patience.UntilAsync(
            _ => Task.FromResult(primary.Server.GetStatus() is { Problems: [], LagSeconds: < 10 } ? null : "not well yet"), "health");
        Assert.Null(await mirror[Name].FsckAsync());
        Assert.Equal(1, primary.Snapshots);
    }

    [Theory]
    [InlineData("Spool.Open", DiskError.NoDescriptor)]
    [InlineData("Spool.Write", DiskError.Full)]
    [InlineData("Spool.Sync", DiskError.Broken)]
    [InlineData("Spool.Rename", DiskError.ReadOnly)]
    [InlineData("Spool.SyncFolder", DiskError.Broken)]
    public async Task Capture_SpoolCannotBeWritten_SaysSoAndGoesOnByItself(string step, DiskError error)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        using DiskErrors disk = new(primary.Folder);
        disk.Fail(step, error);
        await Mirror.FollowTests.PushNoiseAsync(source);
        await ProblemAsync(primary);
        Assert.True(disk.Failed > 0);
        disk.Heal();
        await primary.CapturedAsync(source);
        await Patience.UntilAsync(_ => Task.FromResult(primary.Server.GetStatus().Problems is [] ? null : "not well yet"), "health");
    }

    [Theory]
    [InlineData("State.Write", DiskError.Full)]
    [InlineData("State.Sync", DiskError.Broken)]
    [InlineData("State.Rename", DiskError.ReadOnly)]
    public async Task Checkpoint_CannotBeWritten_KeepsTheOlderOne(string step, DiskError error)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await primary.RestartAsync();
        byte[] older = await File.ReadAllBytesAsync(primary.CheckpointFile);
        await ChangeAsync(source, "one");
        await primary.CapturedAsync(source);
        ulong end = primary.Log.Committed.Sequence;
        using (DiskErrors disk = new(primary.Folder))
        {
            disk.Fail(s => s.Name == step && s.Path.Contains("state", StringComparison.Ordinal), error);
            await primary.RestartAsync(async () => Assert.Equal(older, await File.ReadAllBytesAsync(primary.CheckpointFile)));
            Assert.True(disk.Failed > 0);
        }

        await primary.CapturedAsync(source);
        Assert.Equal(end, primary.Log.Committed.Sequence);
        await primary.RestartAsync(async () => Assert.NotEqual(older, await File.ReadAllBytesAsync(primary.CheckpointFile)));
    }

    /// <summary>What a failed syncfs left is on no disk for certain, and no later one brings it there.</summary>
    [Fact]
    public async Task Checkpoint_SyncFails_IsNotTriedAgainAndRollsForwardAtTheNextStart()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await primary.RestartAsync();
        byte[] older = await File.ReadAllBytesAsync(primary.CheckpointFile);
        await ChangeAsync(source, "one");
        await primary.CapturedAsync(source);
        string wanted = await source.RefsTextAsync();
        using (DiskErrors disk = new(primary.Folder))
        {
            disk.Fail(s => s.Call == DiskCall.SyncFileSystem && s.Path == primary.Root, DiskError.Broken, times: 1);
            await primary.RestartAsync(async () =>
            {
                Assert.Equal(1, disk.Failed);
                Assert.Equal(older, await File.ReadAllBytesAsync(primary.CheckpointFile));
                await source.GitAsync("update-ref", "refs/heads/main", "main~1");
            });
        }

        Assert.Equal(wanted, await source.RefsTextAsync());
        Assert.NotEqual(older, await File.ReadAllBytesAsync(primary.CheckpointFile));
    }

    private static async Task ChangeAsync(BareRepository source, string message) =>
        await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync(message, await source.IdOfAsync("main")));

    private static Task ProblemAsync(PrimaryRig primary) => Patience.UntilAsync(
        _ =>
        {
            NodeStatus status = primary.Server.GetStatus();
            return Task.FromResult(status.Problems.Count > 0 ? null : "no problem is told");
        },
        "the problem in the status");
}
