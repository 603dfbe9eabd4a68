using System.Text;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Replication;

/// <summary>Every kind of ref and every kind of change, pushed by stock git.</summary>
public sealed class RefKindTests(SharedNetwork shared) : IClassFixture<SharedNetwork>
{
    [Fact]
    public async Task Push_EveryKindOfRef_Follows()
    {
        Scene scene = await Scene.OpenAsync(shared.Network, "kinds.git");
        PushClient client = scene.Client;
        string id = await client.CommitAsync("topic/one", "one");
        await client.Local.GitAsync("tag", "light", id);
        await client.Local.GitAsync("tag", "-a", "-m", "annotated", "annotated", id);
        await client.Local.GitAsync("tag", "-a", "-m", "a tag of a tag", "nested", "annotated");
        await client.Local.GitAsync("notes", "add", "-m", "a note", id);
        await client.Local.GitAsync("update-ref", "refs/foo/bar", id);
        string blob = await StockGit.FeedAsync(client.Local.Path, "not a commit"u8.ToArray(), "hash-object", "-w", "--stdin");
        await client.Local.GitAsync("update-ref", "refs/blobs/one", blob);
        await client.Local.GitAsync("update-ref", "refs/trees/one", $"{id}^{{tree}}");

        await client.PushAsync("refs/*:refs/*");
        await scene.AssertConvergedAsync();

        Assert.Equal(blob, await scene.Copy.IdOfAsync("refs/blobs/one"));
        Assert.Equal("a note", await scene.Copy.GitAsync("notes", "show", id));
        Assert.Equal(id, await scene.Copy.IdOfAsync("refs/tags/nested^{commit}"));
    }

    [Fact]
    public async Task Push_NamesNotUtf8OrDifferingInCase_Follow()
    {
        Scene scene = await Scene.OpenAsync(shared.Network, "names.git");
        string id = await scene.Client.CommitAsync("Case", "case");
        byte[] script =
        [
            .. Encoding.ASCII.GetBytes($"create refs/heads/caSe {id}\n"),
            .. "create refs/heads/r"u8, 0xe9, 0xff, .. Encoding.ASCII.GetBytes($" {id}\n"),
            .. Encoding.UTF8.GetBytes($"create refs/heads/日本語 {id}\n"),
        ];
        await StockGit.FeedAsync(scene.Client.Local.Path, script, "update-ref", "--stdin");

        await scene.Client.PushAsync("refs/*:refs/*");
        await scene.AssertConvergedAsync();

        string refs = await scene.Copy.RefsTextAsync();
        Assert.Contains("refs/heads/r\u00e9\u00ff", refs, StringComparison.Ordinal);
        Assert.Contains("refs/heads/Case", refs, StringComparison.Ordinal);
        Assert.Contains("refs/heads/caSe", refs, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Push_Forced_Follows()
    {
        Scene scene = await Scene.OpenAsync(shared.Network, "forced.git");
        string other = await scene.Client.CommitAsync("elsewhere", "another root");

        await scene.Client.PushAsync("+refs/heads/elsewhere:refs/heads/main");
        await scene.AssertConvergedAsync();

        Assert.Equal(other, await scene.Copy.IdOfAsync("refs/heads/main"));
    }

    [Fact]
    public async Task Push_Deleting_Follows()
    {
        Scene scene = await Scene.OpenAsync(shared.Network, "deleted.git");
        await scene.Client.CommitAsync("gone", "gone soon");
        await scene.Client.PushAsync("refs/heads/gone");
        await scene.AssertConvergedAsync();

        await scene.Client.PushAsync(":refs/heads/gone", ":refs/tags/v0.1");
        await scene.AssertConvergedAsync();

        Assert.DoesNotContain("refs/heads/gone", await scene.Copy.RefsTextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Push_DeletingTheLastBranch_Follows()
    {
        Scene scene = await Scene.OpenAsync(shared.Network, "last.git", commits: 3);
        await scene.Primary.GitAsync("config", "receive.denyDeleteCurrent", "ignore");

        await scene.Client.PushAsync(":refs/heads/main");
        await scene.AssertConvergedAsync();

        Assert.Empty(await scene.Copy.GitAsync("for-each-ref"));
    }

    [Fact]
    public async Task Push_DeletingAFileForAFolder_Follows()
    {
        Scene scene = await Scene.OpenAsync(shared.Network, "folder.git");
        string id = await scene.Client.CommitAsync("a", "a");
        await scene.Client.PushAsync("refs/heads/a");
        await scene.AssertConvergedAsync();

        await scene.Client.PushAsync(":refs/heads/a", $"{id}:refs/heads/a/b");
        await scene.AssertConvergedAsync();

        Assert.Equal(id, await scene.Copy.IdOfAsync("refs/heads/a/b"));
    }

    [Fact]
    public async Task Head_SetToAnotherBranchAndDetached_Follows()
    {
        Scene scene = await Scene.OpenAsync(shared.Network, "head.git");
        string id = await scene.Primary.IdOfAsync("refs/heads/main");

        await scene.Primary.GitAsync("symbolic-ref", "HEAD", "refs/heads/not-yet-there");
        await scene.AssertConvergedAsync();
        Assert.Equal("ref: refs/heads/not-yet-there", scene.Copy.Head);

        await scene.Primary.GitAsync("update-ref", "--no-deref", "HEAD", id);
        await scene.AssertConvergedAsync();
        Assert.Equal(id, scene.Copy.Head);

        await scene.Primary.GitAsync("symbolic-ref", "HEAD", "refs/heads/main");
        await scene.AssertConvergedAsync();
        Assert.Equal("ref: refs/heads/main", scene.Copy.Head);
    }

    [Fact]
    public async Task SymbolicRef_BelowRefs_Follows()
    {
        Scene scene = await Scene.OpenAsync(shared.Network, "symbolic.git");

        await scene.Primary.GitAsync("symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/main");
        await scene.AssertConvergedAsync();
        Assert.Equal("refs/heads/main", await scene.Copy.GitAsync("symbolic-ref", "refs/remotes/origin/HEAD"));

        await scene.Primary.GitAsync("symbolic-ref", "--delete", "refs/remotes/origin/HEAD");
        await scene.AssertConvergedAsync();
    }

    [Fact]
    public async Task Refs_PackedAndCollectedAtThePrimary_StayEqual()
    {
        Scene scene = await Scene.OpenAsync(shared.Network, "packed.git");

        await scene.Primary.GitAsync("gc", "-q", "--prune=now");
        await scene.Client.CommitAsync("main", "after gc");
        await scene.Client.PushAsync("refs/heads/main");
        await scene.AssertConvergedAsync();
    }
}
