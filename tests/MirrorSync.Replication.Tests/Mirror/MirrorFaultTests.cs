using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Faults;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>A mirror whose disk fails says so, serves what it has, and goes on by itself once the fault is over.</summary>
public sealed class MirrorFaultTests
{
    private const string Name = "a.git";

    [Theory]
    [InlineData("Log.Write", DiskError.Full)]
    [InlineData("Log.Sync", DiskError.Broken)]
    [InlineData("CommitMark.Write", DiskError.ReadOnly)]
    [InlineData("CommitMark.Sync", DiskError.Broken)]
    [InlineData("Pack.Open", DiskError.NoDescriptor)]
    [InlineData("Pack.Write", DiskError.Full)]
    [InlineData("Pack.Rename", DiskError.ReadOnly)]
    [InlineData("Refs.Open", DiskError.NoDescriptor)]
    [InlineData("Refs.Write", DiskError.Full)]
    [InlineData("Refs.Rename", DiskError.ReadOnly)]
    public async Task Apply_AnyStepFails_SaysSoServesOnAndGoesOnByItself(string step, DiskError error)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        string before = await mirror[Name].RefsTextAsync();
        using DiskErrors disk = new(mirror.Folder);
        disk.Fail(step, error);
        await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync("one", await source.IdOfAsync("main")));
        await primary.CapturedAsync(source);
        await Patience.UntilAsync(
            _ => Task.FromResult(mirror.Node.GetStatus().Problems.Count > 0 && disk.Failed > 0 ? null : "no problem is told"), "the problem in the status");
        Assert.True(mirror.State(Name).IsServable);
        Assert.Equal(before, await mirror[Name].RefsTextAsync());

        disk.Heal();
        await mirror.ConvergedAsync(source, Name);
        await FollowTests.AssertSettledAsync(primary, mirror);
        await Patience.UntilAsync(_ => Task.FromResult(mirror.Node.GetStatus().Problems is [] ? null : "not well yet"), "health");
        Assert.Null(await mirror[Name].FsckAsync());
        Assert.Equal(1, primary.Snapshots);
    }

    [Theory]
    [InlineData("Spool.Open", DiskError.NoDescriptor)]
    [InlineData("Spool.Write", DiskError.Full)]
    [InlineData("Spool.Sync", DiskError.Broken)]
    public async Task Fetch_SpoolCannotBeWritten_GoesOnByItself(string step, DiskError error)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        using DiskErrors disk = new(mirror.Folder);
        disk.Fail(step, error);
        await FollowTests.PushNoiseAsync(source);
        await Patience.UntilAsync(
            _ => Task.FromResult(mirror.Node.GetStatus().Problems.Count > 0 && disk.Failed > 0 ? null : "no problem is told"), "the problem in the status");
        disk.Heal();
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(1, primary.Snapshots);
    }

    /// <summary>A snapshot that cannot be installed is tried again; nothing of it shows before it is whole.</summary>
    [Theory]
    [InlineData("Pack.Write", DiskError.Full)]
    [InlineData("Folder.SyncFileSystem", DiskError.Broken)]
    [InlineData("Folder.Rename", DiskError.ReadOnly)]
    [InlineData("State.Write", DiskError.Full)]
    public async Task Install_AnyStepFails_GoesOnByItself(string step, DiskError error)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        using DiskErrors disk = new(mirror.Folder);
        disk.Fail(s => s.Name == step && (s.Call != DiskCall.SyncFileSystem || s.Path.Contains(".mirrorsync-incoming", StringComparison.Ordinal)), error, times: 3);
        try
        {
            await mirror.StartAsync();
        }
        catch (InvalidDataException) when (step == "State.Write")
        {
            // Where not even the root can be marked there is no start; systemd tries again.
            await mirror.StopAsync();
            disk.Heal();
            await mirror.StartAsync();
        }

        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(RepositoryCondition.Live, mirror.State(Name).Condition);
        Assert.Null(await mirror[Name].FsckAsync());
    }
}
