using System.Globalization;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Load;

/// <summary>Many repositories, and clients that push at the same time.</summary>
public sealed class ConcurrentPushTests
{
    private const int Repositories = 20;
    private const int Clients = 4;
    private const int Pushes = 10;

    [Fact]
    public async Task Clients_PushingAtOnce_AllArriveWithOneRecordForEachPush()
    {
        await using TestNetwork network = await TestNetwork.StartAsync([SharedNetwork.Near], static async n =>
        {
            await Task.WhenAll(Enumerable.Range(0, Repositories).Select(i => n.CreateRepositoryAsync(NameOf(i), new HistoryShape { Commits = 4, Seed = i })));
        });
        await network.InstallHooksAsync();
        await network.WaitConvergedAsync();
        ulong[] inodes = Inodes(network);
        NodeStatusView before = await network.Primary.GetStatusAsync();

        await Task.WhenAll(Enumerable.Range(0, Clients).Select(c => PushAsync(network, c)));
        await network.WaitConvergedAsync();

        NodeStatusView after = await network.Primary.GetStatusAsync();
        Assert.Equal(before.Durable.Sequence + (Clients * Pushes), after.Durable.Sequence);
        Assert.Equal(inodes, Inodes(network));
    }

    /// <summary>Every other push goes to the repository that all push to, each push to a branch of its own.</summary>
    private static async Task PushAsync(TestNetwork network, int client)
    {
#pragma warning disable CA5394 // not for secrets: the same client makes the same choices
        Random random = new(client);
        for (int push = 0; push < Pushes; push++)
        {
            string name = NameOf(push % 2 == 0 ? 0 : random.Next(1, Repositories));
            BareRepository repository = network.Primary.Repository(name);
            string folder = Path.Combine(network.Folder, string.Create(CultureInfo.InvariantCulture, $"client-{client}-{push}"));
            PushClient clone = await PushClient.CloneAsync(folder, repository);
            string branch = string.Create(CultureInfo.InvariantCulture, $"client-{client}/{push}");
            await clone.CommitAsync(branch, $"push {push} of client {client}");
            await clone.PushAsync("refs/heads/" + branch);
        }
#pragma warning restore CA5394
    }

    private static ulong[] Inodes(TestNetwork network) =>
        [.. Enumerable.Range(0, Repositories).Select(i => network.Mirrors[0].Node.Repository(NameOf(i)).Inode)];

    private static string NameOf(int i) => string.Create(CultureInfo.InvariantCulture, $"group{i % 4}/{i}.git");
}
