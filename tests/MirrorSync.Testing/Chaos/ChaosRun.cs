using System.Globalization;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Testing.Chaos;

/// <summary>What a run did, for whoever ran it by hand.</summary>
/// <param name="Seed">What decided it.</param>
/// <param name="Pushes">Pushes made.</param>
/// <param name="Faults">Faults injected.</param>
/// <param name="Records">Records in the primary's log at the end.</param>
/// <param name="States">Different states in a row that were seen at mirrors, in folders and at listeners.</param>
/// <param name="Positions">Durable positions that the nodes told of, each compared with the log.</param>
/// <param name="Journal">All that happened.</param>
public sealed record ChaosReport(int Seed, int Pushes, int Faults, ulong Records, int States, int Positions, string Journal);

/// <summary>
/// Random pushes against a network whose nodes and links fail at random, watched by real git and by clients of the public
/// listeners. Afterwards every mirror must become equal by itself, nothing made anew; the log's states must be the
/// repository's own, no push in halves; every state that was ever seen at a mirror must be the log's, in the log's order; and
/// the log must have what any node ever said was durable.
/// </summary>
public sealed class ChaosRun
{
    // What a mirror logs for each snapshot that it took in. Each has one of each repository in the beginning.
    private const string SnapshotTaken = "brought up from a snapshot";

    private readonly TestNetwork network;
    private readonly ChaosOptions options;
    private readonly ChaosJournal journal = new();
    private readonly List<ChaosPusher> pushers = [];
    private readonly List<ChaosWatcher> watchers = [];
    private readonly List<ChaosFaults> faults = [];
    private readonly SeenPositions primaryPositions = new("primary");

    private ChaosRun(TestNetwork network, ChaosOptions options)
    {
        this.network = network;
        this.options = options;
    }

    private IEnumerable<string> Names => Enumerable.Range(0, options.Repositories).Select(NameOf);

    private int Snapshots => network.Mirrors.Sum(static m => m.Node.CountLines(SnapshotTaken));

    /// <summary>Runs on a network of its own.</summary>
    /// <param name="regions">Where mirrors stand.</param>
    /// <param name="options">What the run is like.</param>
    /// <exception cref="ChaosFailedException">A promise was broken.</exception>
    public static async Task<ChaosReport> RunAsync(IReadOnlyList<Region> regions, ChaosOptions options)
    {
        TestNetwork network = await TestNetwork.StartAsync(regions, n => PrepareAsync(n, options)).ConfigureAwait(false);
        await using (network.ConfigureAwait(false))
        {
            ChaosRun run = new(network, options);
            try
            {
                await network.InstallHooksAsync().ConfigureAwait(false);
                await network.WaitConvergedAsync().ConfigureAwait(false);
                return await run.RunAsync().ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                await run.KeepAsync().ConfigureAwait(false);
                throw new ChaosFailedException(
                    $"seed {options.Seed}: {(failure is ChaosFailedException ? failure.Message : failure)}\n{run.journal}\n{network.LogTails()}", failure);
            }
            finally
            {
                run.watchers.ForEach(static w => w.Dispose());
            }
        }
    }

    private static async Task PrepareAsync(TestNetwork network, ChaosOptions options)
    {
        for (int i = 0; i < options.Repositories; i++)
        {
            await network.CreateRepositoryAsync(NameOf(i), new HistoryShape { Commits = 20, TagEvery = 5, Seed = options.Seed + i }).ConfigureAwait(false);
        }
    }

