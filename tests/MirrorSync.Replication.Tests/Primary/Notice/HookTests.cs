using System.Diagnostics;
using System.Globalization;
using System.Text;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Storage.Files;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Primary.Notice;

/// <summary>The scripts, run by real pushes or as git runs them: what they write, and that nobody is held up by them.</summary>
public sealed class HookTests : IDisposable
{
    private readonly TempFolder folder = new();

    private string NotifyFolder => folder["notify"];

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Push_KeptPreReceiveRejects_IsRejectedAsBeforeAndOpensNothing()
    {
        (BareRepository repository, BareRepository clone) = await PairAsync();
        HookRun.Write(repository, "pre-receive", "cat >/dev/null; echo not today >&2; exit 42");
        Install(repository);

        GitResult push = await StockGit.TryAsync(clone.Path, ["push", repository.Path, "refs/heads/a"]);

        Assert.NotEqual(0, push.Code);
        Assert.Contains("remote: not today", push.Error, StringComparison.Ordinal);
        Assert.Contains("pre-receive hook declined", push.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(NotifyFolder));
        Assert.Equal(42, (await HookRun.RunAsync(repository, "pre-receive", HookRun.Line("refs/heads/a"))).Code);
    }

    [Theory]
    [InlineData("pre-receive")]
    [InlineData("post-receive")]
    public async Task Run_KeptHook_GetsTheSameInputArgumentsEnvironmentAndFolder(string name)
    {
        (BareRepository repository, BareRepository clone) = await PairAsync();
        HookRun.Write(repository, name, """cat >input; printf '%s\n' "$@" >arguments; env | sort >environment; pwd >folder""");
        File.Copy(HookRun.PathOf(repository, name), HookRun.PathOf(repository, "bare"));
        StringBuilder lines = new();
        for (int i = 0; i < 256; i++)
        {
            // Bytes as they come: only NUL and LF cannot be in a line.
            lines.Append(HookRun.Line(i is 0 or 10 ? "refs/heads/x" : $"refs/heads/{(char)i}{(char)i} \\n%s"));
        }

        string text = lines.ToString();
        string[] arguments = ["a b", "*", "", "$(id)"];

        await HookRun.RunAsync(repository, "bare", text, arguments);
        string[] expected = Take();
        Install(repository);
        await HookRun.RunAsync(repository, name, text, arguments);

        Assert.Equal(expected, Take());
        Assert.Single(Directory.GetFiles(NotifyFolder));
        await clone.GitAsync("push", "-q", repository.Path, "refs/heads/a");
        Assert.EndsWith(" refs/heads/a\n", File.ReadAllText(Path.Combine(repository.Path, "input")), StringComparison.Ordinal);

        string[] Take() =>
        [
            .. new[] { "input", "arguments", "environment", "folder" }.Select(
                file => File.ReadAllText(Path.Combine(repository.Path, file), Encoding.Latin1)),
        ];
    }

    [Theory]
    [InlineData("pre-receive")]
    [InlineData("post-receive")]
    public async Task Run_KeptHookDoesNotReadItsInput_AllIsWrittenAndNothingIsSaid(string name)
    {
        (BareRepository repository, _) = await PairAsync();
        HookRun.Write(repository, name, "exit 0");
        Install(repository);

        GitResult result = await HookRun.RunAsync(repository, name, ManyLines(5000));

        Assert.Equal(0, result.Code);
        Assert.Equal("", result.Error + result.Text);
        Assert.Equal(5000, ReadOnly().Names.Count);
    }

    [Fact]
    public async Task Run_KeptPostReceiveFails_ItsCodeIsPassedOnAfterOursHasWritten()
    {
        (BareRepository repository, _) = await PairAsync();
        HookRun.Write(repository, "post-receive", $"cat >/dev/null; ls '{NotifyFolder}' | grep -c post-receive; exit 3");
        Install(repository);

        GitResult result = await HookRun.RunAsync(repository, "post-receive", HookRun.Line("refs/heads/a"));

        Assert.Equal(3, result.Code);
        Assert.Equal("1\n", result.Text);
    }

    [Fact]
    public async Task Run_KeptHookIsNotExecutable_IsNotRunJustAsGitWouldNot()
    {
        (BareRepository repository, _) = await PairAsync();
        File.WriteAllText(HookRun.PathOf(repository, "pre-receive"), "#!/bin/sh\nexit 1\n");
        Install(repository);

        Assert.Equal(0, (await HookRun.RunAsync(repository, "pre-receive", HookRun.Line("refs/heads/a"))).Code);
        Assert.Single(Directory.GetFiles(NotifyFolder));
    }

