using MirrorSync.Testing.Chaos;
using MirrorSync.Testing.Nodes;

namespace MirrorSync.EndToEnd.Tests.Faults;

/// <summary>
/// A short run of everything at once: half a minute of it, less than one with start and end. <c>./dev chaos</c> is the long one.
/// </summary>
public sealed class ChaosTests
{
    [Fact]
    public async Task Network_UnderPushesAndFaults_ShowsOnlyThePrimarysStatesInTheirOrder()
    {
        ChaosOptions options = new() { Duration = TimeSpan.FromSeconds(30) };

        ChaosReport report = await ChaosRun.RunAsync(Region.All, options);

        Assert.True(report.Pushes > options.Repositories, report.Journal);
        Assert.True(report.States > options.Repositories, report.Journal);
    }
}
