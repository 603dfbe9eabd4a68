using System.Text;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>Snapshots and spooled bodies that are cut, stalled, damaged and gone on with.</summary>
public sealed class TransferTests
{
    private const string Name = "group/a.git";

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Snapshot_CutInEveryRegion_IsSentOnceAltogether(int seed)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await PackedAsync(primary);
        await using MirrorRig mirror = new(primary.Address);
        TransferFaults faults = primary.Faults = new TransferFaults();
        faults.BeforeCut = () => ArrivedAsync(faults, mirror);

        // Within its head, and then anywhere: entries of all kinds, checksums, the ends of parts.
        Random random = new(seed);
        faults.CutAfter([1, 11, .. Enumerable.Range(0, 8).Select(_ => (long)random.Next(1, 400_000))]);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);

        Assert.True(faults.Transfers.Count(static t => t.Offset > 0) >= 3, string.Join(", ", faults.Transfers));
        Assert.Equal(faults.Total, faults.Sent);
        Assert.Equal(1, primary.Pins.Made);
        Assert.Null(await mirror[Name].FsckAsync());
        Assert.Empty(Incoming(mirror));
        await FollowTests.AssertSettledAsync(primary, mirror);
    }

    [Fact]
    public async Task Snapshot_MirrorRestartedInBetween_GoesOnWithWhatIsOnItsDisk()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await PackedAsync(primary);
        await using MirrorRig mirror = new(primary.Address);
        TaskCompletionSource go = new();
        TransferFaults faults = primary.Faults = new TransferFaults { Stall = (300_000, go.Task) };
        await mirror.StartAsync();
        await StalledAsync(faults, mirror);
        await mirror.StopAsync();
        long kept = Kept(mirror);
        int before = faults.Transfers.Count;

        go.SetResult();
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        Assert.InRange(kept, 1, faults.Total - 1);
        Assert.Equal(faults.Total - kept, faults.Transfers.Skip(before).Sum(static t => t.Offered));
        Assert.Equal(1, primary.Pins.Made);
        Assert.Null(await mirror[Name].FsckAsync());
    }

    [Fact]
    public async Task Snapshot_PrimaryRestartedInBetween_SendsOnlyWhatIsMissing()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await PackedAsync(primary);
        await using MirrorRig mirror = new(primary.Address);
        TaskCompletionSource go = new();
        TransferFaults faults = primary.Faults = new TransferFaults { Stall = (300_000, go.Task) };
        await mirror.StartAsync();
        await StalledAsync(faults, mirror);
        faults.Stall = null;
        int before = faults.Transfers.Count;
        long kept = Kept(mirror);
        long total = 0;
        await primary.RestartAsync(() =>
        {
            total = faults.Transfers.Where(static t => t.Offset == 0).Sum(static t => t.Offered);
            return Task.CompletedTask;
        });
        go.SetResult();

        await mirror.ConvergedAsync(source, Name);
        long again = faults.Transfers.Skip(before).Sum(static t => t.Offered);
        Assert.True(again < faults.Transfers.Skip(before).Sum(static t => t.Offset + t.Offered), string.Join(", ", faults.Transfers));
        Assert.InRange(kept, 1, long.MaxValue);
        Assert.True(faults.Transfers[before].Offset > 0, $"{total}: {string.Join(", ", faults.Transfers)}");
        Assert.Null(await mirror[Name].FsckAsync());
    }

    [Theory]
    [InlineData(5)]
    [InlineData(100_000)]
    [InlineData(500_000)]
    public async Task Snapshot_WithAByteThatIsWrong_FetchesThatPartAnew(long place)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await PackedAsync(primary);
        await using MirrorRig mirror = new(primary.Address);
        TransferFaults faults = primary.Faults = new TransferFaults();
        faults.FlipAt(place);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        Assert.Null(await mirror[Name].FsckAsync());
        Assert.True(faults.Sent > place);
        Assert.Empty(Incoming(mirror));
        await FollowTests.AssertSettledAsync(primary, mirror);
    }

    [Fact]
    public async Task Snapshot_RepackedAndCollectedInBetween_IsThatOfItsPosition()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await PackedAsync(primary);
        await using MirrorRig mirror = new(primary.Address);
        TaskCompletionSource go = new();
        TransferFaults faults = primary.Faults = new TransferFaults { Stall = (300_000, go.Task) };
        await mirror.StartAsync();
        await StalledAsync(faults, mirror);

        // A force-push, and then all that it left behind is deleted.
        string old = await source.IdOfAsync("main");
        string other = await source.CommitAsync("another history");
        await source.GitAsync("update-ref", "refs/heads/main", other);
        await primary.CapturedAsync(source);
        for (int i = 0; i < 3; i++)
        {
            await source.GitAsync("reflog", "expire", "--expire=now", "--all");
            await source.GitAsync("repack", "-adfq");
            await source.GitAsync("prune", "--expire=now");
        }

        Assert.NotEqual(0, (await StockGit.TryAsync(source.Path, ["cat-file", "-e", old])).Code);
        go.SetResult();
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal((1, 1), (primary.Pins.Made, primary.Snapshots));
        Assert.Equal(faults.Total, faults.Sent);
        Assert.Null(await mirror[Name].FsckAsync());

        // What is gone at the primary came with the packs that were held.
        Assert.Equal(0, (await StockGit.TryAsync(mirror[Name].Path, ["cat-file", "-e", old])).Code);
        await FollowTests.AssertSettledAsync(primary, mirror);
    }

    [Fact]
    public async Task Snapshot_WithPushesAndRepacksAllTheWhile_Converges()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await PackedAsync(primary);
        using CancellationTokenSource stop = new();
        Task busy = Task.Run(async () =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync($"push {i}", await source.IdOfAsync("main")));
                await source.GitAsync("repack", i % 2 == 0 ? "-adq" : "-dq");
            }
        });
        for (int i = 0; i < 3; i++)
        {
            await using MirrorRig mirror = new(primary.Address, new NodeIdentity($"m{i}", "eu", "fleet"));
            await mirror.StartAsync();
            await LiveAsync(mirror);
            Assert.Null(await mirror[Name].FsckAsync());
        }

        await stop.CancelAsync();
        await busy;
        await using MirrorRig last = new(primary.Address);
        await last.StartAsync();
        await last.ConvergedAsync(source, Name);
        Assert.Null(await last[Name].FsckAsync());
    }

    [Fact]
    public async Task Snapshot_ForSeveralMirrors_IsMadeOnce()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await PackedAsync(primary);
        await using MirrorRig a = new(primary.Address, new NodeIdentity("a", "eu", "fleet"));
        await using MirrorRig b = new(primary.Address, new NodeIdentity("b", "eu", "fleet"));
        await Task.WhenAll(a.StartAsync(), b.StartAsync());
        await a.ConvergedAsync(source, Name);
        await b.ConvergedAsync(source, Name);
        Assert.Equal(1, primary.Pins.Made);
    }

    [Fact]
    public async Task Snapshot_OfACopyWhosePacksAreGood_FetchesNoneOfThem()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await PackedAsync(primary);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        string[] packs = [.. Directory.GetFiles(Path.Combine(mirror[Name].Path, "objects/pack"), "*.pack").Order(StringComparer.Ordinal)];
        await mirror.StopAsync();

        // A ref that somebody changed by hand, and one pack with a byte that has turned.
        await mirror[Name].GitAsync("update-ref", "refs/heads/main", "refs/heads/topic");
        string damaged = packs.MaxBy(static p => new FileInfo(p).Length)!;
        byte[] bytes = await File.ReadAllBytesAsync(damaged);
        bytes[bytes.Length / 2] ^= 1;
        File.Delete(damaged);
        await File.WriteAllBytesAsync(damaged, bytes);

        TransferFaults faults = primary.Faults = new TransferFaults();
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        Assert.Null(await mirror[Name].FsckAsync());
        Assert.True(faults.Sent < bytes.Length + 10_000, $"{bytes.Length}: {string.Join(", ", faults.Transfers)}");
        Assert.Equal(packs, Directory.GetFiles(Path.Combine(mirror[Name].Path, "objects/pack"), "*.pack").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Snapshot_WithUnreachableObjectsThatAreNotWhole_IsTakenAllTheSame()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await PackedAsync(primary);
        string blob = await StockGit.FeedAsync(source.Path, Encoding.UTF8.GetBytes("gone"), "hash-object", "-w", "--stdin");
        string whole = await StockGit.FeedAsync(source.Path, Encoding.UTF8.GetBytes("damaged"), "hash-object", "-w", "--stdin");
        string tree = await StockGit.FeedAsync(source.Path, Encoding.UTF8.GetBytes($"100644 blob {blob}\tfile\n"), "mktree");
        File.Delete(Path.Combine(source.Path, "objects", blob[..2], blob[2..]));
        string damaged = Path.Combine(source.Path, "objects", whole[..2], whole[2..]);
        File.Delete(damaged);
        await File.WriteAllBytesAsync(damaged, [1, 2, 3]);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(0, (await StockGit.TryAsync(mirror[Name].Path, ["cat-file", "-e", tree])).Code);
    }

    [Fact]
    public async Task Snapshot_LackingWhatARefReaches_IsNotTaken()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await PackedAsync(primary);
        string blob = await source.IdOfAsync("main:file");
        await source.LoseAsync(blob);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await Patience.UntilAsync(
            _ => Task.FromResult(mirror.Table.TryGet(RepositoryName.Parse(Name), out RepositoryState? state)
                && state.Reason?.Contains("not all that the refs reach", StringComparison.Ordinal) == true ? null : state?.Reason ?? "not asked"),
            "the refusal");
        Assert.False(Directory.Exists(mirror[Name].Path));

        await StockGit.FeedAsync(source.Path, Encoding.UTF8.GetBytes("the last"), "hash-object", "-w", "--stdin");
        await mirror.ConvergedAsync(source, Name);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Body_CutInEveryRegion_IsSentOnceAltogether(int seed)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        TransferFaults faults = primary.Faults = new TransferFaults();
        faults.BeforeCut = () => ArrivedAsync(faults, mirror);
        Random random = new(seed);
        faults.CutAfter([1, .. Enumerable.Range(0, 5).Select(_ => (long)random.Next(1, 150_000))]);
        await FollowTests.PushNoiseAsync(source);
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(faults.Total, faults.Sent);
        Assert.True(faults.Transfers.Count > 2);
        await FollowTests.AssertSettledAsync(primary, mirror);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Body_MirrorRestartedInBetween_GoesOnUnlessThePartWasDamaged(bool damage)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        TaskCompletionSource go = new();
        TransferFaults faults = primary.Faults = new TransferFaults { Stall = (200_000, go.Task) };
        await FollowTests.PushNoiseAsync(source);
        await StalledAsync(faults, mirror);
        await mirror.StopAsync();
        FileInfo part = Assert.Single(Incoming(mirror));
        if (damage)
        {
            byte[] bytes = await File.ReadAllBytesAsync(part.FullName);
            bytes[1000] ^= 4;
            await File.WriteAllBytesAsync(part.FullName, bytes);
        }

        go.SetResult();
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(part.Length, faults.Transfers[1].Offset);
        Assert.Equal(damage ? 3 : 2, faults.Transfers.Count);
        Assert.Equal(1, primary.Snapshots);
        LogRecord record = mirror.Log.ReadRecord(mirror.Log.Committed.Sequence);
        await mirror.Spool.VerifyAsync(record.Spooled!.Value, CancellationToken.None);
        await FollowTests.AssertSettledAsync(primary, mirror);
    }

    [Fact]
    public async Task Transfer_StalledForOneMirror_HoldsUpNoOther()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await PackedAsync(primary);
        await using MirrorRig stalled = new(primary.Address, new NodeIdentity("stalled", "eu", "fleet"));
        TaskCompletionSource go = new();
        TransferFaults faults = primary.Faults = new TransferFaults { Stall = (300_000, go.Task) };
        await stalled.StartAsync();
        await StalledAsync(faults, stalled);
        faults.Stall = null;

        await using MirrorRig good = new(primary.Address, new NodeIdentity("good", "eu", "fleet"));
        await good.StartAsync();
        await good.ConvergedAsync(source, Name);
        BareRepository small = await primary.RepositoryAsync("small.git");
        await good.ConvergedAsync(small, "small.git");
        await stalled.ConvergedAsync(small, "small.git");
        Assert.False(Directory.Exists(stalled[Name].Path));

        go.SetResult();
        await stalled.ConvergedAsync(source, Name);
    }

    /// <summary>A repository of several packs, some of them large, and some loose objects.</summary>
    private static async Task<BareRepository> PackedAsync(PrimaryRig primary)
    {
        BareRepository source = await primary.RepositoryAsync(Name);
        await source.GitAsync("repack", "-dq");
        for (int i = 0; i < 3; i++)
        {
            await FollowTests.PushNoiseAsync(source, seed: i, length: 400_000 + (i * 100_000));
            await source.GitAsync("repack", "-dq");
        }

        await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync("the last", await source.IdOfAsync("main")));
        await primary.CapturedAsync(source);
        return source;
    }

    /// <summary>What has come and is not in place.</summary>
    private static IReadOnlyList<FileInfo> Incoming(MirrorRig mirror) =>
    [
        .. Files(Path.Combine(mirror.Root, ".mirrorsync-incoming"), "part-*"),
        .. Files(Path.Combine(mirror.Root, ".mirrorsync-incoming"), "pack-*.pack"),
        .. Files(mirror.SpoolFolder, "incoming-*"),
    ];

    private static FileInfo[] Files(string folder, string pattern) =>
        Directory.Exists(folder) ? new DirectoryInfo(folder).GetFiles(pattern, SearchOption.AllDirectories) : [];

    private static long Kept(MirrorRig mirror) => Incoming(mirror).Sum(static f => f.Length);

    private static Task ArrivedAsync(TransferFaults faults, MirrorRig mirror) => Patience.UntilAsync(
        _ => Task.FromResult(Kept(mirror) == faults.Sent ? null : $"{Kept(mirror)} of {faults.Sent} bytes"), "what was sent to arrive");

    /// <summary>Waits until a transfer stands still in its midst, and all before is on the mirror's disk.</summary>
    private static Task StalledAsync(TransferFaults faults, MirrorRig mirror) => Patience.UntilAsync(
        _ => Task.FromResult(faults.Stall is var (limit, _) && faults.Transfers.Any(t => t.Offered > limit && t.Sent > 0 && t.Sent + (256 << 10) > limit)
            && Kept(mirror) == faults.Sent ? null : $"{Kept(mirror)} of {faults.Sent}: {string.Join(", ", faults.Transfers)}"),
        "the transfer to stall");

    private static Task LiveAsync(MirrorRig mirror) => Patience.UntilAsync(
        _ => Task.FromResult(mirror.Table.TryGet(RepositoryName.Parse(Name), out RepositoryState? state) && state.Condition == RepositoryCondition.Live
            ? null : state?.Reason ?? "unknown"),
        "the snapshot");
}
