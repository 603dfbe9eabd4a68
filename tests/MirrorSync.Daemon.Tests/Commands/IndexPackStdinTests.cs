using System.Diagnostics;
using System.IO.Pipelines;
using MirrorSync.Daemon.Commands;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Daemon.Tests.Commands;

public sealed class IndexPackStdinTests : IDisposable
{
    private readonly PackScene scene = new();

    public void Dispose() => scene.Dispose();

    [Theory]
    [InlineData("ofs", "sha1")]
    [InlineData("ref", "sha256")]
    [InlineData("empty", "sha1")]
    public async Task Stdin_WholePack_IsPutThereAsByGit(string kind, string format)
    {
        byte[] pack = await File.ReadAllBytesAsync(await scene.WritePackAsync(kind, format));
        BareRepository theirs = await BareRepository.InitAsync(scene.Folder["git.git"], format);
        BareRepository ours = await BareRepository.InitAsync(scene.Folder["ours.git"], format);
        GitResult git = await StockGit.TryAsync(theirs.Path, ["index-pack", "--stdin", "--rev-index"], pack);

        PackRun run = await PackScene.RunAsync(new MemoryStream(pack), ["index-pack", "--stdin", "--rev-index", "--repo", ours.Path]);

        Assert.Equal(new PackRun(0, git.Text, string.Empty), run);
        Assert.Equal(PackScene.Files(theirs.Path), PackScene.Files(ours.Path));
        Assert.Null(await ours.FsckAsync());
    }

    [Theory]
    [InlineData("sha1", "--delta-base-offset")]
    [InlineData("sha1")]
    [InlineData("sha256", "--delta-base-offset")]
    public async Task Stdin_FixThin_CompletesAsGit(string format, params string[] more)
    {
        (BareRepository theirs, BareRepository ours, byte[] thin) = await TwinsAsync(format, more);
        GitResult git = await StockGit.TryAsync(theirs.Path, ["index-pack", "--stdin", "--fix-thin"], thin);

        PackRun run = await PackScene.RunAsync(new MemoryStream(thin), ["index-pack", "--stdin", "--fix-thin", "--repo", ours.Path]);

        Assert.Equal(new PackRun(0, git.Text, string.Empty), run);
        Assert.Equal(PackScene.Files(theirs.Path), PackScene.Files(ours.Path));
    }

