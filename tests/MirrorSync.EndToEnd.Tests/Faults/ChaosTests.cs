using System.Globalization;
using MirrorSync.Testing.Chaos;
using MirrorSync.Testing.Nodes;

namespace MirrorSync.EndToEnd.Tests.Faults;

/// <summary>
/// A short run of everything at once. MIRRORSYNC_CHAOS_SEED and MIRRORSYNC_CHAOS_SECONDS make another one, or a longer one.
/// </summary>
public sealed class ChaosTests
{
    [Fact]
    public async Task Network_UnderPushesAndFaults_ShowsOnlyThePrimarysStatesInTheirOrder()
    {
        ChaosOptions options = new() { Seed = Number("SEED", 1), Duration = TimeSpan.FromSeconds(Number("SECONDS", 10)) };

        ChaosReport report = await ChaosRun.RunAsync([SharedNetwork.Near], options);

        Assert.True(report.Pushes > options.Repositories, report.Journal);
        Assert.True(report.States > options.Repositories, report.Journal);
    }

    private static int Number(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable("MIRRORSYNC_CHAOS_" + name), CultureInfo.InvariantCulture, out int number) ? number : otherwise;
}
