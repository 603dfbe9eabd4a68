using System.Diagnostics;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>Forks that borrow objects through alternates borrow them on mirrors too.</summary>
public sealed class BorrowingTests
{
    private const string Base = "base.git";
    private const string Fork = "forks/fork.git";
    private const string Second = "forks/second.git";

    [Fact]
    public async Task Fork_OfABaseInTheRoot_BorrowsOnTheMirror()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository origin = await primary.RepositoryAsync(Base);
        BareRepository fork = await ForkAsync(primary, Base, Fork);
        BareRepository second = await ForkAsync(primary, Fork, Second);
        string own = await PushAsync(primary, fork, "of the fork alone");
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork), (second, Second));

        Assert.Equal("../../../base.git/objects\n", await AlternatesAsync(mirror[Fork]));
        Assert.Equal("../../fork.git/objects\n", await AlternatesAsync(mirror[Second]));
        Assert.Equal(await OwnObjectsAsync(origin), await OwnObjectsAsync(mirror[Base]));
        Assert.Equal([own], (await OwnObjectsAsync(mirror[Fork])).Intersect([own]));
        Assert.Equal(3, (await OwnObjectsAsync(mirror[Fork])).Length);
        Assert.Empty(await OwnObjectsAsync(mirror[Second]));
        await AssertSoundAsync(mirror);
    }

    [Fact]
    public async Task Fork_ThatTakesWhatItsBaseHas_IsSentNothingTwice()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository origin = await primary.RepositoryAsync(Base);
        BareRepository fork = await ForkAsync(primary, Base, Fork);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));
        int snapshots = primary.Snapshots;

        string upstream = await PushAsync(primary, origin, "upstream");
        await fork.GitAsync("update-ref", "refs/heads/main", upstream);
        await primary.CapturedAsync(fork);
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));
        Assert.Empty(await OwnObjectsAsync(mirror[Fork]));
        Assert.Equal(snapshots, primary.Snapshots);
        await AssertSoundAsync(mirror);
    }

    [Fact]
    public async Task Fork_BeforeAndAfterARestart_ComesAfterItsBase()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository origin = await primary.RepositoryAsync(Base);
        BareRepository fork = await ForkAsync(primary, Base, Fork);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));
        await mirror.StopAsync();
        byte[] old = await File.ReadAllBytesAsync(mirror.CheckpointFile);
        string saved = mirror.Root + ".old";
        using Process copy = Process.Start("cp", ["-a", mirror.Root, saved]);
        await copy.WaitForExitAsync();
        await mirror.StartAsync();
        for (int i = 0; i < 3; i++)
        {
            string upstream = await PushAsync(primary, origin, "upstream " + i);
            await fork.GitAsync("update-ref", "refs/heads/main", upstream);
            await primary.CapturedAsync(fork);
            await PushAsync(primary, fork, "own " + i);
        }

        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));
        await mirror.StopAsync();

        // As after a power loss: of what came after the checkpoint only the log is on the disk.
        await File.WriteAllBytesAsync(mirror.CheckpointFile, old);
        Directory.Delete(mirror.Root, recursive: true);
        Directory.Move(saved, mirror.Root);
        await mirror.RecoverAsync();
        Assert.Equal((RepositoryCondition.Live, null), (mirror.State(Fork).Condition, mirror.State(Fork).Reason));
        Assert.Equal(await fork.RefsTextAsync(), await mirror[Fork].RefsTextAsync());
        await AssertSoundAsync(mirror);
    }

    [Fact]
    public async Task Fork_WhoseBaseIsReplaced_IsWholeAgain()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository origin = await primary.RepositoryAsync(Base);
        string before = await origin.IdOfAsync("main");
        string lost = await PushAsync(primary, origin, "in the fork only, later");
        BareRepository fork = await ForkAsync(primary, Base, Fork);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));

        int snapshots = primary.Snapshots;

        // The base's new copy lacks what its refs no longer reach; the fork's refs still do, and the fork has it by now.
        await origin.GitAsync("update-ref", "refs/heads/main", before);
        await primary.CapturedAsync(origin);
        await fork.GitAsync("repack", "-adq");
        await origin.GitAsync("reflog", "expire", "--expire=now", "--all");
        await origin.GitAsync("prune", "--expire=now");
        await mirror.ConvergedAsync(origin, Base);
        mirror[Base].RemovePacks();
        await PushAsync(primary, origin, "makes the loss seen");
        await mirror.ConvergedAsync(origin, Base);
        await Patience.UntilAsync(_ => Task.FromResult(primary.Snapshots == snapshots + 2 ? null : $"{primary.Snapshots} snapshots"), "the fork's new copy");
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));
        Assert.Contains(lost, await OwnObjectsAsync(mirror[Fork]));
        await AssertSoundAsync(mirror);
    }

    [Fact]
    public async Task Fork_ThatBecomesWhole_IsWholeOnTheMirror()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository origin = await primary.RepositoryAsync(Base);
        BareRepository fork = await ForkAsync(primary, Base, Fork);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));

        await fork.GitAsync("repack", "-a", "-d", "-q");
        File.Delete(Path.Combine(fork.Path, "objects/info/alternates"));
        await DescribeAsync(fork, "on its own now");
        await Patience.UntilAsync(
            async _ => await AlternatesAsync(mirror[Fork]) is var lines and not "" ? lines : null, "a fork without alternates");
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));
        Assert.Equal(await OwnObjectsAsync(fork), await OwnObjectsAsync(mirror[Fork]));
        await AssertSoundAsync(mirror);
    }

    [Fact]
    public async Task Fork_ThatBeginsToBorrow_BorrowsOnTheMirror()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository origin = await primary.RepositoryAsync(Base);
        BareRepository other = await primary.RepositoryAsync(Fork);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ConvergedAsync(mirror, (origin, Base), (other, Fork));
        int snapshots = primary.Snapshots;

        await File.WriteAllTextAsync(Path.Combine(other.Path, "objects/info/alternates"), Path.Combine(origin.Path, "objects") + "\n");
        await DescribeAsync(other, "borrows now");
        await Patience.UntilAsync(
            async _ => await AlternatesAsync(mirror[Fork]) is "../../../base.git/objects\n" ? null : "not yet", "alternates");
        string upstream = await PushAsync(primary, origin, "upstream");
        await other.GitAsync("update-ref", "refs/heads/main", upstream);
        await primary.CapturedAsync(other);
        await ConvergedAsync(mirror, (origin, Base), (other, Fork));
        Assert.DoesNotContain(upstream, await OwnObjectsAsync(mirror[Fork]));
        Assert.Equal(snapshots, primary.Snapshots);
        await AssertSoundAsync(mirror);
    }

    [Theory]
    [InlineData(Base, "moved/deep/base.git")]
    [InlineData(Fork, "fork.git")]
    public async Task Renamed_BaseOrFork_StillBorrows(string from, string to)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository origin = await primary.RepositoryAsync(Base);
        BareRepository fork = await ForkAsync(primary, Base, Fork);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));
        int snapshots = primary.Snapshots;

        Directory.CreateDirectory(Path.GetDirectoryName(primary[to].Path)!);
        Directory.Move(primary[from].Path, primary[to].Path);
        (BareRepository nowBase, BareRepository nowFork) = from == Base ? (primary[to], fork) : (origin, primary[to]);
        await File.WriteAllTextAsync(Path.Combine(nowFork.Path, "objects/info/alternates"), Path.Combine(nowBase.Path, "objects") + "\n");
        await primary.CapturedAsync(primary[to]);
        await mirror.ConvergedAsync(primary[to], to);
        string upstream = await PushAsync(primary, nowBase, "upstream");
        await nowFork.GitAsync("update-ref", "refs/heads/main", upstream);
        await primary.CapturedAsync(nowFork);
        (string baseName, string forkName) = from == Base ? (to, Fork) : (Base, to);
        await ConvergedAsync(mirror, (nowBase, baseName), (nowFork, forkName));

        Assert.Equal(
            Path.GetRelativePath(Path.Combine(mirror[forkName].Path, "objects"), Path.Combine(mirror[baseName].Path, "objects")) + "\n",
            await AlternatesAsync(mirror[forkName]));
        Assert.Equal(snapshots, primary.Snapshots);
        await AssertSoundAsync(mirror);
    }

    [Fact]
    public async Task Renamed_BaseThatTheForkNamesLater_StillBorrows()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository origin = await primary.RepositoryAsync(Base);
        BareRepository fork = await ForkAsync(primary, Base, Fork);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));
        int snapshots = primary.Snapshots;

        // The fork is looked at while its file names the base's former folder, and again once it names the new one.
        Directory.Move(origin.Path, primary["moved.git"].Path);
        await primary.RecordAsync(LogRecordKind.Renamed, Base);
        await DescribeAsync(fork, "between");
        await DescribedAsync(mirror, "between");
        await File.WriteAllTextAsync(
            Path.Combine(fork.Path, "objects/info/alternates"), Path.Combine(primary["moved.git"].Path, "objects") + "\n");
        await DescribeAsync(fork, "after");
        await DescribedAsync(mirror, "after");
        await ConvergedAsync(mirror, (primary["moved.git"], "moved.git"), (fork, Fork));
        Assert.Equal("../../../moved.git/objects\n", await AlternatesAsync(mirror[Fork]));
        Assert.Equal(snapshots, primary.Snapshots);
        await AssertSoundAsync(mirror);
    }

    [Fact]
    public async Task Removed_BaseOfAForkThatIsWhole_GoesOnceTheForkIsWholeHereToo()
    {
        // A folder must be gone in two scans.
        await using PrimaryRig primary = await PrimaryRig.StartAsync(TimeSpan.FromSeconds(1));
        BareRepository origin = await primary.RepositoryAsync(Base);
        BareRepository fork = await ForkAsync(primary, Base, Fork);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));

        await fork.GitAsync("repack", "-a", "-d", "-q");
        Directory.Delete(origin.Path, recursive: true);
        await Patience.UntilAsync(_ => Task.FromResult(Directory.Exists(mirror[Base].Path) ? "still there" : null), "the removal");
        await mirror.ConvergedAsync(fork, Fork);
        Assert.Equal(string.Empty, await AlternatesAsync(mirror[Fork]));
        await AssertSoundAsync(mirror);
    }

    [Fact]
    public async Task Removed_BaseThatAForkNeeds_StaysHere()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync(TimeSpan.FromSeconds(1));
        BareRepository origin = await primary.RepositoryAsync(Base);
        BareRepository fork = await ForkAsync(primary, Base, Fork);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));

        // The primary's fork is broken by it; the mirror's is not.
        Directory.Delete(origin.Path, recursive: true);
        await Patience.UntilAsync(
            _ => Task.FromResult(mirror.State(Base).Reason?.Contains(Fork, StringComparison.Ordinal) == true ? null : "not held"),
            "the removal to wait");
        Assert.Equal((RepositoryCondition.Held, true), (mirror.State(Base).Condition, mirror.State(Fork).IsServable));
        await AssertSoundAsync(mirror);
    }

    [Theory]
    [InlineData("a circle")]
    [InlineData("outside")]
    public async Task Fork_ThatCannotBorrowOnMirrors_IsSentWhole(string what)
    {
        using TempFolder elsewhere = new();
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository origin = await primary.RepositoryAsync(Base);
        BareRepository fork = new(primary[Fork].Path);
        if (what == "outside")
        {
            await StockGit.RunAsync(primary.Root, "clone", "-q", "--bare", Base, elsewhere["base.git"]);
            await ForkAsync(primary, elsewhere["base.git"], Fork);
        }
        else
        {
            await ForkAsync(primary, Base, Fork);
            await File.WriteAllTextAsync(
                Path.Combine(origin.Path, "objects/info/alternates"), Path.Combine(fork.Path, "objects") + "\n");
        }

        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await ConvergedAsync(mirror, (origin, Base), (fork, Fork));
        Assert.Equal(string.Empty, await AlternatesAsync(mirror[Fork]));
        Assert.Equal(await OwnObjectsAsync(mirror[Base]), await OwnObjectsAsync(mirror[Fork]));
        await AssertSoundAsync(mirror);
    }

    private static async Task<BareRepository> ForkAsync(PrimaryRig primary, string of, string name)
    {
        // Built aside and renamed in, so that it is not seen half made.
        BareRepository fork = primary[name];
        Directory.CreateDirectory(Path.GetDirectoryName(fork.Path)!);
        using TempFolder aside = new();
        await StockGit.RunAsync(primary.Root, "clone", "-q", "--bare", "--shared", Path.Combine(primary.Root, of), aside["fork.git"]);
        await StockGit.RunAsync(aside.Path, "-C", "fork.git", "config", "--remove-section", "remote.origin");
        Directory.Move(aside["fork.git"], fork.Path);
        await primary.CapturedAsync(fork);
        return fork;
    }

    private static async Task<string> PushAsync(PrimaryRig primary, BareRepository repository, string message)
    {
        string commit = await repository.CommitAsync(message, await repository.IdOfAsync("main"));
        await repository.GitAsync("update-ref", "refs/heads/main", commit);
        await primary.CapturedAsync(repository);
        return commit;
    }

    private static Task DescribeAsync(BareRepository repository, string words) =>
        File.WriteAllTextAsync(Path.Combine(repository.Path, "description"), words + "\n");

    private static Task DescribedAsync(MirrorRig mirror, string words) => Patience.UntilAsync(
        async cancellation => await File.ReadAllTextAsync(Path.Combine(mirror[Fork].Path, "description"), cancellation) is var now && now == words + "\n" ? null : now,
        "the fork's description");

    private static async Task ConvergedAsync(MirrorRig mirror, params (BareRepository Primary, string Name)[] all)
    {
        foreach ((BareRepository repository, string name) in all)
        {
            await mirror.ConvergedAsync(repository, name);
        }
    }

    private static async Task<string> AlternatesAsync(BareRepository repository)
    {
        string file = Path.Combine(repository.Path, "objects/info/alternates");
        return File.Exists(file) ? await File.ReadAllTextAsync(file) : string.Empty;
    }

    /// <summary>What the repository has without its alternates.</summary>
    private static async Task<string[]> OwnObjectsAsync(BareRepository repository)
    {
        List<string> ids = [];
        foreach (string index in Directory.EnumerateFiles(Path.Combine(repository.Path, "objects/pack"), "*.idx"))
        {
            string listed = await StockGit.FeedAsync(repository.Path, await File.ReadAllBytesAsync(index), "show-index");
            ids.AddRange(listed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Split(' ')[1]));
        }

        foreach (string folder in Directory.EnumerateDirectories(Path.Combine(repository.Path, "objects"), "??"))
        {
            ids.AddRange(Directory.EnumerateFiles(folder).Select(f => Path.GetFileName(folder) + Path.GetFileName(f)));
        }

        return [.. ids.Distinct().Order(StringComparer.Ordinal)];
    }

    private static async Task AssertSoundAsync(MirrorRig mirror)
    {
        foreach (BareRepository repository in BareRepository.FindAll(mirror.Root).Values)
        {
            Assert.Null(await repository.FsckAsync());
        }
    }
}
