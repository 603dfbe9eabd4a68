using MirrorSync.Storage.Maintenance;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Maintenance;

/// <summary>Maintenance loops while others read and write: real git clones, packs that come as on a mirror, pushes as on a primary.</summary>
public sealed class ConcurrencyTests
{
    private static readonly MaintenancePace Unhurried = static _ => ValueTask.CompletedTask;

    [Fact]
    public async Task FoldAndSettle_ClonesAndApplyBeside_AreAllGood()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync(commits: 200);
        using RepositoryMaintenance maintenance = new(
            pushed.Repository, new MaintenanceOptions { MaxPacks = 10 }, pushed.Gates, pushed.Readers, TimeProvider.System);
        using CancellationTokenSource over = new();
        Task applying = UntilOverAsync(over, async () =>
        {
            for (int i = 0; i < 150; i++)
            {
                await pushed.PushAsync(1, 1);
            }
        });
        Task maintaining = LoopAsync(async round =>
        {
            await maintenance.FoldAsync(CancellationToken.None);
            if (round % 3 == 0)
            {
                await maintenance.SettleAsync(Unhurried, CancellationToken.None);
            }
        }, over.Token);
        int clones = 0;
        Task cloning = LoopAsync(async round =>
        {
            string copy = Path.Combine(Path.GetDirectoryName(pushed.Mirror.Path)!, $"clone-{round}.git");
            await StockGit.RunAsync(pushed.Source.Path, "clone", "-q", "--bare", "--no-local", pushed.Mirror.Path, copy);
            Assert.Null(await new BareRepository(copy).FsckAsync());
            clones++;
        }, over.Token);

        await Task.WhenAll(applying, maintaining, cloning);

        Assert.InRange(clones, 1, int.MaxValue);
        Assert.Null(await pushed.Mirror.FsckAsync());
        string tip = await pushed.Mirror.IdOfAsync("main");
        Assert.Equal(
            await pushed.Source.GitAsync("rev-list", "--objects", tip), await pushed.Mirror.GitAsync("rev-list", "--objects", "--all"));
    }

    [Fact]
    public async Task Settle_PushesByGitBeside_LoseNothing()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync(commits: 60, inSnapshot: 1);
        using RepositoryMaintenance maintenance = new(
            pushed.Repository, new MaintenanceOptions { IsPushedTo = true }, pushed.Gates, pushed.Readers, TimeProvider.System);
        string[] commits = (await pushed.Source.GitAsync("rev-list", "--reverse", "main")).Split('\n');
        using CancellationTokenSource over = new();
        Task pushing = UntilOverAsync(over, async () =>
        {
            foreach (string commit in commits[1..])
            {
                await pushed.Source.GitAsync("push", "-q", pushed.Mirror.Path, $"{commit}:refs/heads/main");
            }
        });
        Task maintaining = LoopAsync(async _ =>
        {
            await maintenance.FoldAsync(CancellationToken.None);
            await maintenance.SettleAsync(Unhurried, CancellationToken.None);
        }, over.Token);

        await Task.WhenAll(pushing, maintaining);

        await maintenance.SettleAsync(Unhurried, CancellationToken.None);
        Assert.Null(await pushed.Mirror.FsckAsync());
        Assert.Equal(
            await pushed.Source.GitAsync("rev-list", "--objects", "main"), await pushed.Mirror.GitAsync("rev-list", "--objects", "main"));
    }

    /// <summary>Ends the loops when the work is done, and also when it fails.</summary>
    private static async Task UntilOverAsync(CancellationTokenSource over, Func<Task> work)
    {
        try
        {
            await Task.Run(work);
        }
        finally
        {
            await over.CancelAsync();
        }
    }

    private static async Task LoopAsync(Func<int, Task> turn, CancellationToken over)
    {
        for (int round = 0; !over.IsCancellationRequested; round++)
        {
            await turn(round);
        }
    }
}
