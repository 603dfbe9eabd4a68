using MirrorSync.Testing.Network;
using MirrorSync.Testing.Nodes;

namespace MirrorSync.Testing.Chaos;

/// <summary>
/// What goes wrong with one node: it is killed, stopped or frozen, its link is cut. One fault after the other, each mended again; other nodes have theirs at the same time.
/// </summary>
internal sealed class ChaosFaults(NodeProcess node, Func<Task> start, WanLink? link, ChaosOptions options, ChaosJournal journal, int seed)
{
#pragma warning disable CA5394 // not for secrets: the same seed makes the same choices
    private readonly Random random = new(seed);

    /// <summary>Faults so far.</summary>
    public int Count { get; private set; }

    /// <summary>Breaks and mends until told to stop.</summary>
    /// <exception cref="ChaosFailedException">The node ended of its own accord, or not when it was asked to.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            try
            {
                await Task.Delay(options.FaultEvery * random.NextDouble(), TimeProvider.System, stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Every fault before was mended.
                RequireRunning();
                return;
            }

            RequireRunning();
            Count++;
            switch (random.Next(link is null ? 5 : 8))
            {
                case 0 or 1 or 2:
                    await DownAsync(kill: true).ConfigureAwait(false);
                    break;
                case 3:
                    await DownAsync(kill: false).ConfigureAwait(false);
                    break;
                case 4:
                    await LastAsync("frozen", "thawed", node.Freeze, node.Thaw).ConfigureAwait(false);
                    break;
                default:
                    CutMode mode = random.Next(2) == 0 ? CutMode.Stall : CutMode.Reset;
                    await LastAsync($"has its link cut: {mode}", "has its link healed", () => link!.Cut(mode), () => link!.Heal()).ConfigureAwait(false);
                    break;
            }
        }
    }

    private async Task DownAsync(bool kill)
    {
        TimeSpan wait = options.FaultLasts * random.NextDouble();
        int code = 0;
        if (kill)
        {
            await node.KillAsync().ConfigureAwait(false);
        }
        else
        {
            code = await node.StopAsync().ConfigureAwait(false);
        }

        journal.Add($"{node.Config.Name} {(kill ? "killed" : $"stopped with code {code}")}");
        if (code != 0)
        {
            throw new ChaosFailedException($"{node.Config.Name} ended with code {code} when asked to stop");
        }

        await Task.Delay(wait, TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
        await start().ConfigureAwait(false);
        journal.Add($"{node.Config.Name} started");
    }

    private async Task LastAsync(string begun, string ended, Action begin, Action end)
    {
        begin();
        journal.Add($"{node.Config.Name} {begun}");
        await Task.Delay(options.FaultLasts * random.NextDouble(), TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
        end();
        journal.Add($"{node.Config.Name} {ended}");
    }

    private void RequireRunning()
    {
        if (!node.IsRunning)
        {
            throw new ChaosFailedException($"{node.Config.Name} ended of its own accord with code {node.ExitCode}");
        }
    }
#pragma warning restore CA5394
}
