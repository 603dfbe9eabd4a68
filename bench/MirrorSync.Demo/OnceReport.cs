using System.Text.Json;
using MirrorSync.Testing;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;
using Spectre.Console;

namespace MirrorSync.Demo;

/// <summary>Milliseconds from a push to its being visible.</summary>
internal sealed record PushToVisible(double P50, double P99);

/// <summary>How one region fared.</summary>
internal sealed record RegionReport(
    string Region, double OneWayMs, PushToVisible PushToVisibleMs, bool Converged, bool CloneOk, bool FsckOk);

/// <summary>The result of <c>demo --once</c>.</summary>
internal sealed record OnceReport(IReadOnlyList<RegionReport> Regions, bool Ok)
{
    /// <summary>Pushes, then clones from all mirrors and checks all that real git can check.</summary>
    public static async Task<OnceReport> RunAsync(DemoNetwork demo, int pushes, Action<string> tell, CancellationToken cancellation)
    {
        IReadOnlyList<TestMirror> mirrors = demo.Network.Mirrors;
        tell($"pushing {pushes} commits ...");
        List<TimeSpan>[] samples = [.. mirrors.Select(static _ => new List<TimeSpan>())];
        for (int push = 0; push < pushes; push++)
        {
            IReadOnlyList<TimeSpan> visible = await demo.Meters[push % demo.Meters.Count].PushAsync(cancellation);
            for (int i = 0; i < mirrors.Count; i++)
            {
                samples[i].Add(visible[i]);
            }
        }

        tell("cloning from every mirror, checking refs and objects ...");
        await WaitConvergedAsync(demo, tell, cancellation);
        RegionReport[] regions = await Task.WhenAll(mirrors.Select((m, i) => CheckAsync(demo.Network, m, samples[i])));
        return new OnceReport(regions, regions.All(static r => r.Converged && r.CloneOk && r.FsckOk));
    }

    /// <summary>The report as one line of JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, JsonSerializerOptions.Web);

    /// <summary>The report for people.</summary>
    public void Print()
    {
        Table table = new();
        table.AddColumns("region", "one way ms", "visible p50 ms", "visible p99 ms", "converged", "clone", "fsck");
        foreach (RegionReport r in Regions)
        {
            table.AddRow(
                r.Region, $"{r.OneWayMs:0}", $"{r.PushToVisibleMs.P50:0.0}", $"{r.PushToVisibleMs.P99:0.0}",
                Word(r.Converged), Word(r.CloneOk), Word(r.FsckOk));
        }

        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(Ok ? "all is well" : "not all is well");

        static string Word(bool good) => good ? "[green]ok[/]" : "[red]no[/]";
    }

    /// <summary>A network that does not converge is a result to be reported, not an end of the report.</summary>
    private static async Task WaitConvergedAsync(DemoNetwork demo, Action<string> tell, CancellationToken cancellation)
    {
        try
        {
            await demo.Network.WaitConvergedAsync(cancellation);
        }
        catch (Exception failure) when (failure is TimeoutException or GitFailedException)
        {
            tell(failure.Message);
        }
    }

    private static async Task<RegionReport> CheckAsync(TestNetwork network, TestMirror mirror, List<TimeSpan> samples)
    {
        bool converged = true;
        bool cloneOk = true;
        bool fsckOk = true;
        foreach ((string name, BareRepository primary) in BareRepository.FindAll(network.Primary.Config.Root))
        {
            BareRepository copy = mirror.Node.Repository(name);
            converged &= await TestNetwork.SameRefsAsync(primary, copy);
            BareRepository clone = new(Path.Combine(network.Folder, $"clone-{mirror.Region.Name}", name));
            Directory.CreateDirectory(Path.GetDirectoryName(clone.Path)!);
            GitResult cloned = await StockGit.TryAsync(
                network.Folder, ["clone", "-q", "--mirror", mirror.Node.CloneUrl(name), clone.Path]);
            cloneOk &= cloned.Code == 0 && await TestNetwork.SameRefsAsync(primary, clone);
            fsckOk &= Directory.Exists(copy.Path) && await copy.FsckAsync() is null
                && cloned.Code == 0 && await clone.FsckAsync() is null;
        }

        PushToVisible visible = new(Percentile.Milliseconds(samples, 0.5), Percentile.Milliseconds(samples, 0.99));
        return new RegionReport(mirror.Region.Name, mirror.Region.OneWay.TotalMilliseconds, visible, converged, cloneOk, fsckOk);
    }
}
