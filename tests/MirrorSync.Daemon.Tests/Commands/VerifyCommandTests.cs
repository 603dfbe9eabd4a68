using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Daemon.Commands;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Tests.Metrics;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Daemon.Tests.Commands;

/// <summary><c>mirrorsync verify</c> through the admin listener, over a real repository.</summary>
public sealed class VerifyCommandTests : IAsyncLifetime, IDisposable
{
    private readonly TempFolder folder = new();
    private readonly FakeNode node = new();
    private readonly StringWriter output = new();
    private readonly StringWriter error = new();
    private readonly RepositoryTable table = new();
    private BareRepository git = null!;
    private NodeScrub scrub = null!;
    private ReplicationLog log = null!;

    private string ConfigFile => folder["node.json"];

    private string Pack => Directory.GetFiles(Path.Combine(git.Path, "objects/pack"), "*.pack").Single();

    public async Task InitializeAsync()
    {
        git = await BareRepository.InitAsync(folder["a.git"]);
        await History.WriteAsync(git, new HistoryShape { Commits = 20, Files = 4 });
        await git.GitAsync("repack", "-q", "-a", "-d", "-f");
        Repository repository = new(RepositoryName.Parse("a.git"), git.Path, ObjectFormat.Sha1);
        table.Show(new RepositoryState(repository, RepositoryCondition.Live, null, RefSnapshot.Empty(ObjectFormat.Sha1), LogPosition.Origin));
        log = ReplicationLog.Open(new ReplicationLogOptions { Folder = folder["log"] }, NullLogger<ReplicationLog>.Instance);
        NodeScrubOptions options = new() { StateFile = folder["scrub.json"], ScratchFolder = folder.Path, LogFolder = folder["log"] };
        scrub = new NodeScrub(
            options, table, new RepositoryGates(), null, new Spool(folder["spool"], NullLogger<Spool>.Instance), static () => false,
            TimeProvider.System, NullLogger<NodeScrub>.Instance);
        node.Scrub = scrub;
    }

    public async Task DisposeAsync()
    {
        await scrub.DisposeAsync();
        await log.DisposeAsync();
    }

    public void Dispose()
    {
        output.Dispose();
        error.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task Verify_DeepOfSoundAndDamaged_EndsWithZeroAndOneAndNamesTheObject()
    {
        await using RunningNode running = await StartAsync();
        Assert.Equal(0, await RunAsync("--deep"));
        Assert.Contains("a.git", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("log and spool", output.ToString(), StringComparison.Ordinal);
        Assert.Empty(error.ToString());

        Flip(Pack, 100);
        Assert.Equal(1, await RunAsync("--deep", "--repo", "a.git"));
        string line = Assert.Single(Lines(error));
        Assert.StartsWith($"mirrorsync: a.git: {Pack} at ", line, StringComparison.Ordinal);
        Assert.Contains(": pack-entry: ", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_Shallow_TellsWhatWasLastSeen()
    {
        await using RunningNode running = await StartAsync();
        node.Status = new ScrubbedStatus(node, scrub).GetStatus();
        Assert.Equal(0, await RunAsync());
        Assert.Contains("never", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("cccccccccccc", output.ToString(), StringComparison.Ordinal);

        Flip(Pack, 100);
        Assert.Single((await scrub.CheckAsync(null, CancellationToken.None))![0].Faults);
        node.Status = new ScrubbedStatus(node, scrub).GetStatus();
        Assert.Equal(1, await RunAsync());
        Assert.Contains("pack-entry", Assert.Single(Lines(error)), StringComparison.Ordinal);
        Assert.Equal(0, await RunAsync("--repo", "b.git"));

        PrometheusText metrics = PrometheusText.Parse((await running.AdminAsync("/metrics")).Body);
        Assert.Equal(1, metrics.Samples["mirrorsync_scrub_faults_total{kind=\"pack-entry\"}"]);
        Assert.Equal(0, metrics.Samples["mirrorsync_scrub_faults_total{kind=\"loose-object\"}"]);
        Assert.InRange(metrics.Samples["mirrorsync_scrub_read_bytes_total{}"], new FileInfo(Pack).Length, double.MaxValue);
        Assert.InRange(metrics.Samples["mirrorsync_scrub_oldest_age_seconds{}"], 0, 3600);
    }

    [Fact]
    public async Task Verify_UnknownRepositoryOrSwitchedOff_EndsWithTwo()
    {
        await using (RunningNode running = await StartAsync())
        {
            Assert.Equal(2, await RunAsync("--deep", "--repo", "none.git"));
            Assert.Equal(2, await RunAsync("--repo", "none.git"));
            Assert.Equal(2, await RunAsync("--deeper"));
        }

        node.Scrub = null;
        await using RunningNode other = await StartAsync();
        Assert.Equal(2, await RunAsync("--deep"));
        Assert.Contains("mirrorsync: scrubbing is switched off here; see Scrub:Enabled", Lines(error));
    }

    [Fact]
    public async Task Verify_NoDaemon_EndsWithThree()
    {
        Configs.WriteFile(folder.Path);
        Assert.Equal(3, await RunAsync());
        Assert.Equal(3, await RunAsync("--deep"));
    }

    private static void Flip(string path, long at)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bytes[at] ^= 4;
        File.Delete(path);
        File.WriteAllBytes(path, bytes);
    }

    private static string[] Lines(StringWriter writer) => writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private async Task<RunningNode> StartAsync()
    {
        MirrorSyncConfig config = ConfigLoader.Load(Configs.WriteFile(folder.Path), Configs.NoEnvironment).Config!;
        return await RunningNode.StartAsync(config with { Log = new LogConfig(LogLevel.None) }, node);
    }

    private Task<int> RunAsync(params string[] args) =>
        CommandLine.RunAsync(["verify", .. args, "--config", ConfigFile], Context(), CancellationToken.None).WaitAsync(Patience.Deadline);

    private CommandContext Context() => new()
    {
        Output = output,
        Error = error,
        Width = 400,
        Environment = Configs.NoEnvironment,
        Time = TimeProvider.System,
        Compose = node.Compose,
        ChangeHooks = static (_, _) => throw new InvalidOperationException("no hooks here"),
    };
}