    [Fact]
    public async Task Run_MoreLinesThanAnEnvironmentHolds_KeptHookIsStillStarted()
    {
        (BareRepository repository, _) = await PairAsync();
        HookRun.Write(repository, "pre-receive", "cat >/dev/null; exit 0");
        Install(repository);

        GitResult result = await HookRun.RunAsync(repository, "pre-receive", ManyLines(100_000));

        Assert.Equal(0, result.Code);
        Assert.Equal("", result.Error);
        Assert.Equal(100_000, ReadOnly().Names.Count);
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("file")]
    [InlineData("full")]
    public async Task Push_NotifyFolderUnusable_GoesOnAndKeptHooksGetTheirInput(string how)
    {
        (BareRepository repository, BareRepository clone) = await PairAsync();
        HookRun.Write(repository, "pre-receive", "cat >pre-input");
        HookRun.Write(repository, "post-receive", "cat >post-input");
        Install(repository);
        Directory.Delete(NotifyFolder);
        if (how == "file")
        {
            File.WriteAllText(NotifyFolder, "");
        }
        else if (how == "full")
        {
            // Every write in here fails as on a full disk, and so does mv: the names lead to /dev/full.
            File.CreateSymbolicLink(NotifyFolder, "/dev/full");
        }

        GitResult push = await StockGit.TryAsync(clone.Path, ["push", repository.Path, "refs/heads/a"]);

        Assert.Equal(0, push.Code);
        Assert.DoesNotContain("remote:", push.Error, StringComparison.Ordinal);
        Assert.EndsWith(" refs/heads/a\n", File.ReadAllText(Path.Combine(repository.Path, "pre-input")), StringComparison.Ordinal);
        Assert.EndsWith(" refs/heads/a\n", File.ReadAllText(Path.Combine(repository.Path, "post-input")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_DiskFillsUpWhileWriting_LeavesNoFileThatCouldBeTaken()
    {
        (BareRepository repository, _) = await PairAsync();
        Install(repository);

        // A limit on file size fails a write in the middle, as a full disk does.
        string hook = HookRun.PathOf(repository, "post-receive");
        ProcessStartInfo start = new("/bin/sh", ["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\"", hook])
        {
            WorkingDirectory = repository.Path,
            RedirectStandardInput = true,
        };
        using Process process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(ManyLines(5000));
        process.StandardInput.Close();
        await process.WaitForExitAsync();

        Assert.Equal(0, process.ExitCode);
        Assert.Empty(Directory.GetFileSystemEntries(NotifyFolder));
    }

    [Fact]
    public async Task Run_HundredThousandRefs_AreWrittenAsTheyCame()
    {
        (BareRepository repository, _) = await PairAsync();
        Install(repository);
        string lines = ManyLines(100_000);

        Assert.Equal(0, (await HookRun.RunAsync(repository, "post-receive", lines)).Code);

        string file = File.ReadAllText(Assert.Single(Directory.GetFiles(NotifyFolder)), Encoding.Latin1);
        Assert.EndsWith($"\n{repository.Path}\n{lines}", file, StringComparison.Ordinal);
        Assert.StartsWith($"mirrorsync-notify 1\npost-receive\n{BootId.Current}\n{Environment.ProcessId} ", file, StringComparison.Ordinal);
    }

    private static string ManyLines(int count)
    {
        StringBuilder lines = new();
        for (int i = 0; i < count; i++)
        {
            lines.Append(HookRun.Line(string.Create(CultureInfo.InvariantCulture, $"refs/heads/some/longer/name/{i}")));
        }

        return lines.ToString();
    }

    private NotifyFile ReadOnly()
    {
        NotifyFileResult result = NotifyFile.Parse(File.ReadAllBytes(Assert.Single(Directory.GetFiles(NotifyFolder))));
        Assert.Null(result.Problem);
        return result.File!;
    }

    private void Install(BareRepository repository)
    {
        Directory.CreateDirectory(NotifyFolder);
        Assert.Null(HookInstaller.Install(repository.Path, NotifyFolder).Problem);
    }

    private async Task<(BareRepository Repository, BareRepository Clone)> PairAsync()
    {
        BareRepository repository = await BareRepository.InitAsync(folder["a.git"]);
        BareRepository clone = await BareRepository.InitAsync(folder["clone.git"]);
        await clone.GitAsync("update-ref", "refs/heads/a", await clone.CommitAsync("a"));
        return (repository, clone);
    }
}
