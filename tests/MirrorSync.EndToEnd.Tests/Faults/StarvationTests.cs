using MirrorSync.Testing;
using MirrorSync.Testing.Nodes;

namespace MirrorSync.EndToEnd.Tests.Faults;

/// <summary>A node that for a while can open nothing lives on, and goes on by itself.</summary>
public sealed class StarvationTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Node_WithoutDescriptors_GoesOnOnceItHasThem(bool primary)
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene scene = await Scene.OpenAsync(network, "starved.git");
        NodeProcess node = primary ? network.Primary : network.Mirrors[0].Node;

        node.TakeDescriptors();
        await PushAsync(scene);
        await ComplainsAsync(node, "Too many open files");
        node.GiveDescriptors();

        await PushAsync(scene);
        await scene.AssertConvergedAsync();
        Assert.True(node.IsRunning);
    }

    private static async Task PushAsync(Scene scene)
    {
        await scene.Client.CommitAsync("main", "a change");
        await scene.Client.PushAsync("refs/heads/main");
    }

    private static Task ComplainsAsync(NodeProcess node, string words) => Patience.UntilAsync(
        _ => Task.FromResult(!node.IsRunning ? throw new NodeFailedException(node.LogTail) : node.CountLines(words) > 0 ? null : "nothing like it"),
        $"{node.Config.Name} to say '{words}'",
        () => node.LogTail);
}
