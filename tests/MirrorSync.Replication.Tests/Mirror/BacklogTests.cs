using MirrorSync.Git.Packs;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>Deltas that waited: consecutive ones of a repository become one pack and one state.</summary>
public sealed class BacklogTests
{
    private const string Name = "a.git";

    [Theory]
    [InlineData("sha1")]
    [InlineData("sha256")]
    public async Task Backlog_OfManySmallDeltas_BecomesOnePackAndOneState(string format)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name, format);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        int packs = Packs(mirror).Length;
        ulong before = mirror.State(Name).Applied.Sequence;
        await mirror.StopAsync();
        for (int i = 0; i < 40; i++)
        {
            // A ref that moves, one that comes and goes, and an annotated tag.
            await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync($"change {i}", await source.IdOfAsync("main")));
            await source.GitAsync(i % 2 == 0 ? ["branch", "passing", "main"] : ["branch", "-D", "passing"]);
            await source.GitAsync("tag", "-a", "-m", "tag", $"v-{i}", "main");
            await primary.CapturedAsync(source);
        }

        ulong waiting = (ulong)primary.Records().Count(r => r.Repository.Value == Name && r.Sequence > before);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await FollowTests.AssertSettledAsync(primary, mirror);

        // The first few may be there before the rest has come.
        Assert.True(waiting >= 40, $"{waiting}");
        Assert.InRange(Packs(mirror).Length - packs, 1, 10);
        Assert.Null(await mirror[Name].FsckAsync());
        Assert.Equal(primary.Records().Last(static r => r.Repository.Value == Name).Sequence, mirror.State(Name).Applied.Sequence);
    }

    [Fact]
    public async Task Backlog_OfDeltasThatBringAnObjectTwice_IsAppliedOneByOne()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await mirror.StopAsync();
        string commit = await source.CommitAsync("there and gone and there", await source.IdOfAsync("main"));
        for (int i = 0; i < 3; i++)
        {
            await source.GitAsync("update-ref", "refs/heads/again", commit);
            await primary.CapturedAsync(source);
            await source.GitAsync("update-ref", "-d", "refs/heads/again");
            await primary.CapturedAsync(source);
        }

        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await FollowTests.AssertSettledAsync(primary, mirror);
        Assert.Equal(1, primary.Snapshots);
        Assert.Null(await mirror[Name].FsckAsync());
    }

    [Fact]
    public async Task Backlog_OnACopyThatIsNotTheLogs_IsMadeUpForByASnapshot()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        TaskCompletionSource go = new();
        primary.MaySendSnapshots = go.Task;
        mirror[Name].RemovePacks();
        for (int i = 0; i < 10; i++)
        {
            await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync($"change {i}", await source.IdOfAsync("main")));
            await primary.CapturedAsync(source);
        }

        await Patience.UntilAsync(
            _ => Task.FromResult(mirror.State(Name).Condition == RepositoryCondition.Damaged ? null : "not seen"), "the damage to be seen");
        go.SetResult();
        await mirror.ConvergedAsync(source, Name);
        await FollowTests.AssertSettledAsync(primary, mirror);
        Assert.Null(await mirror[Name].FsckAsync());
    }

    [Fact]
    public async Task Join_PacksOfTwoPushes_IsAPackThatGitTakes()
    {
        using TempFolder folder = new();
        BareRepository repository = await BareRepository.InitAsync(folder["a.git"], "sha1");
        string first = await repository.CommitAsync("one");
        string second = await repository.CommitAsync("two", first);
        byte[] a = await PackAsync(repository, $"{first}\n");
        byte[] b = await PackAsync(repository, $"{second}\n^{first}\n");
        byte[] joined = JoinedPack.Join([a, b], Git.Objects.ObjectFormat.Sha1)!;
        BareRepository other = await BareRepository.InitAsync(folder["b.git"], "sha1");
        await StockGit.FeedAsync(other.Path, joined, "index-pack", "--strict", "--stdin");
        await other.GitAsync("update-ref", "refs/heads/main", second);
        Assert.Null(await other.FsckAsync());
        Assert.Null(JoinedPack.Join([a, b.AsMemory(0, 20)], Git.Objects.ObjectFormat.Sha1));
        Assert.Null(JoinedPack.Join([a, new byte[100]], Git.Objects.ObjectFormat.Sha1));
    }

    private static async Task<byte[]> PackAsync(BareRepository repository, string tips)
    {
        string file = Path.Combine(repository.Path, "made");
        await StockGit.FeedAsync(repository.Path, System.Text.Encoding.ASCII.GetBytes(tips), "pack-objects", "--revs", "-q", file);
        return await File.ReadAllBytesAsync(Directory.GetFiles(repository.Path, "made-*.pack").MaxBy(File.GetLastWriteTimeUtc)!);
    }

    private static string[] Packs(MirrorRig mirror) => Directory.GetFiles(Path.Combine(mirror[Name].Path, "objects/pack"), "*.pack");
}
