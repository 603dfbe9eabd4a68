using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Primary.Notice;

public sealed class HookInstallerTests : IDisposable
{
    private static readonly string[] Names = ["pre-receive", "post-receive"];

    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Install_Twice_ChangesNothingTheSecondTime()
    {
        BareRepository repository = await RepositoryAsync();

        Assert.Equal(HookOutcome.Installed, Install(repository).Outcome);
        ulong[] inodes = [.. Names.Select(n => FileFacts.Of(HookRun.PathOf(repository, n)).Inode)];
        Assert.Equal(HookOutcome.Unchanged, Install(repository).Outcome);

        Assert.Equal(inodes, Names.Select(n => FileFacts.Of(HookRun.PathOf(repository, n)).Inode));
    }

    [Fact]
    public async Task Install_OverOursOfAnotherVersion_ReplacesItAndKeepsTheKept()
    {
        BareRepository repository = await RepositoryAsync();
        HookRun.Write(repository, "pre-receive", "exit 7");
        Install(repository);
        HookRun.Write(repository, "pre-receive", "# mirrorsync hook, version 0: old\nexit 9");

        Assert.Equal(HookOutcome.Upgraded, Install(repository).Outcome);

        Assert.Equal(7, (await HookRun.RunAsync(repository, "pre-receive", "")).Code);
    }

    [Fact]
    public async Task Install_ForAnotherNotifyFolder_IsAnUpgrade()
    {
        BareRepository repository = await RepositoryAsync();
        Install(repository);
        Directory.CreateDirectory(folder["other"]);

        Assert.Equal(HookOutcome.Upgraded, HookInstaller.Install(repository.Path, folder["other"]).Outcome);

        await HookRun.RunAsync(repository, "post-receive", HookRun.Line("refs/heads/a"));
        Assert.Single(Directory.GetFiles(folder["other"]));
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("it's")]
    [InlineData("\"quoted\" $HOME `id` \\ & @NOTIFY@")]
    [InlineData("ünï")]
    public async Task Install_NotifyFolderOfAnyName_IsWrittenInto(string name)
    {
        BareRepository repository = await BareRepository.InitAsync(folder[$"{name}.git"]);
        Directory.CreateDirectory(folder[name]);
        HookInstaller.Install(repository.Path, folder[name]);

        await HookRun.RunAsync(repository, "post-receive", HookRun.Line("refs/heads/a"));

        string file = Assert.Single(Directory.GetFiles(folder[name]));
        Assert.Equal(repository.Path, NotifyFile.Parse(File.ReadAllBytes(file)).Folder);
    }

    [Fact]
    public async Task Remove_AfterInstall_PutsBackWhatWasThere()
    {
        BareRepository repository = await RepositoryAsync();
        HookRun.Write(repository, "real", "exit 5");
        File.CreateSymbolicLink(HookRun.PathOf(repository, "pre-receive"), "real");
        File.WriteAllText(HookRun.PathOf(repository, "post-receive"), "not executable");
        Install(repository);

        Assert.Equal(HookOutcome.Removed, HookInstaller.Remove(repository.Path).Outcome);

        Assert.Equal("real", new FileInfo(HookRun.PathOf(repository, "pre-receive")).LinkTarget);
        Assert.Equal("not executable", File.ReadAllText(HookRun.PathOf(repository, "post-receive")));
        Assert.Equal(["post-receive", "pre-receive", "real"], Directory.GetFiles(Path.Combine(repository.Path, "hooks"))
            .Select(static f => Path.GetFileName(f)).Where(static f => !f.EndsWith(".sample", StringComparison.Ordinal)).Order());
        Assert.Equal(HookOutcome.Unchanged, HookInstaller.Remove(repository.Path).Outcome);
    }

    [Fact]
    public async Task Remove_NothingWasKept_LeavesNone()
    {
        BareRepository repository = await RepositoryAsync();
        Install(repository);

        Assert.Equal(HookOutcome.Removed, HookInstaller.Remove(repository.Path).Outcome);

        Assert.All(Names, n => Assert.False(File.Exists(HookRun.PathOf(repository, n))));
    }

    [Fact]
    public async Task Install_OursWasReplacedBySomeoneElse_IsReported()
    {
        BareRepository repository = await RepositoryAsync();
        HookRun.Write(repository, "pre-receive", "exit 1");
        Install(repository);
        HookRun.Write(repository, "pre-receive", "exit 2");

        HookReport report = Install(repository);

        Assert.Equal(HookOutcome.Refused, report.Outcome);
        Assert.Contains("pre-receive.mirrorsync-kept", report.Problem, StringComparison.Ordinal);
        Assert.Equal(HookOutcome.Refused, HookInstaller.Remove(repository.Path).Outcome);
        Assert.Equal(2, (await HookRun.RunAsync(repository, "pre-receive", "")).Code);
    }

    [Fact]
    public async Task Install_HooksPathInsideTheRepository_IsHonoured()
    {
        BareRepository repository = await RepositoryAsync();
        await repository.GitAsync("config", "core.hooksPath", "my/hooks");
        Install(repository);
        BareRepository clone = await BareRepository.InitAsync(folder["clone.git"]);
        await clone.GitAsync("update-ref", "refs/heads/a", await clone.CommitAsync("a"));

        await clone.GitAsync("push", "-q", repository.Path, "refs/heads/a");

        Assert.Equal(2, Directory.GetFiles(folder["notify"]).Length);
        Assert.Equal(HookOutcome.Removed, HookInstaller.Remove(repository.Path).Outcome);
        Assert.Empty(Directory.GetFiles(Path.Combine(repository.Path, "my/hooks")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Install_HooksOutsideTheRepository_IsReportedAndNothingWritten(bool byLink)
    {
        BareRepository repository = await RepositoryAsync();
        string shared = folder["shared"];
        Directory.CreateDirectory(shared);
        if (byLink)
        {
            Directory.Delete(Path.Combine(repository.Path, "hooks"), recursive: true);
            File.CreateSymbolicLink(Path.Combine(repository.Path, "hooks"), shared);
        }
        else
        {
            await repository.GitAsync("config", "core.hooksPath", shared);
        }

        HookReport report = Install(repository);

        Assert.Equal(HookOutcome.Refused, report.Outcome);
        Assert.Contains(byLink ? "hooks" : shared, report.Problem, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(shared));
    }

    [Fact]
    public void Install_NoRepository_IsReported()
    {
        Assert.Equal(HookOutcome.Refused, HookInstaller.Install(folder["none.git"], folder["notify"]).Outcome);
        Assert.False(Directory.Exists(folder["none.git"]));
    }

    private HookReport Install(BareRepository repository)
    {
        Directory.CreateDirectory(folder["notify"]);
        return HookInstaller.Install(repository.Path, folder["notify"]);
    }

    private Task<BareRepository> RepositoryAsync() => BareRepository.InitAsync(folder["a.git"]);
}
