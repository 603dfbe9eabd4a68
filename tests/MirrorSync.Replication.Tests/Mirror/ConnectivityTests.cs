using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>No ref shows on a mirror before all that it reaches is there.</summary>
public sealed class ConnectivityTests
{
    private const string Name = "a.git";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Apply_TreeNamesAMissingObject_IsRefusedAndTheCopyReplaced(bool spooled)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        string before = await mirror[Name].RefsTextAsync();
        TaskCompletionSource go = new();
        primary.MaySendSnapshots = go.Task;

        // A blob that the primary need not send, for main has it, is gone here. The new tree is too small for a delta.
        string blob = await source.IdOfAsync("main:file");
        await mirror[Name].LoseAsync(blob);
        string tree = await StockGit.FeedAsync(source.Path, System.Text.Encoding.ASCII.GetBytes($"100644 blob {blob}\tother\n"), "mktree");
        byte[] message = spooled ? Noise() : "renamed"u8.ToArray();
        string commit = await StockGit.FeedAsync(source.Path, message, "commit-tree", tree, "-p", "main", "-F", "-");
        await source.GitAsync("update-ref", "refs/heads/main", commit);

        await Patience.UntilAsync(
            _ => Task.FromResult(mirror.State(Name).Condition == RepositoryCondition.Damaged ? null : mirror.State(Name).Condition.ToString()),
            "the refusal");
        Assert.Contains(blob, mirror.State(Name).Reason, StringComparison.Ordinal);
        Assert.Equal(before, await mirror[Name].RefsTextAsync());

        go.SetResult();
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(2, primary.Snapshots);
        Assert.Null(await mirror[Name].FsckAsync());
    }

    [Fact]
    public async Task Apply_RefNamesAnObjectThatIsNotHere_IsRefusedAndTheCopyReplaced()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);

        // No pack comes with it, for the primary's refs reach it already.
        string first = await source.IdOfAsync("topic");
        await mirror[Name].LoseAsync(first);
        await source.GitAsync("update-ref", "refs/heads/again", first);
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(2, primary.Snapshots);
        Assert.Null(await mirror[Name].FsckAsync());
    }

    // Above the limit of what is kept inline, whatever deflate makes of it.
    private static byte[] Noise()
    {
        byte[] noise = new byte[400_000];
        new Random(11).NextBytes(noise);
        return System.Text.Encoding.ASCII.GetBytes(Convert.ToHexString(noise));
    }
}