    [Theory]
    [InlineData("thin")]
    [InlineData("cut")]
    [InlineData("flipped")]
    [InlineData("nothing")]
    public async Task Stdin_BadPack_LeavesTheRepositoryAsItWas(string damage)
    {
        (BareRepository theirs, BareRepository ours, byte[] pack) = await TwinsAsync("sha1", "--delta-base-offset");
        string[] options = damage == "thin" ? [] : ["--fix-thin"];
        pack = damage switch
        {
            "cut" => pack[..(pack.Length / 2)],
            "flipped" => [.. pack[..200], (byte)(pack[200] ^ 1), .. pack[201..]],
            "nothing" => [],
            _ => pack,
        };
        IReadOnlyDictionary<string, string> before = PackScene.Files(ours.Path);
        GitResult git = await StockGit.TryAsync(theirs.Path, ["index-pack", "--stdin", .. options], pack);

        PackRun run = await PackScene.RunAsync(new MemoryStream(pack), ["index-pack", "--stdin", .. options, "--repo", ours.Path]);

        Assert.Equal(git.Code, run.Code);
        Assert.Empty(run.Output);
        Assert.StartsWith("mirrorsync: standard input: ", Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Equal(before, PackScene.Files(ours.Path));
    }

    [Fact]
    public async Task Stdin_GitFolderOfAWorkTree_IsTaken()
    {
        byte[] pack = await File.ReadAllBytesAsync(await scene.WritePackAsync("one", "sha1"));
        Assert.Equal(0, (await scene.GitAsync("init", "-q", "work")).Code);

        PackRun run = await PackScene.RunAsync(new MemoryStream(pack), ["index-pack", "--stdin", "--repo", scene.Folder["work/.git"]]);

        Assert.Equal(0, run.Code);
        Assert.True(File.Exists(scene.Folder[$"work/.git/objects/pack/pack-{run.Output["pack\t".Length..].Trim()}.idx"]));
    }

    [Theory]
    [InlineData("nowhere")]
    [InlineData("work")]
    public async Task Stdin_NoRepository_IsRefused(string folder)
    {
        Assert.Equal(0, (await scene.GitAsync("init", "-q", "work")).Code);

        PackRun run = await PackScene.RunAsync("index-pack", "--stdin", "--repo", scene.Folder[folder]);

        Assert.Equal(128, run.Code);
        Assert.Equal($"mirrorsync: '{scene.Folder[folder]}' is no bare repository and no .git folder\n", run.Error);
    }

    [Fact]
    public async Task Stdin_CancelledWhileItWaits_LeavesNothing()
    {
        (_, BareRepository ours, byte[] pack) = await TwinsAsync("sha1", "--delta-base-offset");
        IReadOnlyDictionary<string, string> before = PackScene.Files(ours.Path);
        Pipe pipe = new();
        using CancellationTokenSource stop = new();
        Task<PackRun> running = PackScene.RunAsync(
            pipe.Reader.AsStream(), ["index-pack", "--stdin", "--fix-thin", "--repo", ours.Path], stop.Token);
        await pipe.Writer.WriteAsync(pack.AsMemory(0, pack.Length / 2), CancellationToken.None);
        await Patience.UntilAsync(
            _ => Task.FromResult(PackScene.Files(ours.Path).Count > before.Count ? null : "no file"), "the pack to arrive");

        await stop.CancelAsync();

        Assert.Equal(1, (await running).Code);
        Assert.Equal(before, PackScene.Files(ours.Path));
    }

    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    public async Task Stdin_Signal_EndsTheProcessAndLeavesNothing(string signal, int code)
    {
        (_, BareRepository ours, byte[] pack) = await TwinsAsync("sha1", "--delta-base-offset");
        IReadOnlyDictionary<string, string> before = PackScene.Files(ours.Path);
        ProcessStartInfo start = new(
            Path.Combine(AppContext.BaseDirectory, "mirrorsync"), ["index-pack", "--stdin", "--fix-thin", "--repo", ours.Path])
        {
            RedirectStandardInput = true,
        };
        using Process process = Process.Start(start)!;
        await process.StandardInput.BaseStream.WriteAsync(pack.AsMemory(0, pack.Length / 2), CancellationToken.None);
        await process.StandardInput.BaseStream.FlushAsync(CancellationToken.None);
        await Patience.UntilAsync(
            _ => Task.FromResult(PackScene.Files(ours.Path).Count > before.Count ? null : "no file"), "the pack to arrive");

        using Process kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
        using CancellationTokenSource deadline = new(Patience.Deadline);
        await process.WaitForExitAsync(deadline.Token);

        Assert.Equal(code, process.ExitCode);
        Assert.Equal(before, PackScene.Files(ours.Path));
    }

    [Fact]
    public async Task Stdin_OnATerminal_ShowsABarUntilItIsDone()
    {
        (_, BareRepository ours, byte[] pack) = await TwinsAsync("sha1", "--delta-base-offset");
        Pipe pipe = new();
        ManualTimeProvider time = new();
        using StringWriter output = new();
        using StringWriter error = new();
        CommandContext context = PackScene.Context(output, TextWriter.Synchronized(error), pipe.Reader.AsStream()) with { Time = time, ErrorIsTerminal = true };
        Task<int> running = CommandLine.RunAsync(["index-pack", "--stdin", "--fix-thin", "--repo", ours.Path], context, CancellationToken.None);
        await pipe.Writer.WriteAsync(pack.AsMemory(0, pack.Length / 2), CancellationToken.None);
        await TickAsync(TimeSpan.FromMilliseconds(500));
        await TickAsync(TimeSpan.FromMilliseconds(100));
        await TickAsync(TimeSpan.FromMilliseconds(100));
        await pipe.Writer.WriteAsync(pack.AsMemory(pack.Length / 2), CancellationToken.None);
        await pipe.Writer.CompleteAsync();

        Assert.Equal(0, await running.WaitAsync(Patience.Deadline));
        Assert.Matches(@"reading +\d+/\d+ objects, 0\.\d MiB", error.ToString());
        Assert.Matches(@"resolving +\d+/\d+ objects", error.ToString());
        Assert.Matches(@"^pack\t[0-9a-f]{40}\n$", output.ToString());

        // A timer that waits means that all that came before it was done.
        async Task TickAsync(TimeSpan by)
        {
            await Patience.UntilAsync(_ => Task.FromResult(time.WaitingTimers > 0 ? null : "no timer"), "the bar's timer");
            time.Advance(by);
        }
    }

    private async Task<(BareRepository Theirs, BareRepository Ours, byte[] Thin)> TwinsAsync(string format, params string[] more)
    {
        BareRepository source = await PackScene.HistoryAsync(scene.Folder["source.git"], format);
        string old = await scene.WritePackAsync(source, "old", "main~30\n", "--revs");
        List<BareRepository> twins = [];
        foreach (string name in new[] { "git.git", "ours.git" })
        {
            BareRepository twin = await BareRepository.InitAsync(scene.Folder[name], format);
            GitResult filled = await StockGit.TryAsync(twin.Path, ["index-pack", "--stdin"], await File.ReadAllBytesAsync(old));
            Assert.Equal(0, filled.Code);
            twins.Add(twin);
        }

        string thin = await scene.WritePackAsync(source, "thin", "main\n^main~30\n", ["--revs", "--thin", .. more]);
        return (twins[0], twins[1], await File.ReadAllBytesAsync(thin));
    }
}
