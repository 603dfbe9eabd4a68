using System.Globalization;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;
using AnyNotice = MirrorSync.Replication.Primary.Notice.Notice;

namespace MirrorSync.Replication.Tests.Primary.Notice;

/// <summary>What the watch sees without any hook.</summary>
public sealed class WatchNoticeTests : NoticeTest
{
    [Fact]
    public async Task Watch_TwoThousandRepositories_TakesOneInstanceAndSeesEach()
    {
        string[] paths = [.. Enumerable.Range(0, 2000).Select(i => Rig[$"group{i % 20}/r{i:0000}.git"])];
        foreach (string path in paths)
        {
            MakeMinimal(path);
        }

        Rig.Start();
        await Rig.WatchAsync(paths);

        // Other tests of this process have instances of their own, hence the look at whose folders each one watches.
        ulong[] inodes = [.. paths.Select(static p => FileFacts.Of(p).Inode)];
        HashSet<ulong> watched = Assert.Single(InstancesOfThisProcess(), i => inodes.Any(i.Contains));
        Assert.All(inodes, inode => Assert.Contains(inode, watched));

        string touched = paths[Random.Shared.Next(paths.Length)];
        Put(Path.Combine(touched, "refs/heads/a"), $"{new string('1', 40)}\n");
        Assert.Contains(new RefsTouched(touched), await Rig.LookAsync());
    }

