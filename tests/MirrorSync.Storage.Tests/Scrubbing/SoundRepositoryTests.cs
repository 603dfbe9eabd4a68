using MirrorSync.Git.Objects;
using MirrorSync.Storage.Maintenance;
using MirrorSync.Storage.Repositories;
using MirrorSync.Storage.Scrubbing;
using MirrorSync.Storage.Tests.Maintenance;
using MirrorSync.Storage.Tests.Objects.Store;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Scrubbing;

/// <summary>No false alarm: whatever form a sound repository has, and whoever works on it meanwhile.</summary>
public sealed class SoundRepositoryTests
{
    private static readonly MaintenancePace Unhurried = static _ => ValueTask.CompletedTask;

    [Theory]
    [InlineData(ObjectFormat.Sha1, Arrangement.Loose)]
    [InlineData(ObjectFormat.Sha1, Arrangement.OffsetDeltas)]
    [InlineData(ObjectFormat.Sha1, Arrangement.RefDeltas)]
    [InlineData(ObjectFormat.Sha256, Arrangement.SeveralPacks)]
    [InlineData(ObjectFormat.Sha1, Arrangement.IndexVersion1)]
    [InlineData(ObjectFormat.Sha256, Arrangement.LargeOffsets)]
    public async Task ScrubAll_AnyArrangement_FindsNothing(ObjectFormat format, Arrangement arrangement)
    {
        using StoreFixture store = await StoreFixture.CreateAsync(format);
        await store.ArrangeAsync(arrangement);
        Assert.Empty(Scrub(new Repository(RepositoryName.Parse("r.git"), store.Git.Path, format)));
        if (arrangement != Arrangement.Loose)
        {
            await store.Git.GitAsync("multi-pack-index", "write", "--no-progress");
            Assert.Empty(Scrub(new Repository(RepositoryName.Parse("r.git"), store.Git.Path, format)));
        }
    }

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task ScrubAll_AfterPushesFoldsSettlingAndGc_FindsNothing(string format)
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync(format: format);
        using RepositoryMaintenance maintenance = new(
            pushed.Repository, new MaintenanceOptions(), pushed.Gates, pushed.Readers, TimeProvider.System);
        await pushed.PushAsync(1, 12);
        Assert.Empty(Scrub(pushed.Repository));
        await maintenance.FoldAsync(CancellationToken.None);
        Assert.Empty(Scrub(pushed.Repository));
        await maintenance.SettleAsync(Unhurried, CancellationToken.None);
        await pushed.PushAsync(1, 5);
        Assert.Empty(Scrub(pushed.Repository));
        await pushed.Mirror.GitAsync("-c", "gc.cruftPacks=true", "gc", "-q", "--cruft");
        Assert.Empty(Scrub(pushed.Repository));
    }

    [Fact]
    public async Task ScrubAll_BorrowingAndEmpty_FindNothing()
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync();
        string borrower = Path.Combine(fixture.Store.Folder, "borrower.git");
        await StockGit.RunAsync(fixture.Store.Folder, "clone", "-q", "--bare", "--shared", fixture.Repository.Path, borrower);
        Repository borrowing = new(RepositoryName.Parse("borrower.git"), borrower, fixture.Store.Format);
        Assert.Empty(Scrub(borrowing));
        await new BareRepository(borrower).CommitAsync("own");
        Assert.Empty(Scrub(borrowing));
        File.AppendAllText(Path.Combine(borrower, "objects/info/alternates"), "/nowhere/objects\n");
        Assert.Equal(ScrubFaultKind.Alternates, Assert.Single(Scrub(borrowing)).Kind);

        BareRepository empty = await BareRepository.InitAsync(Path.Combine(fixture.Store.Folder, "empty.git"));
        Assert.Empty(Scrub(new Repository(RepositoryName.Parse("empty.git"), empty.Path, ObjectFormat.Sha1)));
    }

    [Fact]
    public async Task Scrub_IndexLeftByAnInterruptedDeletion_IsNoFault()
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync();
        string old = fixture.Pack;
        byte[] index = await File.ReadAllBytesAsync(Path.ChangeExtension(old, ".idx"));
        await fixture.Store.Git.GitAsync("repack", "-q", "-a", "-d", "-f", "--depth=3");
        Assert.NotEqual(old, fixture.Pack);
        await File.WriteAllBytesAsync(Path.ChangeExtension(old, ".idx"), index);
        Assert.Empty(fixture.Scrub());
    }

    [Fact]
    public async Task ScrubAsync_GcRepackAndPushesBeside_FindNothing()
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync();
        await fixture.DeriveAsync();
        using CancellationTokenSource over = new();
        int rounds = 0;
        Task working = Task.Run(async () =>
        {
            for (int round = 0; !over.IsCancellationRequested; round++)
            {
                for (int i = 0; i < 3; i++)
                {
                    string tip = await fixture.Store.Git.CommitAsync($"round {round} {i}", await fixture.Store.Git.IdOfAsync("main"));
                    await fixture.Store.Git.GitAsync("update-ref", "refs/heads/main", tip);
                }

                await (round % 3 == 0 ? fixture.Store.Git.GitAsync("gc", "-q", "--prune=now")
                    : fixture.Store.Git.GitAsync("repack", "-q", round % 3 == 1 ? "-ad" : "-adb", "--write-midx"));
                rounds = round;
            }
        });
        Dictionary<string, ScrubRecord> records = [];
        int scrubbed = 0;
        try
        {
            while (rounds < 12)
            {
                // As a node does it: unit by unit, with what it remembers of each.
                RepositoryScrub engine = fixture.Engine(settling: TimeSpan.FromSeconds(2));
                foreach (ScrubUnit unit in engine.List())
                {
                    ScrubResult result = await engine.ScrubAsync(unit, records, null, new ScrubProgress(), CancellationToken.None);
                    Assert.True(result.Faults.Count == 0, string.Join("; ", result.Faults));
                    scrubbed++;
                    if (result.Record is { } record)
                    {
                        records[unit.Name] = record;
                    }
                }
            }
        }
        finally
        {
            await over.CancelAsync();
            await working;
        }

        Assert.InRange(scrubbed, 20, int.MaxValue);
        Assert.Null(await fixture.Store.Git.FsckAsync());
    }

    [Fact]
    public async Task ScrubAll_MaintenanceAndApplyBeside_FindNothing()
    {
        using PushedRepository pushed = await PushedRepository.MakeAsync(commits: 160);
        using RepositoryMaintenance maintenance = new(
            pushed.Repository, new MaintenanceOptions { MaxPacks = 10 }, pushed.Gates, pushed.Readers, TimeProvider.System);
        Task working = Task.Run(async () =>
        {
            for (int round = 0; round < 12; round++)
            {
                await pushed.PushAsync(1, 10);
                await maintenance.FoldAsync(CancellationToken.None);
                if (round % 3 == 2)
                {
                    await maintenance.SettleAsync(Unhurried, CancellationToken.None);
                }
            }
        });
        while (!working.IsCompleted)
        {
            IReadOnlyList<ScrubFault> faults = Scrub(pushed.Repository, TimeSpan.FromSeconds(2));
            Assert.True(faults.Count == 0, string.Join("; ", faults));
        }

        await working;
        Assert.Empty(Scrub(pushed.Repository));
    }

    [Fact]
    public async Task Scrub_Cancelled_Ends()
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync();
        using CancellationTokenSource over = new();
        await over.CancelAsync();
        Assert.ThrowsAny<OperationCanceledException>(() => fixture.Engine().ScrubAll(null, new ScrubProgress(), over.Token));
    }

    [Fact]
    public async Task ScrubAsync_WithABudget_TakesAsLongAsTheRateWants()
    {
        using ScrubFixture fixture = await ScrubFixture.CreateAsync();
        ManualTimeProvider clock = new();
        RepositoryScrub engine = fixture.Engine(clock);
        ScrubUnit unit = engine.List().Single(static u => u.Kind == ScrubUnitKind.Pack);
        ScrubProgress progress = new();
        long rate = unit.Bytes / 10;
        DateTimeOffset began = clock.GetUtcNow();
        Task<ScrubResult> scrubbing = engine.ScrubAsync(
            unit, new Dictionary<string, ScrubRecord>(), new ReadBudget(rate, clock), progress, CancellationToken.None);
        await Patience.UntilAsync(
            _ =>
            {
                if (clock.WaitingTimers > 0)
                {
                    clock.Advance(TimeSpan.FromMilliseconds(100));
                }

                return Task.FromResult(scrubbing.IsCompleted ? null : $"{progress.Bytes} of {unit.Bytes} bytes");
            },
            "the scrub's end");
        Assert.Empty((await scrubbing).Faults);

        // The first second's bytes are there at the beginning, and what is read last is not waited for.
        double seconds = (clock.GetUtcNow() - began).TotalSeconds;
        double owed = ((double)progress.Bytes / rate) - 1;
        Assert.InRange(seconds, owed - 0.2, owed + 1);
        Assert.InRange(progress.Bytes, unit.Bytes, unit.Bytes * 2);
    }

    private static IReadOnlyList<ScrubFault> Scrub(Repository repository, TimeSpan settling = default) =>
        new RepositoryScrub(repository, new ScrubOptions { Threads = 2, Settling = settling }, TimeProvider.System)
            .ScrubAll(null, new ScrubProgress(), CancellationToken.None);
}
