using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Storage.Files;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;
using AnyNotice = MirrorSync.Replication.Primary.Notice.Notice;

namespace MirrorSync.Replication.Tests.Primary.Notice;

/// <summary>Real pushes by real git, heard through the hooks.</summary>
public sealed class PushNoticeTests : NoticeTest
{
    [Theory]
    [InlineData("")]
    [InlineData("file://")]
    public async Task Push_OfEveryKind_OpensAndEndsWithItsNames(string scheme)
    {
        BareRepository repository = await Rig.RepositoryAsync("group/it's a \"repo\".git");
        BareRepository clone = await Rig.CloneAsync(repository, "refs/heads/a", "refs/heads/a2", "refs/notes/n", "refs/odd/x/y");
        await clone.GitAsync("tag", "-a", "-m", "tag", "v1", "refs/heads/a");
        Rig.Start();
        await Rig.WatchAsync(repository.Path);
        string url = scheme + repository.Path;

        await PushAsync(["refs/heads/a"], "refs/heads/a");
        await PushAsync(["refs/notes/n", "refs/odd/x/y", "refs/tags/v1"], "refs/tags/v1", "refs/notes/n", "refs/odd/x/y");
        await PushAsync(["refs/heads/a"], "+refs/heads/a2:refs/heads/a");
        await PushAsync(["refs/heads/a", "refs/heads/a/b"], ":refs/heads/a", "refs/heads/a2:refs/heads/a/b");
        await PushAsync(["refs/heads/main"], ":refs/heads/main");

        async Task PushAsync(string[] names, params string[] specs)
        {
            if (specs.Contains(":refs/heads/main"))
            {
                await repository.GitAsync("config", "receive.denyDeleteCurrent", "false");
            }

            await clone.GitAsync(["push", "-q", url, .. specs]);
            List<AnyNotice> before = [];
            PushOpened opened = await Rig.UntilAsync<PushOpened>();
            PushEnded ended = await Rig.UntilAsync<PushEnded>(before);
            Assert.Equal(repository.Path, opened.RepositoryPath);
            Assert.Equal(repository.Path, ended.RepositoryPath);
            Assert.Equal(opened.Push, ended.Push);
            Assert.Equal(BootId.Current, opened.Push.BootId);
            Assert.True(opened.Push.ProcessStart > 0);
            Assert.Equal(NoticeRig.Refs(names), opened.Names.Order());
            Assert.Equal(NoticeRig.Refs(names), ended.Names.Order());
            Assert.Contains(new RefsTouched(repository.Path), before);
            Rig.Source.Acknowledge(ended);
            Assert.Empty(Directory.GetFiles(Rig.NotifyFolder));
        }
    }

    [Fact]
    public async Task Push_OfThousandsOfRefs_OpensAndEndsWithAll()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        BareRepository clone = await Rig.CloneAsync(repository);
        string id = await clone.IdOfAsync("refs/heads/main");
        string[] names = [.. Enumerable.Range(0, 3000).Select(static i => $"refs/heads/many/{i:0000}")];
        await StockGit.FeedAsync(
            clone.Path, System.Text.Encoding.ASCII.GetBytes(string.Concat(names.Select(n => $"create {n} {id}\n"))), "update-ref", "--stdin");
        Rig.Start();
        await Rig.WatchAsync(repository.Path);

        await clone.GitAsync("push", "-q", repository.Path, "refs/heads/many/*");