    [Fact]
    public async Task Touch_OfEachPlace_IsNoticedAsWhatItIs()
    {
        BareRepository repository = await WatchedAsync();
        RefsTouched refs = new(repository.Path);
        MetadataTouched metadata = new(repository.Path);
        string id = await repository.CommitAsync("x");
        await Rig.LookAsync();

        await ExpectAsync(refs, "update-ref", "refs/heads/a", id);
        await ExpectAsync(refs, "update-ref", "refs/x/y/z", id);
        await ExpectAsync(refs, "update-ref", "refs/x/y/z2", id);
        await ExpectAsync(refs, "update-ref", "-d", "refs/x/y/z");
        await ExpectAsync(refs, "symbolic-ref", "HEAD", "refs/heads/a");
        await ExpectAsync(refs, "pack-refs", "--all");
        await ExpectAsync(metadata, "config", "gitweb.owner", "someone");
        Put(Path.Combine(repository.Path, "description"), "words");
        Assert.Equal([metadata], (await Rig.LookAsync()).Distinct());
        Put(Path.Combine(repository.Path, "objects/info/alternates"), "/nowhere\n");
        Assert.Equal([metadata], (await Rig.LookAsync()).Distinct());

        // Objects and locks change no ref.
        await repository.GitAsync("hash-object", "-w", "HEAD");
        File.WriteAllText(Path.Combine(repository.Path, "refs/heads/b.lock"), "");
        File.WriteAllText(Path.Combine(repository.Path, "packed-refs.lock"), "");
        Assert.Empty(await Rig.LookAsync());

        async Task ExpectAsync(AnyNotice notice, params string[] command)
        {
            await repository.GitAsync(command);
            Assert.Equal([notice], (await Rig.LookAsync()).Distinct());
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Touch_BelowFoldersOfAnyBytes_IsNoticed(bool foldersBeforeWatch)
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git", hooks: false);
        string id = await repository.CommitAsync("x");
        if (foldersBeforeWatch)
        {
            await CreateAsync(0x81);
        }

        Rig.Start();
        await Rig.WatchAsync(repository.Path);
        await CreateAsync(0x82);
        Assert.Contains(new RefsTouched(repository.Path), await Rig.LookAsync());

        // The folder exists by now: only its own watch tells of this one.
        await CreateAsync(0x83);
        Assert.Contains(new RefsTouched(repository.Path), await Rig.LookAsync());

        Task CreateAsync(byte last)
        {
            byte[] script = [.. "create refs/heads/"u8, 0xff, 0xfe, .. "/deep/"u8, last, .. System.Text.Encoding.ASCII.GetBytes($" {id}\n")];
            return StockGit.FeedAsync(repository.Path, script, "update-ref", "--stdin");
        }
    }

    [Fact]
    public async Task Repository_New_ChangesTheFoldersAndIsThenWatched()
    {
        await WatchedAsync();

        BareRepository repository = await BareRepository.InitAsync(Rig["deep/er/new.git"]);
        Assert.Contains(new FoldersChanged(), await Rig.LookAsync());
        Rig.Source.SetRepositories([Rig["a.git"], repository.Path]);
        Assert.Equal(repository.Path, (await Rig.UntilAsync<RefsTouched>()).RepositoryPath);
        await Rig.LookAsync();
        await repository.GitAsync("update-ref", "refs/heads/a", await repository.CommitAsync("x"));

        Assert.Contains(new RefsTouched(repository.Path), await Rig.LookAsync());
    }

    [Fact]
    public async Task Repository_MadeInsideAFolderSeenEmpty_ChangesTheFolders()
    {
        await WatchedAsync();
        Directory.CreateDirectory(Rig["group"]);
        await Rig.LookAsync();
        await Rig.LookAsync();

        await BareRepository.InitAsync(Rig["group/new.git"]);

        Assert.Contains(new FoldersChanged(), await Rig.LookAsync());
    }

    [Fact]
    public async Task Repository_RemovedAndMadeAgain_IsWatchedAgain()
    {
        BareRepository repository = await WatchedAsync();
        Directory.Delete(repository.Path, recursive: true);
        Assert.Contains(new FoldersChanged(), await Rig.LookAsync());
        await BareRepository.InitAsync(repository.Path);
        await Rig.WatchAsync(repository.Path);
        string id = await repository.CommitAsync("x");
        await Rig.LookAsync();

        await repository.GitAsync("update-ref", "refs/heads/a", id);

        Assert.Equal([new RefsTouched(repository.Path)], (await Rig.LookAsync()).Distinct());
    }

    [Fact]
    public async Task Repository_MovedAwayAndAnotherInItsPlace_OnlyTheNewOneCounts()
    {
        BareRepository repository = await WatchedAsync();
        BareRepository other = await BareRepository.InitAsync(Rig.Aside("other.git"));
        Directory.Move(repository.Path, Rig.Aside("away.git"));
        Directory.Move(other.Path, repository.Path);
        await Rig.LookAsync();
        await Rig.LookAsync();

        string id = await repository.CommitAsync("x");
        await repository.GitAsync("update-ref", "refs/heads/a", id);
        Assert.Contains(new RefsTouched(repository.Path), await Rig.LookAsync());
        Put(Rig.Aside("away.git/refs/heads/b"), $"{id}\n");
        Assert.Empty(await Rig.LookAsync());
    }

    [Fact]
    public async Task Repository_NoLongerNamed_IsNoLongerWatched()
    {
        BareRepository repository = await WatchedAsync();
        Rig.Source.SetRepositories([]);
        await Rig.LookAsync();
        await Rig.LookAsync();

        Put(Path.Combine(repository.Path, "refs/heads/b"), $"{new string('1', 40)}\n");

        Assert.DoesNotContain(new RefsTouched(repository.Path), await Rig.LookAsync());
    }

    [Fact]
    public async Task Root_MovedAwayAndBack_IsWatchedAsBefore()
    {
        BareRepository repository = await WatchedAsync();
        string id = await repository.CommitAsync("x");
        Directory.Move(Rig.Root, Rig.Aside("away"));
        Rig.Source.TouchSentinel();
        await Rig.UntilAsync<FoldersChanged>();
        Directory.Move(Rig.Aside("away"), Rig.Root);
        await Rig.UntilAsync<RefsTouched>();
        await Rig.LookAsync();

        await repository.GitAsync("update-ref", "refs/x/y", id);

        Assert.Contains(new RefsTouched(repository.Path), await Rig.LookAsync());
    }

    [Fact]
    public async Task Root_Exchanged_IsWatchedAnewAfterTheNextScan()
    {
        BareRepository repository = await WatchedAsync();
        string id = await repository.CommitAsync("x");
        Directory.Move(Rig.Root, Rig.Aside("away"));
        using (System.Diagnostics.Process copy = System.Diagnostics.Process.Start("cp", ["-a", Rig.Aside("away"), Rig.Root]))
        {
            await copy.WaitForExitAsync();
        }

        await Rig.WatchAsync(repository.Path);
        await Rig.LookAsync();
        await repository.GitAsync("update-ref", "refs/x/y", id);

        Assert.Contains(new RefsTouched(repository.Path), await Rig.LookAsync());
        Put(Rig.Aside("away/a.git/refs/heads/b"), $"{id}\n");
        Assert.Empty(await Rig.LookAsync());
    }

    [Fact]
    public async Task Sentinel_TouchedManyTimes_EveryLookFollowsAllEarlierTouches()
    {
        BareRepository repository = await WatchedAsync();
        string refFile = Path.Combine(repository.Path, "refs/heads/a");
        long last = 0;
        for (int i = 0; i < 200; i++)
        {
            long before = TimeProvider.System.GetTimestamp();
            Put(refFile, string.Create(CultureInfo.InvariantCulture, $"{i:x40}\n"));
            List<AnyNotice> notices = [];
            Rig.Source.TouchSentinel();
            Looked look = await Rig.UntilAsync<Looked>(notices);
            Assert.Contains(new RefsTouched(repository.Path), notices);
            Assert.InRange(look.TouchedAtTimestamp, Math.Max(before, last), TimeProvider.System.GetTimestamp());
            last = look.TouchedAtTimestamp;
        }
    }

    [Fact]
    public async Task Sentinel_TouchesInABurst_EndWithTheLast()
    {
        await WatchedAsync();
        for (int i = 0; i < 500; i++)
        {
            Rig.Source.TouchSentinel();
        }

        long before = TimeProvider.System.GetTimestamp();
        Rig.Source.TouchSentinel();

        while ((await Rig.UntilAsync<Looked>()).TouchedAtTimestamp < before)
        {
            // Earlier touches come first.
        }
    }

    [Fact]
    public async Task Sentinel_TouchedBySomeoneElseOrMissing_GivesNoLook()
    {
        BareRepository repository = await WatchedAsync();
        File.SetLastWriteTimeUtc(Rig.SentinelPath, DateTime.UnixEpoch);
        string aside = Rig.Aside("marker");
        File.Move(Rig.SentinelPath, aside);
        Rig.Source.TouchSentinel();
        Put(Path.Combine(repository.Path, "refs/heads/a"), $"{new string('1', 40)}\n");
        Assert.Equal(new RefsTouched(repository.Path), await Rig.NextAsync());

        File.Move(aside, Rig.SentinelPath);
        long before = TimeProvider.System.GetTimestamp();
        Rig.Source.TouchSentinel();

        Assert.True(Assert.IsType<Looked>(await Rig.NextAsync()).TouchedAtTimestamp >= before);
    }

    private async Task<BareRepository> WatchedAsync()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git", hooks: false);
        Rig.Start();
        await Rig.WatchAsync(repository.Path);
        return repository;
    }

