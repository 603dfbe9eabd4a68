using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Harness;

public sealed class LandingWatchTests
{
    [Fact]
    public async Task Landed_AfterAPush_LiesWithinThePush()
    {
        using TempFolder folder = new();
        BareRepository target = await BareRepository.InitAsync(folder["target"]);
        await History.WriteAsync(target, new HistoryShape { Commits = 20 });
        PushClient client = await PushClient.CloneAsync(folder["client"], target);
        using LandingWatch watch = new(Path.Combine(target.Path, "refs/heads/main"));

        foreach (string id in await client.CommitChainAsync(3))
        {
            // ctime may be a tick older than the moment before.
            DateTimeOffset before = TimeProvider.System.GetUtcNow() - TimeSpan.FromMilliseconds(10);
            await client.PushAsync($"{id}:refs/heads/main");
            Assert.InRange(watch.Landed, before, TimeProvider.System.GetUtcNow());
        }
    }
}
