using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Scrubbing;
using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Storage.Scrubbing;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Scrubbing;

/// <summary>A node that only scrubs: a few repositories, a log, and a clock that stands still.</summary>
internal sealed class ScrubRig : IAsyncDisposable
{
    private readonly TempFolder folder = new();
    private readonly long maxBytesPerSecond;
    private CancellationTokenSource stop = new();
    private Task running = Task.CompletedTask;

    public ScrubRig(long maxBytesPerSecond = 1 << 30)
    {
        this.maxBytesPerSecond = maxBytesPerSecond;
        Log = new ScratchLog();
        Scrub = Make();
    }

    public ManualTimeProvider Clock { get; } = new();

    public ScratchLog Log { get; }

    public RepositoryTable Table { get; } = new();

    public NodeScrub Scrub { get; private set; }

    public bool Behind { get; set; }

    public List<ScrubFault> Repaired { get; } = [];

    public string StateFile => folder["scrub.json"];

    public async Task<BareRepository> AddAsync(string name, int commits = 20)
    {
        BareRepository git = await BareRepository.InitAsync(folder[name]);
        await History.WriteAsync(git, new HistoryShape { Commits = commits, Files = 4, TagEvery = 10 });
        await git.GitAsync("-c", "pack.writeReverseIndex=true", "repack", "-q", "-a", "-d", "-f", "--no-write-bitmap-index");
        await git.GitAsync("multi-pack-index", "write", "--bitmap", "--no-progress");
        Repository repository = new(RepositoryName.Parse(name), git.Path, ObjectFormat.Sha1);
        Table.Show(new RepositoryState(repository, RepositoryCondition.Live, null, RefSnapshot.Empty(ObjectFormat.Sha1), LogPosition.Origin));
        return git;
    }

    public void Start()
    {
        stop = new CancellationTokenSource();
        running = Task.Run(() => Scrub.RunAsync(stop.Token));
    }

    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await running;
        stop.Dispose();
    }

    /// <summary>Stops it, and makes it anew from what it kept.</summary>
    /// <param name="between">What happens meanwhile.</param>
    public async Task RestartAsync(Action? between = null)
    {
        await StopAsync();
        await Scrub.DisposeAsync();
        between?.Invoke();
        Scrub = Make();
        Start();
    }

    /// <summary>Waits; the clock goes on by a little as long as somebody waits for it.</summary>
    public Task UntilAsync(Func<string?> missing, string what, bool clockRuns = true) => Patience.UntilAsync(
        _ =>
        {
            if (clockRuns && Clock.WaitingTimers > 0)
            {
                Clock.Advance(TimeSpan.FromMilliseconds(100));
            }

            return Task.FromResult(missing());
        },
        what);

    public Task CycledAsync(long cycles) => UntilAsync(
        () => Scrub.Totals.Cycles >= cycles ? null : $"{Scrub.Totals.Cycles} cycles", $"{cycles} cycles");

    public static string PackOf(BareRepository git) => Directory.GetFiles(Path.Combine(git.Path, "objects/pack"), "*.pack").Single();

    public static void Flip(string path, long at)
    {
        byte[] bytes = File.ReadAllBytes(path);
        bytes[at] ^= 4;
        File.Delete(path);
        File.WriteAllBytes(path, bytes);
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await running;
        stop.Dispose();
        await Scrub.DisposeAsync();
        Log.Dispose();
        folder.Dispose();
    }

    private NodeScrub Make() => new(
        new NodeScrubOptions
        {
            Interval = TimeSpan.FromHours(1),
            MaxBytesPerSecond = maxBytesPerSecond,
            StateFile = StateFile,
            ScratchFolder = folder.Path,
            LogFolder = Log.LogFolder,
            KeepsAllBodies = true,
            Load = static () => 0,
            Settling = TimeSpan.FromSeconds(2),
        },
        Table,
        new RepositoryGates(),
        null,
        Log.Spool,
        () => Behind,
        Clock,
        NullLogger<NodeScrub>.Instance)
    {
        Repair = (_, faults, _) =>
        {
            Repaired.AddRange(faults);
            return Task.CompletedTask;
        },
    };
}
