using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Daemon.Commands;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Replication.Mirror.Removal;
using MirrorSync.Testing;

namespace MirrorSync.Daemon.Tests.Commands;

/// <summary>The trash through the command line and the admin listener, over files as they lie on the disk.</summary>
public sealed class TrashCommandTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly FakeNode node = new();
    private readonly StringWriter output = new();
    private readonly StringWriter error = new();

    private string Root => folder["repositories"];

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task List_ShowsNameTimeAndPlace()
    {
        await using RunningNode running = await StartAsync();
        Assert.Equal(0, await RunAsync("trash", "list"));
        Assert.Matches(
            new Regex(@"group/a\.git\s.*2026-01-02 03:04:05Z\s.*10\s.*5\s.*/\.mirrorsync-trash/1-10/repository\.git"), output.ToString());
        Assert.Contains("b.git", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restore_MovesTheRepositoryOut()
    {
        await using RunningNode running = await StartAsync();
        string to = folder["restored.git"];
        Assert.Equal(0, await RunAsync("trash", "restore", "group/a.git", "--to", to));
        Assert.Equal([$"group/a.git is in {to}"], Lines(output));
        Assert.Equal("words", await File.ReadAllTextAsync(Path.Combine(to, "description")));
        Assert.Equal("b.git", Assert.Single(node.Trash!.Entries).Name);
    }

    [Fact]
    public async Task Restore_UnknownOrBadPlace_EndsWithOneAndOneLine()
    {
        await using RunningNode running = await StartAsync();
        Assert.Equal(1, await RunAsync("trash", "restore", "none.git", "--to", folder["x"]));
        Assert.Equal(1, await RunAsync("trash", "restore", "b.git", "--to", Path.Combine(Root, "b.git")));
        Assert.Equal(
            ["mirrorsync: no repository none.git in the trash", $"mirrorsync: {Root}/b.git is in the repositories' root, which holds what the primary has and nothing else"],
            Lines(error));
        Assert.Equal(2, node.Trash!.Entries.Count);
    }

    [Fact]
    public async Task Empty_OnlyWithYes()
    {
        await using RunningNode running = await StartAsync();
        Assert.Equal(1, await RunAsync("trash", "empty"));
        Assert.Equal(0, await RunAsync("trash", "empty", "b.git", "--yes"));
        Assert.Equal(1, await RunAsync("trash", "empty", "b.git"));
        Assert.Equal(0, await RunAsync("trash", "empty", "--yes"));
        Assert.Equal(
            [
                "2 repositories of 10 bytes would be deleted for good: add --yes",
                "deleted b.git",
                "0 repositories of 0 bytes would be deleted for good: add --yes",
                "deleted group/a.git",
            ],
            Lines(output));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(Root, ".mirrorsync-trash")));
    }

    [Fact]
    public async Task Any_OnAPrimary_IsTold()
    {
        string file = Configs.WriteFile(folder.Path, NodeRole.Primary);
        Assert.Equal(2, await CommandLine.RunAsync(["trash", "list", "--config", file], Context(), CancellationToken.None));
        Assert.Equal(["mirrorsync: m1 is the primary and keeps no trash: what it removes, each mirror keeps"], Lines(error));
    }

    [Theory]
    [InlineData("/trash/restore", "{\"repository\":\"b.git\"}", HttpStatusCode.BadRequest)]
    [InlineData("/trash/restore", "{\"repository\":\"b.git\",\"to\":\"relative\"}", HttpStatusCode.BadRequest)]
    [InlineData("/trash/restore", "{\"repository\":\"../b.git\",\"to\":\"/tmp/x\"}", HttpStatusCode.BadRequest)]
    [InlineData("/trash/restore", "{", HttpStatusCode.BadRequest)]
    [InlineData("/trash/empty", "{}", HttpStatusCode.BadRequest)]
    [InlineData("/trash/empty", "{\"repository\":\"b.git\",\"all\":true}", HttpStatusCode.BadRequest)]
    [InlineData("/trash", "{}", HttpStatusCode.MethodNotAllowed)]
    public async Task Post_Bad_ChangesNothing(string path, string body, HttpStatusCode expected)
    {
        await using RunningNode running = await StartAsync();
        using StringContent content = new(body, Encoding.UTF8, "application/json");
        Assert.Equal(expected, (await running.PostAsync(running.Host.Endpoints.Admin + path, content)).Status);
        using StringContent form = new(body, Encoding.UTF8, "text/plain");
        Assert.NotEqual(HttpStatusCode.OK, (await running.PostAsync(running.Host.Endpoints.Admin + path, form)).Status);
        Assert.Equal(2, node.Trash!.Entries.Count);
    }

    private static string[] Lines(StringWriter writer) => writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private async Task<RunningNode> StartAsync()
    {
        Put("group/a.git", 10, "2026-01-02T03:04:05+00:00");
        Put("b.git", 11, "2026-01-03T03:04:05+00:00");
        node.Trash = new RepositoryTrash(Root, TimeSpan.FromDays(14), TimeProvider.System, NullLogger<RepositoryTrash>.Instance);
        node.Trash.Open();
        MirrorSyncConfig config = ConfigLoader.Load(Configs.WriteFile(folder.Path), Configs.NoEnvironment).Config!;
        return await RunningNode.StartAsync(config with { Log = new LogConfig(LogLevel.None) }, node);
    }

    private void Put(string name, int sequence, string removedAt)
    {
        string entry = Path.Combine(Root, ".mirrorsync-trash", $"1-{sequence}");
        Directory.CreateDirectory(Path.Combine(entry, "repository.git"));
        File.WriteAllText(Path.Combine(entry, "repository.git", "description"), "words");
        File.WriteAllText(Path.Combine(entry, "entry.json"), $$"""
            {"name":"{{name}}","format":"sha1","removedAt":"{{removedAt}}","noticedAt":7,"epoch":1,"sequence":{{sequence}},"bytes":5,"accepted":false}
            """);
    }

    private Task<int> RunAsync(params string[] args) =>
        CommandLine.RunAsync([.. args, "--config", folder["node.json"]], Context(), CancellationToken.None).WaitAsync(Patience.Deadline);

    private CommandContext Context() => new()
    {
        Output = output,
        Error = error,
        Width = 400,
        Environment = Configs.NoEnvironment,
        Time = TimeProvider.System,
        Compose = node.Compose,
        ChangeHooks = static (_, _) => throw new InvalidOperationException("no hooks here"),
    };
}
