using MirrorSync.Storage.Maintenance;

namespace MirrorSync.Storage.Tests.Maintenance;

/// <summary>Maintenance ends at any of its steps; a restart goes on, and nothing is lost.</summary>
public sealed class InterruptionTests
{
    private static readonly MaintenancePace Unhurried = static _ => ValueTask.CompletedTask;

    public static TheoryData<MaintenanceStep, int> Steps()
    {
        TheoryData<MaintenanceStep, int> steps = [];
        foreach (MaintenanceStep step in Enum.GetValues<MaintenanceStep>())
        {
            steps.Add(step, 1);
        }

        // In the middle of a pack's files, between two packs.
        for (int nth = 2; nth <= 5; nth++)
        {
            steps.Add(MaintenanceStep.DeleteFile, nth);
        }

        return steps;
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task FoldAndSettle_InterruptedAtAStep_GoOnAfterARestart(MaintenanceStep step, int nth)
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync();
        await pushed.PushAsync(1, 20);
        string before = await pushed.ObjectsAsync();
        foreach (bool settle in new[] { false, true })
        {
            int left = nth;
            void Interrupt(MaintenanceStep at)
            {
                if (at == step && --left == 0)
                {
                    pushed.Photograph();
                    throw new InterruptedException();
                }
            }

            using (RepositoryMaintenance interrupted = new(pushed.Repository, Options, pushed.Gates, pushed.Readers, TimeProvider.System, Interrupt))
            {
                try
                {
                    await RunAsync(interrupted, settle);
                }
                catch (InterruptedException)
                {
                    // What it puts in order on its way out, kill -9 would not.
                    pushed.GoBackToThePhotograph();
                }
            }

            Assert.Equal(before, await pushed.ObjectsAsync());
            Assert.Null(await pushed.Mirror.FsckAsync());
            using RepositoryMaintenance next = new(pushed.Repository, Options, pushed.Gates, pushed.Readers, TimeProvider.System);
            next.Recover();
            await RunAsync(next, settle);
            Assert.Equal(before, await pushed.ObjectsAsync());
            Assert.Null(await pushed.Mirror.FsckAsync());
            Assert.Empty(pushed.Leftovers());
            await pushed.PushAsync(1, 8);
            before = await pushed.ObjectsAsync();
        }
    }

    [Fact]
    public async Task Recover_RestOfADeletionAndOfAPack_RemovesThemAndNothingElse()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync();
        string before = await pushed.ObjectsAsync();
        string[] files = Directory.GetFiles(pushed.PackFolder);
        string index = Path.Combine(pushed.PackFolder, $"pack-{new string('0', 40)}.idx");
        await File.WriteAllTextAsync(index, "rest");
        await File.WriteAllTextAsync(Path.Combine(pushed.PackFolder, "tmp_maintain_1"), "rest");
        using RepositoryMaintenance maintenance = new(pushed.Repository, Options, pushed.Gates, pushed.Readers, TimeProvider.System);
        maintenance.Recover();
        Assert.Equal(files.Order(), Directory.GetFiles(pushed.PackFolder).Order());
        Assert.Equal(before, await pushed.ObjectsAsync());
    }

    private static MaintenanceOptions Options => new() { IsPushedTo = true };

    private static Task<MaintenanceGain> RunAsync(RepositoryMaintenance maintenance, bool settle) => settle
        ? maintenance.SettleAsync(Unhurried, CancellationToken.None)
        : maintenance.FoldAsync(CancellationToken.None);

    private sealed class InterruptedException : Exception;
}
