using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Maintenance;

/// <summary>A mirror that is maintained while it follows its primary.</summary>
public sealed class NodeMaintenanceTests
{
    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task Follow_ManyPushes_KeepsThePacksFewAndAllObjects(string format)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync("a.git", format);
        await using MirrorRig mirror = new(primary.Address) { Maintained = new MaintenanceOptions { MaxPacks = 10 } };
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, "a.git");
        string tip = await source.IdOfAsync("main");
        for (int i = 0; i < 40; i++)
        {
            tip = await source.CommitAsync($"push {i}", tip);
            await source.GitAsync("update-ref", "refs/heads/main", tip);
            await primary.CapturedAsync(source);
            Assert.InRange(PacksOf(mirror["a.git"]), 0, 10);
        }

        await mirror.ConvergedAsync(source, "a.git");
        Assert.InRange(mirror.Maintenance!.Totals.Folds, 3, 40);
        Assert.Equal(0, mirror.Maintenance.Totals.Failures);
        Assert.Null(await mirror["a.git"].FsckAsync());
        Assert.Equal(
            await source.GitAsync("rev-list", "--objects", "--all"), await mirror["a.git"].GitAsync("rev-list", "--objects", "--all"));
    }

    [Fact]
    public async Task RequestAsync_OneRepository_IsSettledAndRemembered()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync("a.git");
        await using MirrorRig mirror = new(primary.Address) { Maintained = new MaintenanceOptions() };
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, "a.git");
        RepositoryName name = RepositoryName.Parse("a.git");

        Assert.Null(await mirror.Maintenance!.RequestAsync(RepositoryName.Parse("none.git"), dryRun: false, CancellationToken.None));
        MaintenanceOutcome dry = Assert.Single((await mirror.Maintenance.RequestAsync(name, dryRun: true, CancellationToken.None))!);
        Assert.NotEmpty(dry.Notes);
        MaintenanceOutcome done = Assert.Single((await mirror.Maintenance.RequestAsync(null, dryRun: false, CancellationToken.None))!);
        Assert.Null(done.Error);
        Assert.Equal(1, done.PacksAfter);
        Assert.True(File.Exists(Path.Combine(mirror["a.git"].Path, "objects/pack/multi-pack-index")));

        MaintenanceRun run = mirror.Maintenance.LastRun(name)!;
        await mirror.StopAsync();
        await mirror.RecoverAsync();
        Assert.Equal(run, mirror.Maintenance.LastRun(name));
    }

    [Fact]
    public async Task RunAsync_RepositoryWithoutIndexes_IsSettledByItself()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync("a.git");
        await using MirrorRig mirror = new(primary.Address) { Maintained = new MaintenanceOptions() };
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, "a.git");
        await mirror.StopAsync();

        // After a restart what is due is seen in the repository itself.
        string index = Path.Combine(mirror["a.git"].Path, "objects/pack/multi-pack-index");
        File.Delete(index);
        await mirror.StartAsync();
        await Patience.UntilAsync(_ => Task.FromResult(File.Exists(index) ? null : "no multi-pack-index"), "maintenance");
    }

    [Fact]
    public async Task RunAsync_NoRepositoryAtAll_EndsWhenItIsToldTo()
    {
        await using MirrorRig mirror = new(new Uri("http://127.0.0.1:9")) { Maintained = new MaintenanceOptions() };
        await mirror.StartAsync();
        await mirror.StopAsync().WaitAsync(TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Install_SnapshotInPlaceOfADamagedCopy_IsMaintainedToo()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync("a.git");
        await using MirrorRig mirror = new(primary.Address) { Maintained = new MaintenanceOptions { MaxPacks = 10 } };
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, "a.git");
        mirror["a.git"].RemovePacks();
        string tip = await source.IdOfAsync("main");
        for (int i = 0; i < 12; i++)
        {
            tip = await source.CommitAsync($"push {i}", tip);
            await source.GitAsync("update-ref", "refs/heads/main", tip);
            await primary.CapturedAsync(source);
        }

        await mirror.ConvergedAsync(source, "a.git");
        Assert.Equal(2, primary.Snapshots);
        Assert.Null(await mirror["a.git"].FsckAsync());
        Assert.InRange(PacksOf(mirror["a.git"]), 1, 10);
    }

    private static int PacksOf(BareRepository repository)
    {
        string folder = Path.Combine(repository.Path, "objects/pack");
        return Directory.GetFiles(folder, "pack-*.idx").Count(static f => File.Exists(Path.ChangeExtension(f, ".pack")));
    }
}
