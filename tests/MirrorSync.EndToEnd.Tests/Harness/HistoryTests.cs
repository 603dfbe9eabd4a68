using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Harness;

/// <summary>The histories that all other tests stand on.</summary>
public sealed class HistoryTests
{
    [Fact]
    public async Task Write_SameSeedTwice_MakesTheSameSoundHistory()
    {
        using TempFolder folder = new();
        HistoryShape shape = new() { Commits = 300, Seed = 5 };
        BareRepository one = await BareRepository.InitAsync(folder["one"]);
        BareRepository two = await BareRepository.InitAsync(folder["two"]);

        await History.WriteAsync(one, shape);
        await History.WriteAsync(two, shape);

        Assert.Equal(await one.RefsTextAsync(), await two.RefsTextAsync());
        Assert.Null(await one.FsckAsync());
        Assert.Equal("300", await one.GitAsync("rev-list", "--count", "--all"));
        Assert.True((await one.GitAsync("rev-list", "--merges", "--all")).Split('\n').Length > 10);
        Assert.Equal("tag", await one.GitAsync("cat-file", "-t", "v0.1"));
    }

    [Fact]
    public async Task Fsck_ObjectMissing_IsToldOf()
    {
        using TempFolder folder = new();
        BareRepository made = await BareRepository.InitAsync(folder["one"]);
        string id = await made.CommitAsync("only");
        await made.GitAsync("update-ref", "refs/heads/main", id);
        File.Delete(Path.Combine(made.Path, "objects", id[..2], id[2..]));

        Assert.NotNull(await made.FsckAsync());
    }

    [Fact]
    public async Task CommitChain_Pushed_ArrivesCommitByCommit()
    {
        using TempFolder folder = new();
        BareRepository target = await BareRepository.InitAsync(folder["target"]);
        await History.WriteAsync(target, new HistoryShape { Commits = 20 });
        PushClient client = await PushClient.CloneAsync(folder["client"], target);

        IReadOnlyList<string> ids = await client.CommitChainAsync(5);
        foreach (string id in ids)
        {
            await client.PushAsync($"{id}:refs/heads/main");
            Assert.Equal(id, await target.IdOfAsync("refs/heads/main"));
        }

        Assert.Equal(5, ids.Count);
    }
}
