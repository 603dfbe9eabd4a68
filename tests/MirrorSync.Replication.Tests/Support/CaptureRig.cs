using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Convergence;
using MirrorSync.Replication.Primary;
using MirrorSync.Replication.Primary.Capture;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Replication.Status;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Packing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Support;

/// <summary>The capture side of a primary over one real repository, with notices given by hand.</summary>
internal sealed class CaptureRig : IAsyncDisposable
{
    private readonly TempFolder folder = new();
    private readonly OpenStores stores = new();
    private readonly CancellationTokenSource stopping = new();
    private int pushes;

    private CaptureRig(string format) => Format = ObjectFormatFacts.TryParse(format, out ObjectFormat parsed)
        ? parsed : throw new ArgumentException(format);

    public ObjectFormat Format { get; }

    public BareRepository Disk { get; private set; } = null!;

    public ReplicationLog Log { get; private set; } = null!;

    public Spool Spool { get; private set; } = null!;

    public RepositoryTable Table { get; private set; } = null!;

    public CaptureContext Context { get; private set; } = null!;

    public CapturedRepository Captured { get; private set; } = null!;

    /// <summary>What is wrong with the root, for the test to say.</summary>
    public string? RootProblem { get; set; }

    /// <summary>Called by the worker before each piece of work: a place to hold it up.</summary>
    public Action? BeforeRead { get; set; }

    /// <summary>Called by the worker where it waits for what was noticed: a place to tell it.</summary>
    public Action? CatchingUp { get; set; }

    public RepositoryState State => Table.TryGet(Samples.Repo, out RepositoryState? state) ? state : throw new InvalidOperationException();

    public string Root => folder["root"];

    /// <summary>A repository with one commit on main and on <c>old</c>, not looked at yet.</summary>
    public static async Task<CaptureRig> StartAsync(string format = "sha1")
    {
        CaptureRig rig = new(format);
        rig.Disk = await BareRepository.InitAsync(Samples.Repo.PathBelow(rig.Root), format);
        string first = await rig.Disk.CommitAsync("first");
        await rig.Disk.GitAsync("update-ref", "refs/heads/main", first);
        await rig.Disk.GitAsync("update-ref", "refs/heads/old", first);
        rig.OpenLog();
        rig.Captured = new CapturedRepository(rig.Context, rig.Unseen(), null, rig.stopping.Token);
        return rig;
    }

    /// <summary>The same, Baseline captured.</summary>
    public static async Task<CaptureRig> BaselinedAsync(string format = "sha1")
    {
        CaptureRig rig = await StartAsync(format);
        await rig.LookAsync();
        Assert.Equal(RepositoryCondition.Live, rig.State.Condition);
        return rig;
    }

    /// <summary>The daemon starts again: the log is opened and read, and the repository taken up from it.</summary>
    /// <param name="known">How many repositories the log is to bring back; with none it is seen as new.</param>
    public async Task RestartAsync(int known = 1)
    {
        await SettleAsync();
        await Log.DisposeAsync();
        OpenLog();
        (_, IReadOnlyList<ReplayedRepository> found, _) =
            await LogReplay.ReadAsync(Log, Spool, Root, null, NullLogger.Instance, CancellationToken.None);
        Assert.Equal(known, found.Count);
        Captured = new CapturedRepository(Context, found.SingleOrDefault()?.State ?? Unseen(), found.SingleOrDefault()?.Metadata, stopping.Token);
    }

    /// <summary>Removes a body as a disk might. True when it was there.</summary>
    public bool DropFromSpool(SpooledBody body)
    {
        FileInfo file = new(folder["spool/" + body.Name]);
        bool there = file.Exists;
        file.Delete();
        return there;
    }

    public async Task LookAsync()
    {
        Captured.Touch();
        await SettleAsync();
    }

    /// <summary>Waits until nothing is to do.</summary>
    public async Task SettleAsync()
    {
        // The worker, not the work: pushes that wait for an open one are still to come.
        for (Task worker = Captured.Stopped; ; worker = Captured.Stopped)
        {
            await worker.WaitAsync(Patience.Deadline, TimeProvider.System);
            if (worker == Captured.Stopped)
            {
                break;
            }
        }

        if (Context.Failed.Task.IsFaulted)
        {
            await Context.Failed.Task;
        }
    }

    public PushId NextPush() => new("boot", ++pushes, pushes);

