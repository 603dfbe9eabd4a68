using MirrorSync.Replication.Scrubbing;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Storage.Scrubbing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Scrubbing;

/// <summary>A node's scrub by a clock that stands still unless it is moved.</summary>
public sealed class NodeScrubTests
{
    private static readonly RepositoryName First = RepositoryName.Parse("a.git");

    [Fact]
    public async Task RunAsync_SoundNode_ReadsEverythingOnceAnInterval()
    {
        await using ScrubRig rig = new();
        await rig.AddAsync("a.git");
        await rig.AddAsync("b.git");
        await rig.Log.FillAsync(3);
        Assert.Null(rig.Scrub.StatusOf(First));
        Assert.Null(rig.Scrub.Totals.OldestSeconds);
        rig.Start();
        await rig.CycledAsync(1);

        ScrubTotals totals = rig.Scrub.Totals;
        Assert.Empty(totals.Faults);
        Assert.Empty(totals.Log);
        Assert.InRange(totals.OldestSeconds!.Value, 0, 60);
        RepositoryScrubStatus status = rig.Scrub.StatusOf(First)!;
        Assert.NotNull(status.At);
        Assert.Equal(0, status.FaultCount);

        // Nothing more until the interval is over; the age grows meanwhile.
        long bytes = totals.Bytes;
        rig.Clock.Advance(TimeSpan.FromMinutes(50));
        Assert.InRange(rig.Scrub.Totals.OldestSeconds!.Value, 3000, 3100);
        Assert.Equal(bytes, rig.Scrub.Totals.Bytes);
        rig.Clock.Advance(TimeSpan.FromMinutes(10));
        await rig.CycledAsync(2);
        Assert.InRange(rig.Scrub.Totals.Bytes, bytes + 1, long.MaxValue);
        Assert.InRange(rig.Scrub.Totals.OldestSeconds!.Value, 0, 60);
    }

    [Fact]
    public async Task RunAsync_ObjectDamaged_IsToldAndHandedToRepair()
    {
        await using ScrubRig rig = new();
        BareRepository git = await rig.AddAsync("a.git");
        await rig.Log.FillAsync(1);
        string pack = ScrubRig.PackOf(git);
        byte[] sound = await File.ReadAllBytesAsync(pack);
        ScrubRig.Flip(pack, 200);
        rig.Start();
        await rig.CycledAsync(1);

        ScrubFault fault = Assert.Single(rig.Repaired);
        Assert.Equal((ScrubFaultKind.PackEntry, pack), (fault.Kind, fault.File));
        Assert.NotEmpty(fault.Objects);
        Assert.Equal(1, rig.Scrub.Totals.Faults["pack-entry"]);
        RepositoryScrubStatus status = rig.Scrub.StatusOf(First)!;
        Assert.Equal(1, status.FaultCount);
        Assert.Contains("pack-entry", Assert.Single(status.Faults), StringComparison.Ordinal);

        File.Delete(pack);
        await File.WriteAllBytesAsync(pack, sound);
        rig.Clock.Advance(TimeSpan.FromHours(1));
        await rig.CycledAsync(2);
        Assert.Equal(0, rig.Scrub.StatusOf(First)!.FaultCount);
        Assert.Single(rig.Repaired);
    }

