using MirrorSync.Testing;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests;

/// <summary>A network that the facts of one class share: one primary with hooks, one mirror near by.</summary>
public sealed class SharedNetwork : IAsyncLifetime
{
    private TestNetwork? network;

    public static Region Near { get; } = new("near", TimeSpan.FromMilliseconds(2));

    public TestNetwork Network => network ?? throw new InvalidOperationException("not started");

    public async Task InitializeAsync() => network = await TestNetwork.StartAsync([Near]);

    public Task DisposeAsync() => network?.DisposeAsync().AsTask() ?? Task.CompletedTask;
}

/// <summary>One repository on a running network, a client that pushes to it, and the mirrors' copies.</summary>
internal sealed class Scene
{
    private readonly IReadOnlyList<ulong> inodes;

    private Scene(TestNetwork network, string name, BareRepository primary, PushClient client)
    {
        Network = network;
        Name = name;
        Primary = primary;
        Client = client;
        inodes = Inodes();
    }

    public TestNetwork Network { get; }

    public string Name { get; }

    public BareRepository Primary { get; }

    public PushClient Client { get; }

    public BareRepository Copy => Network.Mirrors[0].Node.Repository(Name);

    /// <summary>Makes the repository, waits until every mirror has it, and remembers the mirrors' folders.</summary>
    public static async Task<Scene> OpenAsync(TestNetwork network, string name, int commits = 40, bool hooks = true)
    {
        BareRepository primary = await network.CreateRepositoryAsync(name, new HistoryShape { Commits = commits, TagEvery = 10 });
        if (hooks)
        {
            await network.InstallHooksAsync();
        }

        PushClient client = await PushClient.CloneAsync(Path.Combine(network.Folder, "client-" + name), primary);
        await network.WaitConvergedAsync();
        return new Scene(network, name, primary, client);
    }

    /// <summary>All nodes equal by git's word, fsck clean, and no mirror's folder was made anew.</summary>
    public async Task AssertConvergedAsync()
    {
        await Network.WaitConvergedAsync();
        Assert.True(inodes.SequenceEqual(Inodes()), $"{Name} was made anew on a mirror{Environment.NewLine}{Network.LogTails()}");
    }

    /// <summary>Waits until the first mirror's copy has a ref at an id, whatever becomes of the other repositories.</summary>
    public Task WaitCopyAsync(string name, string id) => Patience.UntilAsync(
        async cancellation =>
        {
            GitResult here = await StockGit.TryAsync(Copy.Path, ["rev-parse", "-q", "--verify", name], default, cancellation);
            return here.Text.Trim() == id ? null : $"it is at {here.Text.Trim()}";
        },
        $"{Name} to have {name} at {id}", Network.LogTails);

    private List<ulong> Inodes() => [.. Network.Mirrors.Select(m => m.Node.Repository(Name).Inode)];
}