    /// <summary>A whole push: opened, the refs changed by <c>git update-ref</c>, ended, captured.</summary>
    public async Task PushAsync(params (string Name, string? Id)[] updates)
    {
        PushId push = NextPush();
        RefName[] names = [.. updates.Select(static u => RefName.FromString(u.Name))];
        Captured.Opened(push, names);
        foreach ((string name, string? id) in updates)
        {
            await UpdateAsync(name, id);
        }

        Captured.Ended(push, names);
        await SettleAsync();
    }

    public Task<string> UpdateAsync(string name, string? id) =>
        id is null ? Disk.GitAsync("update-ref", "-d", name) : Disk.GitAsync("update-ref", name, id);

    public LogRecord LastRecord => Log.ReadRecord(Log.Appended.Sequence);

    public async Task<(LogRecordBody Fields, byte[] Pack)> BodyAsync(LogRecord record)
    {
        await using Stream stream = Spool.OpenBody(record);
        using MemoryStream whole = new();
        await stream.CopyToAsync(whole);
        Assert.True(LogRecordBodyCodec.TryDecode(whole.ToArray(), record.Format, out LogRecordBody? fields, out ReadOnlyMemory<byte> pack, out string? error), error);
        return (fields, pack.ToArray());
    }

    /// <summary>The updates of the last record as text: <c>name old new</c>, ids by their first digits.</summary>
    public async Task<string[]> LastUpdatesAsync() =>
        [.. (await BodyAsync(LastRecord)).Fields.Updates.OrderBy(static u => u.Name).Select(u => $"{u.Name} {Text(u.Old)} {Text(u.New)}")];

    /// <summary>What the state shows, in the form of <see cref="BareRepository.RefsTextAsync"/>, peels checked against git.</summary>
    public async Task AssertShowsTheDiskAsync()
    {
        RefSnapshot refs = State.Refs;
        SortedSet<string> expected = new(StringComparer.Ordinal);
        HashSet<string> symbolic = [.. (await Disk.GitAsync("for-each-ref", "--format=%(if)%(symref)%(then)%(refname)%(end)")).Split('\n')];
        GitResult listed = await StockGit.TryAsync(Disk.Path, ["show-ref", "-d"]);
        foreach (string line in listed.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string name = line.Split(' ', 2)[1];
            if (!symbolic.Contains(name.EndsWith("^{}", StringComparison.Ordinal) ? name[..^3] : name))
            {
                expected.Add(line);
            }
        }

        SortedSet<string> shown = new(StringComparer.Ordinal);
        foreach (RefEntry entry in refs.Entries.Where(static e => e.Value.Kind == RefValueKind.Direct))
        {
            shown.Add($"{entry.Value.Id.ToHex(Format)} {Latin1(entry.Name)}");
            if (!entry.Peeled.IsZero)
            {
                shown.Add($"{entry.Peeled.ToHex(Format)} {Latin1(entry.Name)}^{{}}");
            }
        }

        Assert.Equal(expected, shown);
        string head = refs.Head.Kind == RefValueKind.Symbolic ? "ref: " + refs.Head.Target : refs.Head.Id.ToHex(Format);
        Assert.Equal(Disk.Head, head);
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await Captured.Stopped;
        await Log.DisposeAsync();
        stores.Dispose();
        stopping.Dispose();
        folder.Dispose();
    }

    private RepositoryState Unseen() => new(
        new Repository(Samples.Repo, Disk.Path, Format), RepositoryCondition.Missing, "new", RefSnapshot.Empty(Format), LogPosition.Origin);

    private string? AskRoot()
    {
        BeforeRead?.Invoke();
        return RootProblem;
    }

    private static string Latin1(RefName name) => System.Text.Encoding.Latin1.GetString(name.Bytes);

    private string Text(RefValue value) => value.Kind switch
    {
        RefValueKind.None => "-",
        RefValueKind.Direct => value.Id.ToHex(Format),
        _ => "@" + value.Target,
    };

    private void OpenLog()
    {
        Log = ReplicationLog.Open(new ReplicationLogOptions { Folder = folder["log"] }, NullLogger<ReplicationLog>.Instance);
        Spool = new Spool(folder["spool"], NullLogger<Spool>.Instance);
        Table = new RepositoryTable();
        Context = new CaptureContext(Log, Spool, Table, new ThinPackWriter(stores, new GitPackWriter(), new PackingLimits()), AskRoot, TimeProvider.System, NullLogger.Instance)
        {
            Problems = new NodeProblems(NullLogger.Instance),
            Epoch = 1,
            ObjectSets = new FleetObjectSets(folder["state/object-sets"], folder["state/sketch.key"]).OpenOrCreate(),
            CaughtUp = _ =>
            {
                CatchingUp?.Invoke();
                return Task.CompletedTask;
            },
        };
    }
}
