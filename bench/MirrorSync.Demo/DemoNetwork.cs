using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Demo;

/// <summary>A primary with three repositories of some history and four mirrors across the world, ready to be pushed to.</summary>
internal sealed class DemoNetwork : IAsyncDisposable
{
    private readonly List<PushMeter> meters = [];

    private DemoNetwork(TestNetwork network) => Network = network;

    public TestNetwork Network { get; }

    /// <summary>One for each repository.</summary>
    public IReadOnlyList<PushMeter> Meters => meters;

    /// <summary>Starts all and waits until every mirror is equal to the primary.</summary>
    /// <param name="tell">Gets a line for each step.</param>
    /// <param name="cancellation">Ends the start.</param>
    public static async Task<DemoNetwork> StartAsync(Action<string> tell, CancellationToken cancellation)
    {
        (string Name, HistoryShape Shape)[] repositories =
        [
            ("linux/stable.git", new HistoryShape { Commits = 600, Files = 120, Seed = 1 }),
            ("linux/net-next.git", new HistoryShape { Commits = 300, Seed = 2 }),
            ("tools/git.git", new HistoryShape { Commits = 200, Seed = 3 }),
        ];
        tell("making repositories with git fast-import, starting one primary and four mirrors ...");
        DemoNetwork demo = new(await TestNetwork.StartAsync(
            Region.All,
            async network =>
            {
                foreach ((string name, HistoryShape shape) in repositories)
                {
                    await network.CreateRepositoryAsync(name, shape);
                }
            }));
        try
        {
            await demo.Network.InstallHooksAsync();
            tell("waiting until every mirror is equal to the primary ...");
            await demo.Network.WaitConvergedAsync(cancellation);
            foreach ((string name, _) in repositories)
            {
                demo.meters.Add(await PushMeter.StartAsync(demo.Network, name));
            }

            return demo;
        }
        catch
        {
            await demo.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        meters.ForEach(static m => m.Dispose());
        await Network.DisposeAsync();
    }
}
