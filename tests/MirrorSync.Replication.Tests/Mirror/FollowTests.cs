using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>A primary and a mirror in one process, over HTTP/2, with real repositories.</summary>
public sealed class FollowTests
{
    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task Follow_EmptyMirror_ComesUpBySnapshotAndFollows(string format)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync("group/a.git", format);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, "group/a.git");
        Assert.Equal(1, primary.Snapshots);

        string tip = await source.CommitAsync("third", await source.IdOfAsync("main"));
        await source.GitAsync("update-ref", "refs/heads/main", tip);
        await source.GitAsync("symbolic-ref", "HEAD", "refs/heads/topic");
        await source.GitAsync("tag", "-a", "-m", "two", "v2", "main");
        await primary.CapturedAsync(source);
        await mirror.ConvergedAsync(source, "group/a.git");
        await source.GitAsync("update-ref", "-d", "refs/heads/topic");
        await source.GitAsync("update-ref", "refs/heads/topic/deeper", tip);
        await source.GitAsync("update-ref", "--no-deref", "HEAD", tip);
        await mirror.ConvergedAsync(source, "group/a.git");
        Assert.Equal(1, primary.Snapshots);
        Assert.Null(await mirror["group/a.git"].FsckAsync());
        await AssertSettledAsync(primary, mirror);
    }

    [Fact]
    public async Task Follow_RepositoryAppears_ComesAndTheLagIsNeverUnknown()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository a = await primary.RepositoryAsync("a.git");
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(a, "a.git");
        await Patience.UntilAsync(_ => Task.FromResult(mirror.Node.GetStatus().LagSeconds is null ? "no lag yet" : null), "a first proof");

        using CancellationTokenSource stop = new();
        Task<int> watching = Task.Run(async () =>
        {
            int unknown = 0;
            while (!stop.IsCancellationRequested)
            {
                unknown += mirror.Node.GetStatus().LagSeconds is null ? 1 : 0;
                await Task.Yield();
            }

            return unknown;
        });
        for (int i = 0; i < 3; i++)
        {
            BareRepository next = await primary.RepositoryAsync($"new-{i}.git");
            await mirror.ConvergedAsync(next, $"new-{i}.git");
        }

        await stop.CancelAsync();
        Assert.Equal(0, await watching);
    }

    [Fact]
    public async Task Follow_LargePush_ComesOutOfTheSpool()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync("a.git");
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, "a.git");
        await PushNoiseAsync(source);
        await mirror.ConvergedAsync(source, "a.git");
        await AssertSettledAsync(primary, mirror);
        LogRecord record = mirror.Log.ReadRecord(mirror.Log.Committed.Sequence);
        await mirror.Spool.VerifyAsync(record.Spooled!.Value, CancellationToken.None);
        Assert.Null(await mirror["a.git"].FsckAsync());
    }

    [Fact]
    public async Task Follow_BodyLostAtThePrimary_IsMadeUpForByASnapshot()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync("a.git");
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, "a.git");
        await mirror.StopAsync();
        await PushNoiseAsync(source);
        await primary.CapturedAsync(source);
        LogRecord record = primary.Log.ReadRecord(primary.Log.Committed.Sequence);
        File.Delete(Path.Combine(primary.SpoolFolder, record.Spooled!.Value.Name.ToString()));

        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, "a.git");
        await AssertSettledAsync(primary, mirror);
        Assert.Equal(2, primary.Snapshots);
        Assert.Null(await mirror["a.git"].FsckAsync());
    }

    [Fact]
    public async Task Follow_Restarted_GoesOnFromItsPositionWithoutASnapshot()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync("a.git");
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, "a.git");
        ulong inode = mirror["a.git"].Inode;
        await mirror.StopAsync();
        for (int i = 0; i < 3; i++)
        {
            await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync("change " + i, await source.IdOfAsync("main")));
            await primary.CapturedAsync(source);
        }

        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, "a.git");
        await AssertSettledAsync(primary, mirror);
        Assert.Equal((1, inode), (primary.Snapshots, mirror["a.git"].Inode));
    }

    [Fact]
    public async Task Follow_ManyRepositoriesPushedTo_AllConverge()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        List<BareRepository> sources = [];
        for (int i = 0; i < 5; i++)
        {
            sources.Add(await primary.RepositoryAsync($"r{i}.git"));
        }

        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        for (int round = 0; round < 3; round++)
        {
            foreach (BareRepository source in sources)
            {
                await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync("round " + round, await source.IdOfAsync("main")));
            }
        }

        foreach (BareRepository source in sources)
        {
            await mirror.ConvergedAsync(source, Path.GetFileName(source.Path));
            Assert.Null(await mirror[Path.GetFileName(source.Path)].FsckAsync());
        }

        await AssertSettledAsync(primary, mirror);
    }

    [Fact]
    public async Task Follow_FolderOfOthersInTheWay_IsNotDeleted()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        await using MirrorRig mirror = new(primary.Address);
        string others = Path.Combine(mirror.Root, "a.git", "kept");
        Directory.CreateDirectory(others);
        await File.WriteAllTextAsync(Path.Combine(others, "file"), "somebody's");
        await primary.RepositoryAsync("a.git");
        await mirror.StartAsync();
        await Patience.UntilAsync(
            _ => Task.FromResult(
                mirror.Table.TryGet(RepositoryName.Parse("a.git"), out RepositoryState? state)
                    && state.Reason?.Contains("in the way", StringComparison.Ordinal) == true ? null : state?.Reason ?? "not yet"),
            "the refusal");
        Assert.True(File.Exists(Path.Combine(others, "file")));
    }

    [Fact]
    public async Task Follow_NoPrimaryThere_SaysSoAndGoesOn()
    {
        await using MirrorRig mirror = new(new Uri("http://127.0.0.1:1"));
        await mirror.StartAsync();
        await Patience.UntilAsync(
            _ => Task.FromResult(
                mirror.Node.GetStatus().LinkProblem?.Contains("127.0.0.1:1", StringComparison.Ordinal) == true ? null : "no word"),
            "the problem");
        Assert.False(mirror.Node.GetStatus().Connected);
        Assert.Null(mirror.Node.GetStatus().LagSeconds);
    }

    [Fact]
    public async Task Follow_AnotherFleet_IsRefusedInItsWords()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        await using MirrorRig mirror = new(primary.Address, new NodeIdentity("ams", "eu", "other"));
        await mirror.StartAsync();
        await Patience.UntilAsync(
            _ => Task.FromResult(
                mirror.Node.GetStatus().LinkProblem?.Contains("fleet", StringComparison.Ordinal) == true ? null : "no refusal"),
            "the refusal");
        Assert.Empty(primary.Server.GetStatus().Mirrors);
    }

    internal static async Task PushNoiseAsync(BareRepository source, int seed = 7, int length = 700_000)
    {
        byte[] noise = new byte[length];
        new Random(seed).NextBytes(noise);
        string blob = await StockGit.FeedAsync(source.Path, noise, "hash-object", "-w", "--stdin");
        string tree = await StockGit.FeedAsync(source.Path, System.Text.Encoding.ASCII.GetBytes($"100644 blob {blob}\tnoise\n"), "mktree");
        string commit = await source.GitAsync("commit-tree", tree, "-p", "main", "-m", "noise");
        await source.GitAsync("update-ref", "refs/heads/main", commit);
    }

    /// <summary>Both logs equal, all acknowledged, the lag proven.</summary>
    internal static Task AssertSettledAsync(PrimaryRig primary, MirrorRig mirror) => Patience.UntilAsync(
        _ =>
        {
            var status = primary.Server.GetStatus();
            var seen = status.Mirrors.SingleOrDefault();
            return Task.FromResult(
                mirror.Log.Committed != primary.Log.Committed ? $"the logs are at {mirror.Log.Committed} and {primary.Log.Committed}"
                : seen?.DurableSequence != primary.Log.Committed.Sequence ? $"acknowledged as durable: {seen?.DurableSequence}"
                : seen.RepositoriesConverged != status.Repositories.Count ? $"{seen.RepositoriesConverged} converged"
                : mirror.Node.GetStatus().LagSeconds is null ? "no lag"
                : null);
        },
        "acknowledgements");
}
