using MirrorSync.Git.Objects;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Maintenance;

/// <summary>After a Baseline exactly the object set stays, and for a while what was in it before.</summary>
public sealed class PruneTests
{
    private static readonly MaintenancePace Unhurried = static _ => ValueTask.CompletedTask;
    private readonly ManualTimeProvider time = new();
    private string dropped = string.Empty;

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task PruneAsync_AfterABaseline_SetsAsideThenDeletesWhatIsNotInTheSet(string format)
    {
        using PushedRepository pushed = await WithDroppedBranchAsync(format);
        string all = await pushed.ObjectsAsync();
        using RepositoryMaintenance maintenance = Maintain(pushed);
        NoteBaseline(pushed, await pushed.Mirror.IdOfAsync("main"));
        await pushed.PushAsync(1, 12);
        await maintenance.FoldAsync(CancellationToken.None);

        await maintenance.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None);
        foreach (string line in all.Split('\n'))
        {
            Assert.Contains(line, await pushed.ObjectsAsync(), StringComparison.Ordinal);
        }

        await maintenance.SettleAsync(Unhurried, CancellationToken.None);
        await maintenance.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None);
        Assert.NotEqual(await ReachableAsync(pushed), await IdsAsync(pushed));

        time.Advance(TimeSpan.FromDays(14));
        Assert.Equal(1, maintenance.Look().DroppedDue);
        Assert.InRange(await maintenance.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None), 1, long.MaxValue);
        Assert.Equal(await ReachableAsync(pushed), await IdsAsync(pushed));
        Assert.Null(await pushed.Mirror.FsckAsync());
        Assert.Equal(0, maintenance.Look().DroppedWaiting);
        Assert.False(File.Exists(Path.Combine(pushed.Mirror.Path, "mirrorsync-maintenance.json")));
        Assert.Empty(pushed.Leftovers());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PruneAsync_DroppedObjectComesAgainWithALaterDelta_Stays(bool afterTheSorting)
    {
        using PushedRepository pushed = await WithDroppedBranchAsync();
        using RepositoryMaintenance maintenance = Maintain(pushed);
        NoteBaseline(pushed, await pushed.Mirror.IdOfAsync("main"));
        if (afterTheSorting)
        {
            await maintenance.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None);
        }

        await pushed.ReceiveAsync(dropped, await pushed.Mirror.IdOfAsync("main"));
        if (!afterTheSorting)
        {
            await maintenance.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None);
        }

        // No ref reaches it, so that nothing rescues it: it is of the set all the same.
        await maintenance.SettleAsync(Unhurried, CancellationToken.None);
        time.Advance(TimeSpan.FromDays(14));
        await maintenance.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None);

        Assert.Null(await pushed.Mirror.FsckAsync());
        Assert.Equal("commit", await pushed.Mirror.GitAsync("cat-file", "-t", dropped));
    }

    [Fact]
    public async Task PruneAsync_ObjectOfTheSetWithoutARef_Stays()
    {
        using PushedRepository pushed = await WithDroppedBranchAsync();
        using RepositoryMaintenance maintenance = Maintain(pushed);
        string atBaseline = await pushed.Mirror.IdOfAsync("main");
        NoteBaseline(pushed, atBaseline);

        // The branch goes back, but the set still holds what the Baseline had.
        await pushed.Mirror.GitAsync("update-ref", "refs/heads/main", "main~3");
        await maintenance.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None);
        time.Advance(TimeSpan.FromDays(14));
        await maintenance.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None);
        Assert.Equal("commit", await pushed.Mirror.GitAsync("cat-file", "-t", atBaseline));
        Assert.Null(await pushed.Mirror.FsckAsync());
    }

    [Fact]
    public async Task PruneAsync_OlderReader_IsWaitedFor()
    {
        using PushedRepository pushed = await WithDroppedBranchAsync();
        using RepositoryMaintenance maintenance = Maintain(pushed, TimeSpan.FromSeconds(1));
        IDisposable reader = pushed.Readers.Begin(pushed.Repository);
        NoteBaseline(pushed, await pushed.Mirror.IdOfAsync("main"));
        await maintenance.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(1));
        using IDisposable younger = pushed.Readers.Begin(pushed.Repository);
        await maintenance.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None);
        Assert.Equal("commit", await pushed.Mirror.GitAsync("cat-file", "-t", dropped));

        reader.Dispose();
        await maintenance.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None);
        Assert.DoesNotContain(dropped, await pushed.ObjectsAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PruneAsync_Borrower_KeepsWhatItReaches(bool refAfterTheSorting)
    {
        using PushedRepository pushed = await WithDroppedBranchAsync();
        using RepositoryMaintenance maintenance = Maintain(pushed);
        BareRepository borrower = await BareRepository.InitAsync(Path.Combine(Path.GetDirectoryName(pushed.Mirror.Path)!, "fork.git"));
        await File.WriteAllTextAsync(Path.Combine(borrower.Path, "objects/info/alternates"), "../../mirror.git/objects\n");
        Repository fork = new(RepositoryName.Parse("fork.git"), borrower.Path, ObjectFormat.Sha1);
        Task BorrowAsync() => borrower.GitAsync("update-ref", "refs/heads/fork", dropped);
        if (!refAfterTheSorting)
        {
            await BorrowAsync();
        }

        NoteBaseline(pushed, await pushed.Mirror.IdOfAsync("main"));
        await maintenance.PruneAsync([pushed.Repository, fork], Unhurried, CancellationToken.None);
        if (refAfterTheSorting)
        {
            await BorrowAsync();
        }

        time.Advance(TimeSpan.FromDays(14));
        await maintenance.PruneAsync([pushed.Repository, fork], Unhurried, CancellationToken.None);
        Assert.Null(await borrower.FsckAsync());
        Assert.Equal(0, maintenance.Look().DroppedWaiting);
    }

    [Fact]
    public async Task PruneAsync_BorrowerThatCannotBeAsked_DeletesNothingAndSaysWhy()
    {
        using PushedRepository pushed = await WithDroppedBranchAsync();
        using RepositoryMaintenance maintenance = Maintain(pushed);
        BareRepository borrower = await BareRepository.InitAsync(Path.Combine(Path.GetDirectoryName(pushed.Mirror.Path)!, "fork.git"));
        await File.WriteAllTextAsync(Path.Combine(borrower.Path, "objects/info/alternates"), "../../mirror.git/objects\n");
        await File.WriteAllTextAsync(Path.Combine(borrower.Path, "refs/heads/broken"), new string('1', 40) + "\n");
        Repository fork = new(RepositoryName.Parse("fork.git"), borrower.Path, ObjectFormat.Sha1);
        NoteBaseline(pushed, await pushed.Mirror.IdOfAsync("main"));
        string before = await pushed.ObjectsAsync();
        IOException refused = await Assert.ThrowsAsync<IOException>(
            () => maintenance.PruneAsync([pushed.Repository, fork], Unhurried, CancellationToken.None));
        Assert.Contains("fork.git: git rev-list failed", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, await pushed.ObjectsAsync());
        Assert.True(maintenance.Look().PruneDue);
    }

    [Theory]
    [InlineData(MaintenanceStep.CreatePack, 1)]
    [InlineData(MaintenanceStep.CreatePack, 2)]
    [InlineData(MaintenanceStep.Compare, 3)]
    [InlineData(MaintenanceStep.RenamePack, 1)]
    [InlineData(MaintenanceStep.RenameIndex, 1)]
    [InlineData(MaintenanceStep.RenamePack, 2)]
    [InlineData(MaintenanceStep.RenameIndex, 2)]
    [InlineData(MaintenanceStep.WriteMultiPackIndex, 1)]
    [InlineData(MaintenanceStep.DeleteFile, 1)]
    [InlineData(MaintenanceStep.DeleteFile, 2)]
    [InlineData(MaintenanceStep.DeleteFile, 3)]
    public async Task PruneAsync_InterruptedAtAStep_GoesOnAfterARestart(MaintenanceStep step, int nth)
    {
        using PushedRepository pushed = await WithDroppedBranchAsync();
        NoteBaseline(pushed, await pushed.Mirror.IdOfAsync("main"));
        string before = await IdsAsync(pushed);
        int left = nth;
        void Interrupt(MaintenanceStep at)
        {
            if (at == step && --left == 0)
            {
                pushed.Photograph();
                throw new InterruptedException();
            }
        }

        using (RepositoryMaintenance interrupted = new(pushed.Repository, new MaintenanceOptions(), pushed.Gates, pushed.Readers, time, Interrupt))
        {
            await Assert.ThrowsAsync<InterruptedException>(
                () => interrupted.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None));
        }

        pushed.GoBackToThePhotograph();
        Assert.Equal(before, await IdsAsync(pushed));
        using RepositoryMaintenance next = Maintain(pushed);
        next.Recover();
        await next.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None);
        Assert.Equal(before, await IdsAsync(pushed));
        time.Advance(TimeSpan.FromDays(14));
        await next.PruneAsync([pushed.Repository], Unhurried, CancellationToken.None);
        Assert.Equal(await ReachableAsync(pushed), await IdsAsync(pushed));
        Assert.Null(await pushed.Mirror.FsckAsync());
        Assert.Empty(pushed.Leftovers());
    }

    /// <summary>A repository with a commit that no branch reaches any more.</summary>
    private async Task<PushedRepository> WithDroppedBranchAsync(string format = "sha1")
    {
        PushedRepository pushed = await PushedRepository.MakeAsync(format: format, time: time);
        await pushed.PushAsync(1, 5);
        dropped = await pushed.Source.CommitAsync("side", await pushed.Mirror.IdOfAsync("main"));
        await pushed.ReceiveAsync(dropped, await pushed.Mirror.IdOfAsync("main"));
        return pushed;
    }

    private static void NoteBaseline(PushedRepository pushed, string tip)
    {
        Assert.True(ObjectId.TryParseHex(tip, pushed.Repository.Format, out ObjectId id));
        RepositoryMaintenance.NoteBaseline(pushed.Repository, 7, [id]);
    }

    private static async Task<string> IdsAsync(PushedRepository pushed) =>
        string.Join('\n', (await pushed.ObjectsAsync()).Split('\n').Select(static l => l.Split(' ')[0]));

    private static async Task<string> ReachableAsync(PushedRepository pushed) => string.Join('\n', (await pushed.Mirror.GitAsync(
        "rev-list", "--objects", "--no-object-names", "--all")).Split('\n').Order(StringComparer.Ordinal));

    private RepositoryMaintenance Maintain(PushedRepository pushed, TimeSpan? grace = null) => new(
        pushed.Repository,
        new MaintenanceOptions { PruneGrace = grace ?? MaintenanceOptions.DefaultPruneGrace },
        pushed.Gates,
        pushed.Readers,
        time);

    private sealed class InterruptedException : Exception;
}
