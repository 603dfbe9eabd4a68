using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>A mirror that was away for so long that the primary's log no longer goes back to it.</summary>
public sealed class CutOffTests
{
    [Fact]
    public async Task CutOff_Mirror_FetchesOnlyWhatDiffers()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(TimeSpan.FromMilliseconds(300));
        await using MirrorRig mirror = new(primary.Address);
        string[] names = ["same.git", "pushed.git", "described.git", "removed.git"];
        BareRepository[] sources = [.. await SourcesAsync(primary, mirror, names)];
        ulong[] inodes = [.. names.Select(n => mirror[n].Inode)];
        await mirror.StopAsync();

        await AdvanceAsync(primary, sources[1]);
        await File.WriteAllTextAsync(Path.Combine(sources[2].Path, "description"), "others' words\n");
        await primary.RecordAsync(Storage.Log.LogRecordKind.Metadata, names[2]);
        Directory.Delete(sources[3].Path, recursive: true);
        await primary.RecordAsync(Storage.Log.LogRecordKind.Removed, names[3]);
        BareRepository appeared = await primary.RepositoryAsync("appeared.git");
        await TruncateAsync(primary);

        int before = primary.Snapshots;
        await mirror.StartAsync();
        await mirror.ConvergedAsync(sources[0], names[0]);
        await mirror.ConvergedAsync(sources[1], names[1]);
        await mirror.ConvergedAsync(appeared, "appeared.git");
        await mirror.GoneAsync(names[3]);
        await Patience.UntilAsync(_ => Task.FromResult(primary.Snapshots == before + 3 ? null : $"{primary.Snapshots - before} snapshots"), "the snapshots");
        await FollowTests.AssertSettledAsync(primary, mirror);
        Assert.Equal("others' words\n", await File.ReadAllTextAsync(Path.Combine(mirror[names[2]].Path, "description")));
        Assert.Equal(inodes[0], mirror[names[0]].Inode);
        Assert.Equal(names[3], Assert.Single(mirror.Node.Trash.Entries).Name);

        // It follows as ever, also after a restart.
        await AdvanceAsync(primary, sources[0]);
        await mirror.ConvergedAsync(sources[0], names[0]);
        await mirror.StopAsync();
        await AdvanceAsync(primary, sources[1]);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(sources[1], names[1]);
        await FollowTests.AssertSettledAsync(primary, mirror);
        Assert.Equal(before + 3, primary.Snapshots);
        foreach (BareRepository repository in BareRepository.FindAll(mirror.Root).Values)
        {
            Assert.Null(await repository.FsckAsync());
        }
    }

    [Fact]
    public async Task CutOff_WhileTheSnapshotIsOnItsWay_IsServedAsItWasAndNeverCalledFresh()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        await using MirrorRig mirror = new(primary.Address);
        BareRepository[] sources = [.. await SourcesAsync(primary, mirror, ["a.git"])];
        string refs = await mirror["a.git"].RefsTextAsync();
        await mirror.StopAsync();
        await AdvanceAsync(primary, sources[0]);
        await TruncateAsync(primary);
        TaskCompletionSource go = new();
        primary.MaySendSnapshots = go.Task;

        await mirror.StartAsync();
        await mirror.HeldAsync("a.git", "waits for its snapshot");
        Assert.True(mirror.State("a.git").IsServable);
        Assert.Equal(refs, await mirror["a.git"].RefsTextAsync());
        Assert.Null(mirror.Node.GetStatus().Repositories.Single().LagSeconds);

        // Nothing of the old log tells after a restart that it is behind.
        await mirror.StopAsync();
        await mirror.StartAsync();
        await Patience.UntilAsync(
            _ => Task.FromResult(mirror.Node.GetStatus().Connected ? null : "not connected"), "the link");
        Assert.NotEqual(RepositoryCondition.Live, mirror.State("a.git").Condition);
        go.SetResult();
        await mirror.ConvergedAsync(sources[0], "a.git");
        await FollowTests.AssertSettledAsync(primary, mirror);
    }

    [Fact]
    public async Task CutOff_ManyRepositoriesNotListed_AreKeptUntilSomebodyAccepts()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(TimeSpan.FromMilliseconds(200));
        await using MirrorRig mirror = new(primary.Address);
        string[] names = ["a.git", "b.git", "c.git"];
        BareRepository[] sources = [.. await SourcesAsync(primary, mirror, names)];
        await mirror.StopAsync();
        Directory.Delete(sources[0].Path, recursive: true);
        Directory.Delete(sources[1].Path, recursive: true);
        await Patience.UntilAsync(
            cancellation =>
            {
                // A look at a folder that is half deleted may be what is accepted first.
                cancellation.ThrowIfCancellationRequested();
                primary.Node.Accept(null);
                string[] removed = [.. primary.Records().Where(static r => r.Kind == Storage.Log.LogRecordKind.Removed).Select(static r => r.Repository.Value)];
                return Task.FromResult(removed.Order(StringComparer.Ordinal).SequenceEqual(names[..2]) ? null : string.Join(' ', removed));
            },
            "both removals");
        await TruncateAsync(primary);

        await mirror.StartAsync();
        await mirror.HeldAsync(names[0], "mirrorsync accept");
        await mirror.HeldAsync(names[1], "mirrorsync accept");
        Assert.True(Directory.Exists(mirror[names[0]].Path));
        Assert.Equal(2, mirror.Node.Accept(null).Count);
        await mirror.GoneAsync(names[0]);
        await mirror.GoneAsync(names[1]);
        await mirror.ConvergedAsync(sources[2], names[2]);
    }

    private static async Task<List<BareRepository>> SourcesAsync(PrimaryRig primary, MirrorRig mirror, string[] names)
    {
        List<BareRepository> sources = [];
        foreach (string name in names)
        {
            sources.Add(await primary.RepositoryAsync(name));
        }

        await mirror.StartAsync();
        foreach ((string name, BareRepository source) in names.Zip(sources))
        {
            await mirror.ConvergedAsync(source, name);
        }

        return sources;
    }

    private static async Task AdvanceAsync(PrimaryRig primary, BareRepository source)
    {
        await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync("later", await source.IdOfAsync("main")));
        await primary.CapturedAsync(source);
    }

    private static async Task TruncateAsync(PrimaryRig primary)
    {
        await primary.Log.TruncateAsync(primary.Log.Committed.Sequence, CancellationToken.None);
        Assert.Equal(primary.Log.Committed, primary.Log.Base);
    }
}
