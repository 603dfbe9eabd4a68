using System.Globalization;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Packing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Storage.Tests.Objects.Packing;

/// <summary>What git's commit-graphs say, and what is made of damaged ones.</summary>
public class CommitGraphTests
{
    [Theory]
    [InlineData(ObjectFormat.Sha1, false)]
    [InlineData(ObjectFormat.Sha256, false)]
    [InlineData(ObjectFormat.Sha1, true)]
    [InlineData(ObjectFormat.Sha256, true)]
    public async Task TryFind_EveryCommit_IsWhatTheCommitSays(ObjectFormat format, bool chain)
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync(format);
        await WriteAsync(fixture, chain);
        using CommitGraph graph = CommitGraph.Open(Objects(fixture), format, []);
        using ObjectStore store = ObjectStore.Open(fixture.Git.Path, format);
        string[] commits = (await fixture.Git.GitAsync("rev-list", "--all")).Split('\n');
        List<ObjectId> parents = [];
        foreach (ObjectId id in commits.Select(fixture.Parse))
        {
            Assert.True(graph.TryFind(id, out CommitGraphEntry entry, parents));
            Assert.True(store.TryRead(id, int.MaxValue, out _, out byte[]? content));
            Assert.True(CommitLinks.TryParse(content, format, out CommitLinks links, out _));
            List<ObjectId> expected = [];
            foreach (ObjectId parent in links)
            {
                expected.Add(parent);
            }

            Assert.Equal(links.Tree, entry.Tree);
            Assert.Equal(CommitDate.Parse(content), entry.Date);
            Assert.Equal(expected, parents);
        }

        Assert.False(graph.TryFind(fixture.Parse(new string('7', format.HexLength())), out _, parents));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Write_WithAGraph_IsWhatItIsWithout(bool chain)
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        await WriteAsync(fixture, chain);
        PushResult result = await fixture.PushAsync(["c60", "c57"], ["c20", "c31", "c44"]);
        Assert.NotEmpty(result.Objects);
    }

    [Fact]
    public async Task Open_DamagedAnywhere_IsNotUsed()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        await WriteAsync(fixture, chain: false);
        string path = Path.Combine(Objects(fixture), "info", "commit-graph");
        byte[] sound = await File.ReadAllBytesAsync(path);
        ObjectId tip = fixture.Parse(await fixture.IdAsync("c60"));
        File.Delete(path);
        for (int at = 0; at < sound.Length; at += 1 + (at / 97))
        {
            byte[] damaged = [.. sound];
            damaged[at] ^= 0x10;
            Assert.False(await FindsAsync(fixture, path, damaged, tip), $"byte {at} changed");
            Assert.False(await FindsAsync(fixture, path, sound[..at], tip), $"cut off at {at}");
        }

        Assert.True(await FindsAsync(fixture, path, sound, tip));
    }

    [Fact]
    public async Task Open_ChainWithoutOneOfItsFiles_IsNotUsed()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        await WriteAsync(fixture, chain: true);
        string folder = Path.Combine(Objects(fixture), "info", "commit-graphs");
        string[] chain = await File.ReadAllLinesAsync(Path.Combine(folder, "commit-graph-chain"));
        Assert.Equal(3, chain.Length);
        ObjectId tip = fixture.Parse(await fixture.IdAsync("c60"));
        await File.WriteAllLinesAsync(Path.Combine(folder, "commit-graph-chain"), [chain[1], chain[2]]);
        Assert.False(Finds(fixture, tip));
        await File.WriteAllLinesAsync(Path.Combine(folder, "commit-graph-chain"), chain);
        Assert.True(Finds(fixture, tip));
        File.Delete(Path.Combine(folder, $"graph-{chain[0]}.graph"));
        Assert.False(Finds(fixture, tip));
    }

    [Fact]
    public async Task Write_GraphOfOtherCommits_IsNotBelieved()
    {
        using PackingFixture fixture = await PackingFixture.CreateAsync();
        await WriteAsync(fixture, chain: false);
        string path = Path.Combine(Objects(fixture), "info", "commit-graph");
        byte[] graph = await File.ReadAllBytesAsync(path);

        // The first tree of all, under a checksum that is right again.
        Assert.True(CommitGraphLayout.TryDecode(graph, graph.Length, fixture.Format, out CommitGraphLayout layout));
        for (uint i = 0; i < layout.Count; i++)
        {
            graph.AsSpan((int)layout.Entry(0), 20).CopyTo(graph.AsSpan((int)layout.Entry(i)));
        }

#pragma warning disable CA5350 // git's own hash
        System.Security.Cryptography.SHA1.HashData(graph.AsSpan(..^20)).CopyTo(graph.AsSpan(^20..));
#pragma warning restore CA5350
        File.Delete(path);
        await File.WriteAllBytesAsync(path, graph);
        string[] tips = (await fixture.Git.GitAsync("for-each-ref", "--format=%(objectname)")).Split('\n');
        (_, uint count) = await fixture.WriteAsync(tips, []);

        // What was learned from it would still be used here.
        File.Delete(path);
        PushResult result = await fixture.PushAsync(tips, []);
        Assert.Equal((uint)result.Listed.Count, count);
    }

    private static string Objects(PackingFixture fixture) => Path.Combine(fixture.Git.Path, "objects");

    private static async Task<bool> FindsAsync(PackingFixture fixture, string path, byte[] graph, ObjectId id)
    {
        File.Delete(path);
        await File.WriteAllBytesAsync(path, graph);
        return Finds(fixture, id);
    }

    private static bool Finds(PackingFixture fixture, ObjectId id)
    {
        HashSet<FileStamp> proven = [];
        using CommitGraph graph = CommitGraph.Open(Objects(fixture), fixture.Format, proven);
        return graph.TryFind(id, out _, []);
    }

    /// <summary>A random history with merges of up to six, and its graph.</summary>
    private static async Task WriteAsync(PackingFixture fixture, bool chain)
    {
        RandomHistory history = new(new RandomShape(7, Commits: 60, MostParents: 6), fixture.Format.HexLength());
        await fixture.ImportAsync(history.Script);
        if (!chain)
        {
            await fixture.Git.GitAsync("commit-graph", "write", "--reachable");
            return;
        }

        foreach (int upTo in new[] { 20, 45, 60 })
        {
            string ids = string.Concat(await Task.WhenAll(Enumerable.Range(1, upTo)
                .Select(async i => await fixture.IdAsync(string.Create(CultureInfo.InvariantCulture, $"c{i}")) + "\n")));
            await StockGit.FeedAsync(
                fixture.Git.Path, System.Text.Encoding.ASCII.GetBytes(ids), "commit-graph", "write", "--stdin-commits", "--split=no-merge");
        }
    }
}
