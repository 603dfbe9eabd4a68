using System.Globalization;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Testing.Chaos;

/// <summary>What a run did, for whoever ran it by hand.</summary>
/// <param name="Pushes">Pushes made.</param>
/// <param name="States">Different states that were seen on mirrors.</param>
/// <param name="Journal">All that happened.</param>
public sealed record ChaosReport(int Pushes, int States, string Journal);

/// <summary>
/// Random pushes against a network whose nodes and links fail at random, watched by real git. Afterwards every mirror
/// must become equal by itself, nothing made anew, and every state that was ever seen on one must have been the primary's,
/// in the primary's order.
/// </summary>
public static class ChaosRun
{
    /// <summary>Runs on a network of its own.</summary>
    /// <param name="regions">Where mirrors stand.</param>
    /// <param name="options">What the run is like.</param>
    /// <exception cref="ChaosFailedException">A promise was broken.</exception>
    public static async Task<ChaosReport> RunAsync(IReadOnlyList<Region> regions, ChaosOptions options)
    {
        TestNetwork network = await TestNetwork.StartAsync(regions, n => PrepareAsync(n, options)).ConfigureAwait(false);
        await using (network.ConfigureAwait(false))
        {
            ChaosJournal journal = new();
            try
            {
                await network.InstallHooksAsync().ConfigureAwait(false);
                await network.WaitConvergedAsync().ConfigureAwait(false);
                return await RunAsync(network, options, journal).ConfigureAwait(false);
            }
            catch (Exception failure)
            {
                throw new ChaosFailedException(
                    $"seed {options.Seed}: {failure.Message}\n{journal}\n{network.LogTails()}", failure);
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

    private static async Task<ChaosReport> RunAsync(TestNetwork network, ChaosOptions options, ChaosJournal journal)
    {
        List<(string Where, SeenStates States)> all = [];
        List<ChaosPusher> pushers = [];
        List<ChaosWatcher> watchers = [];
        List<ulong> inodes = Inodes(network);
        for (int i = 0; i < options.Repositories; i++)
        {
            BareRepository primary = network.Primary.Repository(NameOf(i));
            PushClient client = await PushClient.CloneAsync(
                Path.Combine(network.Folder, string.Create(CultureInfo.InvariantCulture, $"client{i}")), primary).ConfigureAwait(false);
            List<SeenStates> made = [];
            foreach (TestMirror mirror in network.Mirrors)
            {
                SeenStates states = new();
                made.Add(states);
                all.Add(($"{NameOf(i)} at {mirror.Region.Name}", states));
                watchers.Add(new ChaosWatcher(mirror.Node.Repository(NameOf(i)), states));
            }

            pushers.Add(new ChaosPusher(primary, NameOf(i), client, made, journal, (options.Seed * 1000) + i));
        }

        await Task.WhenAll(pushers.Select(static p => p.BeginAsync())).ConfigureAwait(false);
        await DisturbAsync(network, options, journal, pushers, watchers).ConfigureAwait(false);
        if (!inodes.SequenceEqual(Inodes(network)))
        {
            throw new ChaosFailedException("a copy was made anew");
        }

        foreach ((string where, SeenStates states) in all)
        {
            if (states.FindFault() is { } fault)
            {
                throw new ChaosFailedException($"{where}: {fault}");
            }
        }

        return new ChaosReport(pushers.Sum(static p => p.Pushes), all.Sum(static s => s.States.SeenCount), journal.ToString());
    }

    /// <summary>Pushes, faults and looks, all at once; then quiet until all are equal, still watched.</summary>
    private static async Task DisturbAsync(
        TestNetwork network, ChaosOptions options, ChaosJournal journal, List<ChaosPusher> pushers, List<ChaosWatcher> watchers)
    {
        using CancellationTokenSource quiet = new();
        using CancellationTokenSource over = new();
        Task<string?[]> watching = Task.WhenAll(watchers.Select(w => w.RunAsync(over.Token)));
        try
        {
            Task[] disturbances = [new ChaosFaults(network, options, journal).RunAsync(quiet.Token), .. pushers.Select(p => p.RunAsync(quiet.Token))];
            Task disturbing = Task.WhenAll(disturbances);
            Task failed = Task.WhenAny(disturbances);
            await Task.WhenAny(failed, watching, Task.Delay(options.Duration, TimeProvider.System, CancellationToken.None)).ConfigureAwait(false);
            await quiet.CancelAsync().ConfigureAwait(false);
            await disturbing.ConfigureAwait(false);
            journal.Add("quiet");
            await network.WaitConvergedAsync().ConfigureAwait(false);
            journal.Add("equal");
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
        }

        foreach (string? fault in await watching.ConfigureAwait(false))
        {
            if (fault is not null)
            {
                throw new ChaosFailedException(fault);
            }
        }
    }

    private static List<ulong> Inodes(TestNetwork network) =>
        [.. network.Mirrors.SelectMany(static m => BareRepository.FindAll(m.Node.Config.Root).Values).Select(static r => r.Inode)];

    private static string NameOf(int i) => string.Create(CultureInfo.InvariantCulture, $"chaos{i}.git");
}
