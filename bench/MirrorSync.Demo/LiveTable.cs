using MirrorSync.Testing;
using MirrorSync.Testing.Nodes;
using Spectre.Console;

namespace MirrorSync.Demo;

/// <summary>Pushes commit after commit and shows how the regions follow.</summary>
internal sealed class LiveTable(DemoNetwork demo)
{
    private const int KeptSamples = 200;

    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(500);

    private readonly TestNetwork network = demo.Network;
    private readonly Queue<TimeSpan>[] samples = [.. demo.Network.Mirrors.Select(static _ => new Queue<TimeSpan>())];
    private readonly Lock gate = new();
    private int pushes;
    private string? trouble;

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        AnsiConsole.WriteLine();
        AnsiConsole.WriteLine($"primary    push to {network.Primary.Config.Root}");
        AnsiConsole.WriteLine($"           open    {network.Primary.Endpoints.Admin}");
        foreach (TestMirror mirror in network.Mirrors)
        {
            AnsiConsole.WriteLine($"{mirror.Region.Name,-10} clone   {mirror.Node.CloneUrl("linux/stable.git")}");
            AnsiConsole.WriteLine($"           open    {mirror.Node.Endpoints.Admin}");
        }

        AnsiConsole.WriteLine("Ctrl-C stops everything and removes its files.");
        Task push = PushAsync(cancellation);
        await AnsiConsole.Live(new Text("...")).StartAsync(async live =>
        {
            while (!cancellation.IsCancellationRequested)
            {
                live.UpdateTarget(await DrawAsync());
                live.Refresh();
                await Task.WhenAny(Task.Delay(Refresh, TimeProvider.System, cancellation));
            }
        });
        await push;
    }

    private async Task PushAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                IReadOnlyList<TimeSpan> visible = await demo.Meters[pushes % demo.Meters.Count].PushAsync(cancellation);
                lock (gate)
                {
                    pushes++;
                    trouble = null;
                    for (int i = 0; i < visible.Count; i++)
                    {
                        samples[i].Enqueue(visible[i]);
                        if (samples[i].Count > KeptSamples)
                        {
                            samples[i].Dequeue();
                        }
                    }
                }

                await Task.WhenAny(Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, cancellation));
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception failure) when (failure is TimeoutException or Testing.Repositories.GitFailedException)
            {
                // Ctrl-C reaches git too; otherwise the table tells, and the next push tries again.
                trouble = failure.Message.Split('\n')[0];
            }
        }
    }

    private async Task<Table> DrawAsync()
    {
        NodeStatusView? primary = await network.Primary.TryGetStatusAsync();
        Table table = new();
        table.AddColumns("region", "one way", "lag", "position", "visible p50", "visible p99", "converged");
        for (int i = 0; i < network.Mirrors.Count; i++)
        {
            TestMirror mirror = network.Mirrors[i];
            NodeStatusView? status = await mirror.Node.TryGetStatusAsync();
            (double p50, double p99) = Visible(i);
            table.AddRow(
                mirror.Region.Name,
                $"{mirror.Region.OneWay.TotalMilliseconds:0} ms",
                status?.LagSeconds is { } lag ? $"{lag:0.00} s" : "never",
                $"{status?.Durable.Sequence} of {primary?.Durable.Sequence}",
                double.IsNaN(p50) ? "-" : $"{p50:0.0} ms",
                double.IsNaN(p99) ? "-" : $"{p99:0.0} ms",
                Standing(primary, status));
        }

        table.Caption = new TableTitle(Markup.Escape(trouble ?? $"{pushes} pushes"));
        return table;
    }

    private (double P50, double P99) Visible(int mirror)
    {
        lock (gate)
        {
            return (Percentile.Milliseconds(samples[mirror], 0.5), Percentile.Milliseconds(samples[mirror], 0.99));
        }
    }

    private static string Standing(NodeStatusView? primary, NodeStatusView? mirror)
    {
        if (primary is null || mirror is null)
        {
            return "[red]no status[/]";
        }

        int equal = primary.Repositories.Count(r => mirror.Find(r.Name) is { State: "converged" } here && here.RefsDigest == r.RefsDigest);
        return equal == primary.Repositories.Count ? "[green]yes[/]" : $"[yellow]{equal} of {primary.Repositories.Count}[/]";
    }
}