    private async Task<ChaosReport> RunAsync()
    {
        int snapshots = Snapshots;
        List<ulong> inodes = Inodes();
        if (snapshots == 0)
        {
            throw new ChaosFailedException("no mirror logged the snapshots of the beginning: they cannot be counted");
        }

        foreach (TestMirror mirror in network.Mirrors)
        {
            watchers.Add(new ChaosWatcher(mirror.Node, Names));
            faults.Add(new ChaosFaults(mirror.Node, mirror.Node.StartAsync, mirror.Link, options, journal, SeedOf(faults.Count)));
        }

        faults.Add(new ChaosFaults(network.Primary, network.StartPrimaryAsync, null, options, journal, SeedOf(faults.Count)));
        foreach (string name in Names)
        {
            BareRepository primary = network.Primary.Repository(name);
            PushClient client = await PushClient.CloneAsync(Path.Combine(network.Folder, "client-" + name), primary).ConfigureAwait(false);
            pushers.Add(new ChaosPusher(primary, name, client, options, journal, SeedOf(100 + pushers.Count)));
        }

        await Task.WhenAll(pushers.Select(static p => p.BeginAsync())).ConfigureAwait(false);
        await DisturbAsync().ConfigureAwait(false);
        LoggedHistory log = LoggedHistory.Read(await network.Primary.CommandAsync("log", "show", "--json").ConfigureAwait(false));
        if (FindFault(log) is { } fault)
        {
            throw new ChaosFailedException(fault);
        }

        if (Snapshots is var taken && taken != snapshots)
        {
            throw new ChaosFailedException($"{taken - snapshots} snapshots were taken, and none was needed");
        }

        if (!inodes.SequenceEqual(Inodes()))
        {
            throw new ChaosFailedException("a copy was made anew");
        }

        foreach (NodeProcess node in network.Mirrors.Select(static m => m.Node).Append(network.Primary))
        {
            await node.CommandAsync("log", "verify").ConfigureAwait(false);
        }

        return new ChaosReport(
            options.Seed,
            pushers.Sum(static p => p.Pushes),
            faults.Sum(static f => f.Count),
            log.End,
            watchers.Sum(w => Names.Sum(n => w.SeenOf(n).Sum(static s => s.States.Count))),
            watchers.Sum(static w => w.Positions.Count) + primaryPositions.Count,
            journal.ToString());
    }

    /// <summary>Pushes, faults and looks, all at once; then quiet until all are equal, still watched.</summary>
    private async Task DisturbAsync()
    {
        using CancellationTokenSource quiet = new();
        using CancellationTokenSource over = new();
        Task[] watching = [WatchPrimaryAsync(over.Token), .. watchers.Select(w => w.RunAsync(over.Token))];
        Task[] disturbing = [.. faults.Select(f => f.RunAsync(quiet.Token)), .. pushers.Select(p => p.RunAsync(quiet.Token))];
        try
        {
            Task ended = await Task.WhenAny([.. watching, .. disturbing, Task.Delay(options.Duration, TimeProvider.System, CancellationToken.None)]).ConfigureAwait(false);
            await quiet.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(disturbing).ConfigureAwait(false);
            await ended.ConfigureAwait(false);
            journal.Add("quiet");
            Task equal = network.WaitConvergedAsync();
            await (await Task.WhenAny([equal, .. watching]).ConfigureAwait(false)).ConfigureAwait(false);
            journal.Add("equal");
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
        }

        await Task.WhenAll(watching).ConfigureAwait(false);
    }

    private async Task WatchPrimaryAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await ChaosWatcher.PositionAsync(network.Primary, primaryPositions).ConfigureAwait(false);
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>The whole history, once it is over.</summary>
    private string? FindFault(LoggedHistory log)
    {
        foreach (ChaosPusher pusher in pushers)
        {
            IReadOnlyList<string> logged = log.StatesOf(pusher.Name);
            IReadOnlyList<string> made = pusher.Made.States;
            if (RefStates.FindFault(made, logged) is { } torn)
            {
                return $"{pusher.Name} in the log: {torn}";
            }

            if (logged[^1] != made[^1])
            {
                return $"{pusher.Name} in the log ends before the last push";
            }

            foreach (SeenStates seen in watchers.SelectMany(w => w.SeenOf(pusher.Name)))
            {
                if (RefStates.FindFault(logged, seen.States) is { } fault)
                {
                    return $"{seen.Where}, by the states of the log: {fault}";
                }
            }
        }

        return watchers.Select(static w => w.Positions).Append(primaryPositions).Select(p => p.FindFault(log)).FirstOrDefault(static f => f is not null);
    }

    private async Task KeepAsync()
    {
        if (options.Keep is { } folder)
        {
            await File.WriteAllTextAsync(Path.Combine(Directory.CreateDirectory(folder).FullName, "journal"), journal.ToString()).ConfigureAwait(false);
            using System.Diagnostics.Process copy = System.Diagnostics.Process.Start("cp", ["-a", "--", network.Folder + "/.", folder]);
            await copy.WaitForExitAsync().ConfigureAwait(false);
        }
    }

    private List<ulong> Inodes() =>
        [.. network.Mirrors.SelectMany(static m => BareRepository.FindAll(m.Node.Config.Root).Values).Select(static r => r.Inode)];

    private int SeedOf(int part) => unchecked((options.Seed * 1000) + part);

    private static string NameOf(int i) => string.Create(CultureInfo.InvariantCulture, $"chaos{i}.git");
}
