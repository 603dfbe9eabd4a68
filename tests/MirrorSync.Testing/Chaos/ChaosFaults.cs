using MirrorSync.Testing.Network;
using MirrorSync.Testing.Nodes;

namespace MirrorSync.Testing.Chaos;

/// <summary>Kills, stops and starts nodes and cuts links, one fault or a few at a time, and leaves all well behind.</summary>
internal sealed class ChaosFaults(TestNetwork network, ChaosOptions options, ChaosJournal journal)
{
#pragma warning disable CA5394 // not for secrets: the same seed makes the same choices
    private readonly Random random = new(options.Seed);

    /// <summary>Breaks and mends until told to stop.</summary>
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
                return;
            }

            TestMirror mirror = network.Mirrors[random.Next(network.Mirrors.Count)];
            switch (random.Next(6))
            {
                case 0 or 1:
                    await DownAsync(mirror.Node, mirror.Node.StartAsync).ConfigureAwait(false);
                    break;
                case 2:
                    await DownAsync(network.Primary, network.StartPrimaryAsync).ConfigureAwait(false);
                    break;
                case 3:
                    await Task.WhenAll(
                        DownAsync(network.Primary, network.StartPrimaryAsync),
                        DownAsync(mirror.Node, mirror.Node.StartAsync)).ConfigureAwait(false);
                    break;
                default:
                    await CutAsync(mirror).ConfigureAwait(false);
                    break;
            }
        }
    }

    private async Task DownAsync(NodeProcess node, Func<Task> start)
    {
        bool kill = random.Next(4) > 0;
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

    private async Task CutAsync(TestMirror mirror)
    {
        CutMode mode = random.Next(2) == 0 ? CutMode.Stall : CutMode.Reset;
        mirror.Link.Cut(mode);
        journal.Add($"link of {mirror.Region.Name} cut: {mode}");
        await Task.Delay(options.FaultLasts * random.NextDouble(), TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
        mirror.Link.Heal();
        journal.Add($"link of {mirror.Region.Name} healed");
    }
#pragma warning restore CA5394
}