    [Fact]
    public async Task RunAsync_DerivedFilesDamagedOrDeleted_AreMadeAnewAndNobodyElseIsAsked()
    {
        await using ScrubRig rig = new();
        BareRepository git = await rig.AddAsync("a.git");
        await rig.Log.FillAsync(1);
        string pack = ScrubRig.PackOf(git);
        string together = Path.Combine(git.Path, "objects/pack/multi-pack-index");
        foreach (string file in new[] { Path.ChangeExtension(pack, ".idx"), Path.ChangeExtension(pack, ".rev"), together })
        {
            ScrubRig.Flip(file, new FileInfo(file).Length / 2);
        }

        rig.Start();
        await rig.CycledAsync(1);
        Assert.Equal(3, rig.Scrub.Totals.Rebuilt);
        Assert.Equal(0, rig.Scrub.StatusOf(First)!.FaultCount);
        Assert.Null(await git.FsckAsync());

        // Known from the last time, and so missed.
        File.Delete(Path.ChangeExtension(pack, ".rev"));
        File.Delete(together);
        rig.Clock.Advance(TimeSpan.FromHours(1));
        await rig.CycledAsync(2);
        Assert.True(File.Exists(Path.ChangeExtension(pack, ".rev")));
        Assert.True(File.Exists(together));
        Assert.Equal(5, rig.Scrub.Totals.Rebuilt);
        Assert.Empty(rig.Repaired);
    }

    [Fact]
    public async Task RunAsync_RestartWithinACycle_GoesOnWithTheNextUnit()
    {
        await using ScrubRig rig = new(maxBytesPerSecond: 4096);
        foreach (string name in new[] { "a.git", "b.git", "c.git" })
        {
            await rig.AddAsync(name);
        }

        await rig.Log.FillAsync(1);
        rig.Start();
        await rig.UntilAsync(() => rig.Scrub.StatusOf(First)?.At is null ? "not read yet" : null, "the first repository");
        RepositoryName last = RepositoryName.Parse("c.git");
        Assert.Null(rig.Scrub.StatusOf(last)?.At);
        DateTimeOffset began = rig.Scrub.Totals.CycleBegan!.Value;
        DateTimeOffset at = rig.Scrub.StatusOf(First)!.At!.Value;

        await rig.RestartAsync();

        Assert.Equal(began, rig.Scrub.Totals.CycleBegan);
        await rig.CycledAsync(1);
        Assert.Equal(began, rig.Scrub.Totals.CycleBegan);
        Assert.Equal(at, rig.Scrub.StatusOf(First)!.At);
        Assert.NotNull(rig.Scrub.StatusOf(last)!.At);

        // And after the end of a cycle nothing is read again.
        long read = rig.Scrub.Totals.Bytes;
        await rig.RestartAsync();
        await rig.UntilAsync(() => rig.Clock.WaitingTimers > 0 ? null : "nobody waits", "the rest of the interval", clockRuns: false);
        Assert.Equal(0, rig.Scrub.Totals.Bytes);
        Assert.InRange(read, 1, long.MaxValue);
    }

    [Fact]
    public async Task RunAsync_StateFileDamaged_BeginsAnew()
    {
        await using ScrubRig rig = new();
        await rig.AddAsync("a.git");
        await rig.Log.FillAsync(1);
        rig.Start();
        await rig.CycledAsync(1);
        await rig.RestartAsync(() => File.WriteAllText(rig.StateFile, "{\"cycleBegan\":12"));
        await rig.CycledAsync(1);
        Assert.NotNull(rig.Scrub.StatusOf(First)!.At);
    }

    [Fact]
    public async Task RunAsync_ApplyIsBehind_Waits()
    {
        await using ScrubRig rig = new() { Behind = true };
        await rig.AddAsync("a.git");
        await rig.Log.FillAsync(1);
        rig.Start();
        await rig.UntilAsync(() => rig.Clock.WaitingTimers > 0 ? null : "nobody waits", "the pause", clockRuns: false);
        Assert.Equal(0, rig.Scrub.Totals.Bytes);
        rig.Behind = false;
        await rig.CycledAsync(1);
        Assert.InRange(rig.Scrub.Totals.Bytes, 1, long.MaxValue);
    }

