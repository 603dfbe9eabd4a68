using MirrorSync.Testing;
using MirrorSync.Testing.Nodes;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.EndToEnd.Tests.Replication;

/// <summary>Repositories that go, bear another name or describe themselves anew, over real processes.</summary>
public sealed class RemovalTests : IAsyncLifetime
{
    private TestNetwork? network;

    private TestNetwork Network => network ?? throw new InvalidOperationException("not started");

    private TestMirror Mirror => Network.Mirrors[0];

    // So long a repository must be gone to count as removed.
    public async Task InitializeAsync() => network = await TestNetwork.StartAsync(
        [SharedNetwork.Near], more: new Dictionary<string, string> { ["Repositories:ScanInterval"] = "00:00:00.5" });

    public Task DisposeAsync() => network?.DisposeAsync().AsTask() ?? Task.CompletedTask;

    [Fact]
    public async Task Repository_Removed_IsInTheTrashUntilRestoredOrEmptied()
    {
        Scene kept = await Scene.OpenAsync(Network, "kept.git");
        Scene gone = await Scene.OpenAsync(Network, "group/gone.git");
        string refs = await gone.Copy.RefsTextAsync();
        Directory.Delete(gone.Primary.Path, recursive: true);
        await kept.AssertConvergedAsync();
        Assert.Null((await Mirror.Node.GetStatusAsync()).Find("group/gone.git"));
        Assert.NotEqual(0, (await StockGit.TryAsync(Network.Folder, ["ls-remote", Mirror.Node.CloneUrl("group/gone.git")])).Code);
        Assert.Contains("group/gone.git", await Mirror.Node.CommandAsync("trash", "list"), StringComparison.Ordinal);

        // It survives a kill, and comes back to the primary, from where it comes to every mirror.
        await Mirror.Node.KillAsync();
        await Mirror.Node.StartAsync();
        string to = Path.Combine(Network.Folder, "restored.git");
        await Mirror.Node.CommandAsync("trash", "restore", "group/gone.git", "--to", to);
        Assert.Equal(refs, await new BareRepository(to).RefsTextAsync());
        Assert.Null(await new BareRepository(to).FsckAsync());
        Directory.Move(to, gone.Primary.Path);
        await Network.WaitConvergedAsync();
        Assert.Equal(refs, await gone.Copy.RefsTextAsync());

        Directory.Delete(gone.Primary.Path, recursive: true);
        await Network.Primary.WaitStatusAsync(static s => s.Find("group/gone.git")?.State == "held", "the second of two to be held");
        await Network.Primary.CommandAsync("accept", "group/gone.git");
        await Mirror.Node.WaitStatusAsync(static s => s.Find("group/gone.git")?.State == "held", "the mirror to keep it");
        await Mirror.Node.CommandAsync("accept", "group/gone.git");
        await kept.AssertConvergedAsync();
        Assert.Contains("deleted group/gone.git", await Mirror.Node.CommandAsync("trash", "empty", "--yes"), StringComparison.Ordinal);
        Assert.DoesNotContain("gone.git", await Mirror.Node.CommandAsync("trash", "list"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Repository_Renamed_KeepsItsFolderAndGoesOn()
    {
        Scene scene = await Scene.OpenAsync(Network, "old.git");
        Scene other = await Scene.OpenAsync(Network, "other.git");
        ulong inode = scene.Copy.Inode;
        BareRepository renamed = Network.Primary.Repository("group/new.git");
        Directory.CreateDirectory(Path.GetDirectoryName(renamed.Path)!);
        Directory.Move(scene.Primary.Path, renamed.Path);
        await other.AssertConvergedAsync();
        BareRepository copy = Mirror.Node.Repository("group/new.git");
        Assert.Equal(inode, copy.Inode);

        await Mirror.Node.KillAsync();
        PushClient client = await PushClient.CloneAsync(Path.Combine(Network.Folder, "client-new"), renamed);
        string id = await client.CommitAsync("main", "under the new name");
        await client.PushAsync("refs/heads/main");
        await Mirror.Node.StartAsync();
        await other.AssertConvergedAsync();
        Assert.Equal((inode, id), (copy.Inode, await copy.IdOfAsync("refs/heads/main")));
        Assert.StartsWith(id, await StockGit.RunAsync(Network.Folder, "ls-remote", Mirror.Node.CloneUrl("group/new.git"), "refs/heads/main"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Repository_DescriptionHeadAndConfigChanged_Follow()
    {
        Scene scene = await Scene.OpenAsync(Network, "words.git");
        await File.WriteAllTextAsync(Path.Combine(scene.Primary.Path, "description"), "a kernel\n");
        await scene.Primary.GitAsync("config", "gitweb.owner", "Ada Lovelace");
        await scene.Primary.GitAsync("config", "cgit.section", "core");
        await scene.Primary.GitAsync("config", "core.compression", "9");
        await scene.Primary.GitAsync("symbolic-ref", "HEAD", "refs/heads/unborn");
        await Patience.UntilAsync(
            async cancellation =>
            {
                string file = Path.Combine(scene.Copy.Path, "description");
                string description = File.Exists(file) ? await File.ReadAllTextAsync(file, cancellation) : string.Empty;
                string owner = await ConfigAsync(scene.Copy, "gitweb.owner");
                string found = $"{owner}|{await ConfigAsync(scene.Copy, "cgit.section")}|{description}|{scene.Copy.Head}";
                return found == "Ada Lovelace|core|a kernel\n|ref: refs/heads/unborn" ? null : found;
            },
            "the words", Network.LogTails);
        Assert.Equal(string.Empty, await ConfigAsync(scene.Copy, "core.compression"));
        await scene.AssertConvergedAsync();
    }

    private static async Task<string> ConfigAsync(BareRepository repository, string key) =>
        (await StockGit.TryAsync(repository.Path, ["config", "--file", "config", key])).Text.TrimEnd('\n');
}