    /// <summary>
    /// Writes a file by rename, as git does. The event of a file's closing may come late: a process that is just being
    /// started elsewhere in these tests holds a copy of the descriptor until its exec.
    /// </summary>
    private static void Put(string path, string text)
    {
        File.WriteAllText($"{path}.lock", text);
        File.Move($"{path}.lock", path, overwrite: true);
    }

    private static void MakeMinimal(string path)
    {
        Directory.CreateDirectory(Path.Combine(path, "refs/heads"));
        Directory.CreateDirectory(Path.Combine(path, "objects/info"));
        File.WriteAllText(Path.Combine(path, "HEAD"), "ref: refs/heads/main\n");
    }

    /// <summary>The inodes that each inotify instance of this process watches (proc(5), /proc/PID/fdinfo).</summary>
    private static List<HashSet<ulong>> InstancesOfThisProcess()
    {
        List<HashSet<ulong>> instances = [];
        foreach (string link in Directory.GetFileSystemEntries("/proc/self/fd"))
        {
            if (new FileInfo(link).LinkTarget == "anon_inode:inotify")
            {
                instances.Add([.. File.ReadLines($"/proc/self/fdinfo/{Path.GetFileName(link)}")
                    .Where(static l => l.StartsWith("inotify ", StringComparison.Ordinal))
                    .Select(static l => ulong.Parse(
                        l.Split(' ').Single(static f => f.StartsWith("ino:", StringComparison.Ordinal))[4..],
                        NumberStyles.HexNumber,
                        CultureInfo.InvariantCulture))]);
            }
        }

        return instances;
    }
}