        Assert.Equal(NoticeRig.Refs(names), (await Rig.UntilAsync<PushOpened>()).Names.Order());
        Assert.Equal(NoticeRig.Refs(names), (await Rig.UntilAsync<PushEnded>()).Names.Order());
    }

    [Fact]
    public async Task Push_ThatAnUpdateHookRejects_IsGone()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        BareRepository clone = await Rig.CloneAsync(repository, "refs/heads/a");
        WriteHook(repository, "update", "exit 1");
        Rig.Start();
        await Rig.WatchAsync(repository.Path);

        Assert.NotEqual(0, (await StockGit.TryAsync(clone.Path, ["push", "-q", repository.Path, "refs/heads/a"])).Code);

        await ExpectGoneAsync(repository);
    }

    [Fact]
    public async Task Push_WhoseReceivePackIsKilled_IsGone()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        BareRepository clone = await Rig.CloneAsync(repository, "refs/heads/a");
        WriteHook(repository, "update", "kill -9 $PPID");
        Rig.Start();
        await Rig.WatchAsync(repository.Path);

        Assert.NotEqual(0, (await StockGit.TryAsync(clone.Path, ["push", "-q", repository.Path, "refs/heads/a"])).Code);

        await ExpectGoneAsync(repository);
    }

    [Fact]
    public async Task Push_WhileTheDaemonIsDown_IsDeliveredFirstAtTheStart()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        BareRepository clone = await Rig.CloneAsync(repository, "refs/heads/a", "refs/heads/b");
        await clone.GitAsync("push", "-q", repository.Path, "refs/heads/a");
        await clone.GitAsync("push", "-q", repository.Path, "refs/heads/b");

        Rig.Start();
        Rig.Source.SetRepositories([repository.Path]);

        // Openings may overtake ends; each kind comes in the order of the pushes, and before the watch that comes to stand.
        List<AnyNotice> notices = [];
        await Rig.UntilAsync<RefsTouched>(notices);
        Assert.Equal(4, notices.Count);
        PushOpened[] opened = [.. notices.OfType<PushOpened>()];
        PushEnded[] ended = [.. notices.OfType<PushEnded>()];
        Assert.Equal([.. NoticeRig.Refs("refs/heads/a"), .. NoticeRig.Refs("refs/heads/b")], opened.SelectMany(static o => o.Names));
        Assert.Equal([.. NoticeRig.Refs("refs/heads/a"), .. NoticeRig.Refs("refs/heads/b")], ended.SelectMany(static o => o.Names));
        Assert.Equal(opened.Select(static o => o.Push), ended.Select(static e => e.Push));
        Assert.All(opened, o => Assert.True(notices.IndexOf(o) < notices.FindIndex(n => n is PushEnded e && e.Push == o.Push)));
    }

    [Fact]
    public async Task Restart_WithoutAcknowledgement_DeliversAgain()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        BareRepository clone = await Rig.CloneAsync(repository, "refs/heads/a");
        Rig.Start();
        await Rig.WatchAsync(repository.Path);
        await clone.GitAsync("push", "-q", repository.Path, "refs/heads/a");
        PushEnded first = await Rig.UntilAsync<PushEnded>();

        await using NoticeSource second = new(
            new NoticeOptions { Root = Rig.Root, NotifyFolder = Rig.NotifyFolder, SentinelPath = Rig.SentinelPath },
            TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger<NoticeSource>.Instance);
        using CancellationTokenSource stop = new(Patience.Deadline);
        Task running = second.RunAsync(stop.Token);
        PushOpened opened = Assert.IsType<PushOpened>(await second.Notices.ReadAsync(stop.Token));
        PushEnded ended = Assert.IsType<PushEnded>(await second.Notices.ReadAsync(stop.Token));
        await stop.CancelAsync();
        await running;

        Assert.Equal(first.Push, opened.Push);
        Assert.Equal(first.Push, ended.Push);
    }

    [Fact]
    public async Task Push_InAnotherBootThatNeverEnded_IsGoneAtTheStart()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        await File.WriteAllTextAsync(
            Path.Combine(Rig.NotifyFolder, "1-2-1-pre-receive-3"),
            $"mirrorsync-notify 1\npre-receive\nanother-boot\n2 1 pid:[4026531836]\n{repository.Path}\n{new string('0', 40)} {new string('1', 40)} refs/heads/a\n");
        Rig.Start();

        await ExpectGoneAsync(repository);
    }

    [Fact]
    public async Task Push_OfAnUnseenProcess_IsGoneAtTheLimit()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        Rig.Start(unseenPushLimit: TimeSpan.FromMilliseconds(1));
        await Rig.WatchAsync(repository.Path);

        // Run by the tests instead of git: a process that outlives the push.
        await HookRun.RunAsync(repository, "pre-receive", HookRun.Line("refs/heads/a"));

        await ExpectGoneAsync(repository);
    }

    [Fact]
    public async Task NotifyFile_Malformed_IsRemovedAndItsRepositoryTouched()
    {
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        Rig.Start();
        await Rig.WatchAsync(repository.Path);

        Drop("1", $"mirrorsync-notify 1\npost-receive\n\n1 1\n{repository.Path}\nnonsense\n");
        Assert.Equal(new RefsTouched(repository.Path), await Rig.NextAsync());
        Drop("2", "nonsense");
        Assert.IsType<WatchLost>(await Rig.NextAsync());
        Drop("3", "mirrorsync-notify 1\npost-receive\n\n1 1\n/elsewhere\n");
        Assert.Empty(await Rig.LookAsync());

        Assert.Empty(Directory.GetFiles(Rig.NotifyFolder));
    }

    [Fact]
    public async Task Push_ThroughARootBehindASymbolicLink_NamesTheRepositoryAsTheScanDoes()
    {
        Directory.Move(Rig.Root, Rig.Aside("physical"));
        File.CreateSymbolicLink(Rig.Root, Rig.Aside("physical"));
        BareRepository repository = await Rig.RepositoryAsync("a.git");
        BareRepository clone = await Rig.CloneAsync(repository, "refs/heads/a");
        Rig.Start();

        // The hook tells the physical path, whether the push came by the link or not.
        await clone.GitAsync("push", "-q", repository.Path, "refs/heads/a");
        Assert.Equal(repository.Path, (await Rig.UntilAsync<PushEnded>()).RepositoryPath);
        await Rig.WatchAsync(repository.Path);
        await clone.GitAsync("push", "-q", Rig.Aside("physical/a.git"), ":refs/heads/a");
        Assert.Equal(repository.Path, (await Rig.UntilAsync<PushEnded>()).RepositoryPath);
    }

    private static void WriteHook(BareRepository repository, string name, string script) => HookRun.Write(repository, name, script);

    private void Drop(string name, string content)
    {
        string written = Path.Combine(Rig.NotifyFolder, $".{name}");
        File.WriteAllText(written, content);
        File.Move(written, Path.Combine(Rig.NotifyFolder, name));
    }

    private async Task ExpectGoneAsync(BareRepository repository)
    {
        PushOpened opened = await Rig.UntilAsync<PushOpened>();
        PushGone gone = await Rig.UntilAsync<PushGone>();
        Assert.Equal(repository.Path, gone.RepositoryPath);
        Assert.Equal(opened.Push, gone.Push);
        Assert.Equal(NoticeRig.Refs("refs/heads/a"), gone.Names);
        Assert.NotEmpty(Directory.GetFiles(Rig.NotifyFolder));
        Rig.Source.Acknowledge(gone);
        Assert.Empty(Directory.GetFiles(Rig.NotifyFolder));
    }
}