    [Fact]
    public async Task Suspect_BetweenCycles_IsCheckedAtOnceAndNotAgainAtOnce()
    {
        await using ScrubRig rig = new();
        BareRepository git = await rig.AddAsync("a.git");
        await rig.Log.FillAsync(1);
        rig.Start();
        await rig.CycledAsync(1);
        ScrubRig.Flip(ScrubRig.PackOf(git), 200);
        rig.Scrub.Suspect(First);
        rig.Scrub.Suspect(First);
        rig.Scrub.Suspect(RepositoryName.Parse("none.git"));
        await rig.UntilAsync(() => rig.Repaired.Count > 0 ? null : "not found", "the check", clockRuns: false);
        Assert.Equal(1, rig.Scrub.Totals.Cycles);

        rig.Clock.Advance(TimeSpan.FromMinutes(5));
        rig.Scrub.Suspect(First);
        await rig.UntilAsync(() => rig.Repaired.Count > 1 ? null : "not found again", "the next check", clockRuns: false);
        Assert.Equal(2, rig.Scrub.Totals.Faults["pack-entry"]);
    }

    [Fact]
    public async Task RunAsync_LogOrSpoolDamaged_IsTold()
    {
        await using ScrubRig rig = new();
        SpooledBody body = await rig.Log.Spool.WriteAsync(new MemoryStream(new byte[300_000]), null, CancellationToken.None);
        rig.Log.Append(Samples.Draft(spooled: body));
        await rig.Log.FillAsync(5);
        rig.Start();
        await rig.CycledAsync(1);
        Assert.Empty(rig.Scrub.Totals.Log);
        Assert.InRange(rig.Scrub.Totals.Bytes, 300_000, long.MaxValue);

        ScrubRig.Flip(Path.Combine(rig.Log.SpoolFolder, body.Name.ToString()), 1000);
        rig.Clock.Advance(TimeSpan.FromHours(1));
        await rig.CycledAsync(2);
        Assert.Contains(body.Name.ToString(), Assert.Single(rig.Scrub.Totals.Log), StringComparison.Ordinal);
        Assert.Equal(1, rig.Scrub.Totals.Faults["log"]);

        File.Delete(Path.Combine(rig.Log.SpoolFolder, body.Name.ToString()));
        string segment = Directory.GetFiles(rig.Log.LogFolder, "segment-*").Order(StringComparer.Ordinal).First();
        using (FileStream file = new(segment, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))
        {
            file.Position = 300;
            int there = file.ReadByte();
            file.Position = 300;
            file.WriteByte((byte)(there ^ 1));
        }

        rig.Clock.Advance(TimeSpan.FromHours(1));
        await rig.CycledAsync(3);
        Assert.Contains(rig.Scrub.Totals.Log, static l => l.Contains("record", StringComparison.Ordinal));
    }

    [Fact]
    public async Task CheckAsync_OneAllOrNone_TellsEach()
    {
        await using ScrubRig rig = new();
        BareRepository git = await rig.AddAsync("a.git");
        await rig.AddAsync("b.git");
        await rig.Log.FillAsync(1);
        Assert.Null(await rig.Scrub.CheckAsync(RepositoryName.Parse("none.git"), CancellationToken.None));
        CheckOutcome sound = Assert.Single((await rig.Scrub.CheckAsync(First, CancellationToken.None))!);
        Assert.Empty(sound.Faults);
        Assert.InRange(sound.Bytes, new FileInfo(ScrubRig.PackOf(git)).Length, long.MaxValue);

        ScrubRig.Flip(ScrubRig.PackOf(git), 200);
        string index = Path.ChangeExtension(ScrubRig.PackOf(git), ".rev");
        ScrubRig.Flip(index, 15);
        IReadOnlyList<CheckOutcome> all = (await rig.Scrub.CheckAsync(null, CancellationToken.None))!;
        Assert.Equal(["a.git", "b.git", string.Empty], all.Select(static c => c.Repository));
        Assert.Equal("pack-entry", Assert.Single(all[0].Faults).Kind);
        Assert.Equal(1, all[0].Rebuilt);
        Assert.Empty(all[1].Faults);
        Assert.Empty(all[2].Faults);
    }
}
