using MirrorSync.Storage.Maintenance;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Maintenance;

/// <summary>The form that a repository is brought into, beside what <c>git gc</c> makes of it.</summary>
public sealed class SettleTests
{
    private static readonly MaintenancePace Unhurried = static _ => ValueTask.CompletedTask;

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task SettleAsync_AfterPushes_HasAllThatClonesAreServedFrom(string format)
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync(format: format);
        await pushed.PushAsync(1, 40);
        string before = await pushed.ObjectsAsync();

        await Maintain(pushed).SettleAsync(Unhurried, CancellationToken.None);

        Assert.InRange(pushed.Packs, 1, 4);
        Assert.Equal(before, await pushed.ObjectsAsync());
        Assert.Null(await pushed.Mirror.FsckAsync());
        Assert.InRange(await pushed.DeepestAsync(), 1, 50);
        Assert.Empty(pushed.Leftovers());
        Assert.Single(Directory.GetFiles(pushed.PackFolder, "multi-pack-index-*.bitmap"));
        Assert.Equal(pushed.Packs, Directory.GetFiles(pushed.PackFolder, "*.rev").Count(static f => Path.GetFileName(f).StartsWith("pack-", StringComparison.Ordinal)));
        await pushed.Mirror.GitAsync("multi-pack-index", "verify");
        await pushed.Mirror.GitAsync("commit-graph", "verify");
        await pushed.Mirror.GitAsync("rev-list", "--test-bitmap", "main");
    }

    [Fact]
    public async Task SettleAsync_AfterFolds_IsNotMuchLargerThanGc()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync(commits: 300);
        RepositoryMaintenance maintenance = Maintain(pushed);
        for (int i = 0; i < 20; i++)
        {
            await pushed.PushAsync(1, 12);
            await maintenance.FoldAsync(CancellationToken.None);
        }

        await maintenance.SettleAsync(Unhurried, CancellationToken.None);
        long ours = PackBytes(pushed.PackFolder);
        await pushed.Mirror.GitAsync("gc", "-q", "--prune=now");
        Assert.InRange(ours, 1, PackBytes(pushed.PackFolder) * 6 / 5);
    }

    [Fact]
    public async Task SettleAsync_PacksWithoutReverseIndex_GetGitsOwnBytes()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync(inSnapshot: 50);
        await pushed.PushAsync(1, 1);
        await Maintain(pushed).SettleAsync(Unhurried, CancellationToken.None);
        string[] indexes = Directory.GetFiles(pushed.PackFolder, "pack-*.rev");
        Assert.NotEmpty(indexes);
        foreach (string file in indexes)
        {
            byte[] ours = await File.ReadAllBytesAsync(file);
            string copy = Path.Combine(pushed.Source.Path, "copy.pack");
            File.Copy(Path.ChangeExtension(file, ".pack"), copy, overwrite: true);
            await pushed.Source.GitAsync("index-pack", "--rev-index", copy);
            Assert.Equal(await File.ReadAllBytesAsync(Path.ChangeExtension(copy, ".rev")), ours);
        }
    }

    [Fact]
    public async Task SettleAsync_FoldsAndPushesMeanwhile_LoseNothing()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync(commits: 120);
        await pushed.PushAsync(1, 30);
        RepositoryMaintenance maintenance = Maintain(pushed);
        int pieces = 0;
        await maintenance.SettleAsync(
            async cancellation =>
            {
                if (pieces++ < 3)
                {
                    await pushed.PushAsync(1, 12);
                    await maintenance.FoldAsync(cancellation);
                }
            },
            CancellationToken.None);
        Assert.InRange(pieces, 2, int.MaxValue);
        Assert.Null(await pushed.Mirror.FsckAsync());
        await pushed.Mirror.GitAsync("multi-pack-index", "verify");
        Assert.Equal(
            await pushed.Source.GitAsync("rev-list", "--objects", "--no-object-names", await pushed.Mirror.IdOfAsync("main")),
            await pushed.Mirror.GitAsync("rev-list", "--objects", "--no-object-names", "main"));
    }

    [Fact]
    public async Task SettleAsync_Twice_ChangesNothingMore()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync();
        await pushed.PushAsync(1, 20);
        RepositoryMaintenance maintenance = Maintain(pushed);
        await maintenance.SettleAsync(Unhurried, CancellationToken.None);
        string[] before = Directory.GetFiles(pushed.PackFolder, "pack-*");
        await maintenance.SettleAsync(Unhurried, CancellationToken.None);
        Assert.Equal(before.Order(), Directory.GetFiles(pushed.PackFolder, "pack-*").Order());
    }

    [Fact]
    public async Task SettleAsync_RepositoryThatIsPushedTo_PacksLooseObjectsAndRefsAndKeepsTheUnreachable()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync();
        string reachable = await pushed.Mirror.CommitAsync("reachable");
        string unreachable = await pushed.Mirror.CommitAsync("unreachable");
        await pushed.Mirror.GitAsync("update-ref", "refs/heads/side", reachable);
        string before = await pushed.ObjectsAsync();

        await Maintain(pushed, new MaintenanceOptions { IsPushedTo = true }).SettleAsync(Unhurried, CancellationToken.None);

        Assert.Equal(before, await pushed.ObjectsAsync());
        Assert.Equal(0, RepositoryTally.Of(pushed.Repository).LooseObjects);
        Assert.False(File.Exists(Path.Combine(pushed.Mirror.Path, "refs/heads/side")));
        Assert.Equal(reachable, await pushed.Mirror.IdOfAsync("refs/heads/side"));
        Assert.Equal("commit", await pushed.Mirror.GitAsync("cat-file", "-t", unreachable));
        Assert.Null(await pushed.Mirror.FsckAsync());
    }

    [Fact]
    public async Task SettleAsync_BorrowsFromAnother_GoesWithoutABitmap()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync();
        await pushed.PushAsync(1, 5);
        string lender = Path.Combine(Path.GetDirectoryName(pushed.Mirror.Path)!, "lender.git");
        await StockGit.RunAsync(pushed.Source.Path, "clone", "-q", "--bare", pushed.Source.Path, lender);
        await File.WriteAllTextAsync(Path.Combine(pushed.Mirror.Path, "objects/info/alternates"), lender + "/objects\n");
        await pushed.Mirror.GitAsync("update-ref", "refs/heads/main", await pushed.Source.IdOfAsync("main"));
        await Maintain(pushed).SettleAsync(Unhurried, CancellationToken.None);
        Assert.True(File.Exists(Path.Combine(pushed.PackFolder, "multi-pack-index")));
        Assert.Null(await pushed.Mirror.FsckAsync());
    }

    private static long PackBytes(string folder) => Directory.GetFiles(folder, "*.pack").Sum(static f => new FileInfo(f).Length);

    private static RepositoryMaintenance Maintain(PushedRepository pushed, MaintenanceOptions? options = null) =>
        new(pushed.Repository, options ?? new MaintenanceOptions(), pushed.Gates, pushed.Readers, TimeProvider.System);
}
