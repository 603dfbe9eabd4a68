using MirrorSync.Testing.Nodes;

namespace MirrorSync.EndToEnd.Tests.Faults;

/// <summary>Nodes that stop, in order or not, and go on where they were.</summary>
public sealed class RestartTests(SharedNetwork shared) : IClassFixture<SharedNetwork>
{
    private TestNetwork Network => shared.Network;

    private NodeProcess Mirror => Network.Mirrors[0].Node;

    [Fact]
    public async Task Mirror_Restarted_GoesOnFromItsPosition()
    {
        Scene scene = await Scene.OpenAsync(Network, "mirror-stop.git");

        Assert.Equal(0, await Mirror.StopAsync());
        await PushAsync(scene, "while the mirror was down");
        await Mirror.StartAsync();

        await scene.AssertConvergedAsync();
    }

    [Fact]
    public async Task Mirror_Killed_GoesOnFromItsPosition()
    {
        Scene scene = await Scene.OpenAsync(Network, "mirror-kill.git");

        for (int i = 0; i < 3; i++)
        {
            await PushAsync(scene, $"before kill {i}");
            await Mirror.KillAsync();
            await PushAsync(scene, $"after kill {i}");
            await Mirror.StartAsync();
        }

        await scene.AssertConvergedAsync();
    }

    [Fact]
    public async Task Primary_Restarted_GoesOn()
    {
        Scene scene = await Scene.OpenAsync(Network, "primary-stop.git");

        Assert.Equal(0, await Network.Primary.StopAsync());
        await Network.StartPrimaryAsync();
        await PushAsync(scene, "after the restart");

        await scene.AssertConvergedAsync();
    }

    [Fact]
    public async Task Primary_PushedToWhileDown_CatchesUp()
    {
        Scene scene = await Scene.OpenAsync(Network, "primary-down.git");

        Assert.Equal(0, await Network.Primary.StopAsync());
        await PushAsync(scene, "with a hook, nobody listening");
        await scene.Client.CommitAsync("late", "another branch");
        await scene.Client.PushAsync("refs/heads/late", ":refs/tags/v0.1");
        await Network.StartPrimaryAsync();

        await scene.AssertConvergedAsync();
    }

    [Fact]
    public async Task Primary_Killed_GoesOn()
    {
        Scene scene = await Scene.OpenAsync(Network, "primary-kill.git");

        for (int i = 0; i < 3; i++)
        {
            await PushAsync(scene, $"before kill {i}");
            await Network.Primary.KillAsync();
            await PushAsync(scene, $"after kill {i}");
            await Network.StartPrimaryAsync();
        }

        await scene.AssertConvergedAsync();
    }

    [Fact]
    public async Task Both_Killed_GoOn()
    {
        Scene scene = await Scene.OpenAsync(Network, "both-kill.git");

        await PushAsync(scene, "before");
        await Task.WhenAll(Network.Primary.KillAsync(), Mirror.KillAsync());
        await PushAsync(scene, "between");
        await Network.StartPrimaryAsync();
        await Mirror.StartAsync();

        await scene.AssertConvergedAsync();
    }

    private static async Task PushAsync(Scene scene, string message)
    {
        await scene.Client.CommitAsync("main", message);
        await scene.Client.PushAsync("refs/heads/main");
    }
}
