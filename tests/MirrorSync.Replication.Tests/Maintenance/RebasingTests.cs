using MirrorSync.Replication.Maintenance;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Maintenance;

/// <summary>A primary writes a new Baseline when much is unreachable, and mirrors prune after it.</summary>
public sealed class RebasingTests : IDisposable
{
    private const string Name = "a.git";
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task CheckAsync_MuchIsUnreachable_MirrorsPruneAfterANewBaseline(string format)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name, format);
        await using MirrorRig mirror = new(primary.Address)
        {
            Maintained = new MaintenanceOptions { MaxPacks = 10, PruneGrace = TimeSpan.FromTicks(1) },
        };
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        string dropped = await BranchAsync(primary, source, "big", 12);
        Rebasing rebasing = new(primary.Node.Rebase);
        Assert.False(await rebasing.CheckAsync(State(primary), CancellationToken.None));

        await source.GitAsync("update-ref", "-d", "refs/heads/big");
        await primary.CapturedAsync(source);
        ulong before = State(primary).Applied.Sequence;
        Assert.True(await rebasing.CheckAsync(State(primary), CancellationToken.None));
        await Patience.UntilAsync(_ => Task.FromResult(State(primary).Applied.Sequence > before ? null : "no Baseline"), "a new Baseline");
        Assert.False(await rebasing.CheckAsync(State(primary), CancellationToken.None));

        // What comes after it comes as ever, objects that the set had before too.
        await source.GitAsync("update-ref", "refs/heads/again", dropped + "~9");
        await primary.CapturedAsync(source);
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(1, primary.Snapshots);
        await MaintainAsync(mirror);
        await MaintainAsync(mirror);
        Assert.Equal(
            await source.GitAsync("rev-list", "--objects", "--all"), await mirror[Name].GitAsync("rev-list", "--objects", "--all"));
        Assert.Null(await mirror[Name].FsckAsync());
        GitResult gone = await StockGit.TryAsync(mirror[Name].Path, ["cat-file", "-e", dropped]);
        Assert.NotEqual(0, gone.Code);
        Assert.Equal("commit", await source.GitAsync("cat-file", "-t", dropped));
    }

    [Fact]
    public async Task CheckAsync_LittleIsUnreachable_DoesNothing()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await BranchAsync(primary, source, "main", 20);
        await BranchAsync(primary, source, "small", 2);
        await source.GitAsync("update-ref", "-d", "refs/heads/small");
        await primary.CapturedAsync(source);
        Rebasing rebasing = new(static _ => throw new InvalidOperationException());
        Assert.False(await rebasing.CheckAsync(State(primary), CancellationToken.None));
    }

    private static async Task<string> BranchAsync(PrimaryRig primary, BareRepository source, string name, int commits)
    {
        string tip = await source.IdOfAsync("main");
        for (int i = 0; i < commits; i++)
        {
            tip = await source.CommitAsync($"{name} {i}", tip);
        }

        await source.GitAsync("update-ref", "refs/heads/" + name, tip);
        await primary.CapturedAsync(source);
        return tip;
    }

    private static RepositoryState State(PrimaryRig primary) =>
        primary.Table.TryGet(RepositoryName.Parse(Name), out RepositoryState? state) ? state : throw new InvalidOperationException(Name);

    private static async Task MaintainAsync(MirrorRig mirror)
    {
        MaintenanceOutcome outcome = Assert.Single(
            (await mirror.Maintenance!.RequestAsync(RepositoryName.Parse(Name), dryRun: false, CancellationToken.None))!);
        Assert.Null(outcome.Error);
    }
}
