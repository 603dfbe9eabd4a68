using MirrorSync.Testing;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Replication;

/// <summary>Repositories that appear, and pushes that no hook tells of.</summary>
public sealed class NewRepositoryTests(SharedNetwork shared) : IClassFixture<SharedNetwork>
{
    [Fact]
    public async Task Repository_MadeWhileRunning_AppearsOnMirrors()
    {
        await shared.Network.CreateRepositoryAsync("deep/below/new.git", new HistoryShape { Commits = 60 });

        await shared.Network.WaitConvergedAsync();
    }

    [Fact]
    public async Task Repository_MadeEmptyAndThenPushedTo_Follows()
    {
        BareRepository primary = await shared.Network.CreateRepositoryAsync("empty.git");
        await shared.Network.WaitConvergedAsync();
        PushClient client = await PushClient.CloneAsync(Path.Combine(shared.Network.Folder, "client-empty"), primary);

        string id = await client.CommitAsync("main", "first");
        await client.PushAsync("refs/heads/main");
        await shared.Network.WaitConvergedAsync();

        Assert.Equal(id, await shared.Network.Mirrors[0].Node.Repository("empty.git").IdOfAsync("refs/heads/main"));
    }

    [Fact]
    public async Task Push_WithoutHooks_Follows()
    {
        Scene scene = await Scene.OpenAsync(shared.Network, "hookless.git", hooks: false);
        for (int i = 0; i < 5; i++)
        {
            await scene.Client.CommitAsync("main", $"change {i}");
            await scene.Client.CommitAsync($"topic/{i}", $"topic {i}");
            await scene.Client.PushAsync("refs/*:refs/*");
        }

        await scene.AssertConvergedAsync();
    }

    [Fact]
    public async Task Repository_WithSha256_Follows()
    {
        BareRepository primary = await BareRepository.InitAsync(Path.Combine(shared.Network.Folder, "aside-sha256"), "sha256");
        string id = await primary.CommitAsync("first");
        await primary.GitAsync("update-ref", "refs/heads/main", id);
        Directory.Move(primary.Path, shared.Network.Primary.Repository("long-ids.git").Path);

        await shared.Network.WaitConvergedAsync();

        Assert.Equal(id, await shared.Network.Mirrors[0].Node.Repository("long-ids.git").IdOfAsync("refs/heads/main"));
    }

    [Fact]
    public async Task Mirror_EmptyAndLate_IsBroughtUpAndFollows()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near]);
        Scene scene = await Scene.OpenAsync(network, "late.git", commits: 200);
        await scene.Client.CommitAsync("main", "before");
        await scene.Client.PushAsync("refs/heads/main");
        await scene.AssertConvergedAsync();

        TestMirror late = await network.AddMirrorAsync(new Region("late", TimeSpan.FromMilliseconds(5)));
        await network.WaitConvergedAsync();
        ulong inode = late.Node.Repository(scene.Name).Inode;
        string id = await scene.Client.CommitAsync("main", "after");
        await scene.Client.PushAsync("refs/heads/main");
        await network.WaitConvergedAsync();

        Assert.Equal(id, await late.Node.Repository(scene.Name).IdOfAsync("refs/heads/main"));
        Assert.Equal(inode, late.Node.Repository(scene.Name).Inode);
    }

    [Fact]
    public async Task Clone_FromMirrorByHttpAndGit_IsWhole()
    {
        Scene scene = await Scene.OpenAsync(shared.Network, "cloned.git", commits: 100);
        NodeProcess node = shared.Network.Mirrors[0].Node;
        using TempFolder folder = new();
        string git = $"git://{node.Endpoints.Git!.Replace("git://", string.Empty, StringComparison.Ordinal).TrimEnd('/')}/{scene.Name}";

        foreach ((string name, string[] how) in new[]
        {
            ("http", new[] { node.CloneUrl(scene.Name) }),
            ("v0", ["-c", "protocol.version=0", node.CloneUrl(scene.Name)]),
            ("shallow", ["--depth=5", node.CloneUrl(scene.Name)]),
            ("partial", ["--filter=blob:none", node.CloneUrl(scene.Name)]),
            ("git", [git]),
        })
        {
            await StockGit.RunAsync(folder.Path, ["clone", "-q", "--bare", .. how, name]);
            BareRepository clone = new(folder[name]);
            Assert.Equal(await scene.Primary.IdOfAsync("refs/heads/main"), await clone.IdOfAsync("refs/heads/main"));
            Assert.Null(await clone.FsckAsync());
        }
    }
}
