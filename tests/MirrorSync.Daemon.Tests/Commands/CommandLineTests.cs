using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using MirrorSync.Daemon.Commands;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Hosting;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Replication.Maintenance;
using MirrorSync.Testing;

namespace MirrorSync.Daemon.Tests.Commands;

public sealed class CommandLineTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly TempFolder folder = new();
    private readonly FakeNode node = new();
    private readonly StringWriter output = new();
    private readonly StringWriter error = new();
    private readonly List<(HookChange Change, string Root)> hooks = [];
    private HookSummary summary = new(3, []);

    public void Dispose()
    {
        output.Dispose();
        error.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("", "Required command was not provided.")]
    [InlineData("fly", "Unrecognized command or argument 'fly'.")]
    [InlineData("run", "Option '--config' is required.")]
    [InlineData("run --config a --config b", null)]
    [InlineData("run --config", null)]
    [InlineData("status --config a --yaml", "Unrecognized command or argument '--yaml'.")]
    [InlineData("config check", "config check takes one FILE")]
    [InlineData("config check a --config b", "config check takes one FILE")]
    [InlineData("accept --config a", "accept takes either a repository or --all")]
    [InlineData("accept x.git --all --config a", "accept takes either a repository or --all")]
    [InlineData("hook --config a", null)]
    public async Task Run_BadCommandLine_EndsWithTwoAndOneLineEach(string args, string? problem)
    {
        Assert.Equal(2, await RunAsync(args.Split(' ', StringSplitOptions.RemoveEmptyEntries)));

        string[] lines = Lines(error);
        Assert.All(lines, static l => Assert.StartsWith("mirrorsync: ", l, StringComparison.Ordinal));
        Assert.Equal("mirrorsync: see mirrorsync --help", lines[^1]);
        Assert.True(problem is null || lines.Contains("mirrorsync: " + problem), error.ToString());
        Assert.Empty(output.ToString());
    }

    [Theory]
    [InlineData("--help", "accept")]
    [InlineData("status --help", "--json")]
    [InlineData("config check --help", "--files")]
    [InlineData("hook install --help", "--config")]
    public async Task Run_Help_IsOnStdout(string args, string expected)
    {
        Assert.Equal(0, await RunAsync(args.Split(' ')));

        Assert.Contains(expected, output.ToString(), StringComparison.Ordinal);
        Assert.Empty(error.ToString());
    }

    [Fact]
    public async Task Run_Version_IsPrinted()
    {
        Assert.Equal(0, await RunAsync("--version"));
        Assert.Matches(@"^\d+\.\d+\.\d+", output.ToString());
    }

    [Theory]
    [InlineData("run --config")]
    [InlineData("status --config")]
    [InlineData("hook install --config")]
    [InlineData("accept --all --config")]
    [InlineData("trash list --config")]
    [InlineData("trash restore a.git --to b --config")]
    [InlineData("trash empty --config")]
    [InlineData("config check")]
    [InlineData("config check --config")]
    public async Task Run_BadConfiguration_EndsWithTwoAndEveryError(string command)
    {
        File.WriteAllText(folder["bad.json"], "{ \"Node\": { \"Name\": \"a b\" }, \"Extra\": 1 }");

        Assert.Equal(2, await RunAsync([.. command.Split(' '), folder["bad.json"]]));

        Assert.Contains("mirrorsync: Extra: unknown key", Lines(error));
        Assert.Contains("mirrorsync: Node:Role: is missing", Lines(error));
        Assert.Equal(8, Lines(error).Length);
    }

    [Fact]
    public async Task ConfigCheck_Good_SaysSo()
    {
        string file = Configs.WriteFile(folder.Path);

        Assert.Equal(0, await RunAsync("config", "check", file));
        Assert.Equal([$"{file}: good, Mirror m1 in ams, fleet default"], Lines(output));
    }

    [Fact]
    public async Task ConfigCheck_MissingCertificates_AreANoteOrWithFilesAnError()
    {
        string file = folder["tls.json"];
        File.WriteAllText(file, Configs.Primary.Replace("http://127.0.0.1:8461", "https://127.0.0.1:8461", StringComparison.Ordinal)
            .Replace("\"Data\"", "\"Tls\": { \"Certificate\": \"a\", \"Key\": \"b\", \"Authority\": \"c\" }, \"Data\"", StringComparison.Ordinal));

        Assert.Equal(0, await RunAsync("config", "check", file));
        Assert.Equal($"note: Tls:Certificate: '{folder["a"]}' does not exist; the daemon will need it", Lines(output)[0]);
        Assert.Empty(error.ToString());
        Assert.Equal(2, await RunAsync("config", "check", "--files", file));
        Assert.Equal(3, Lines(error).Length);
        Assert.Equal(2, await RunAsync("run", "--config", file));
        Assert.Equal(6, Lines(error).Length);
    }

    [Fact]
    public async Task Hook_OnAPrimary_ChangesItsHooks()
    {
        string file = Configs.WriteFile(folder.Path, NodeRole.Primary);

        Assert.Equal(0, await RunAsync("hook", "install", "--config", file));
        summary = new HookSummary(2, ["c.git: hooks/ cannot be written"]);
        Assert.Equal(1, await RunAsync("hook", "remove", "--config", file));

        Assert.Equal([(HookChange.Install, folder["repositories"]), (HookChange.Remove, folder["repositories"])], hooks);
        Assert.Equal(["hooks installed in 3 repositories", "hooks removed from 2 repositories"], Lines(output));
        Assert.Equal(["mirrorsync: c.git: hooks/ cannot be written"], Lines(error));
    }

    [Fact]
    public async Task Hook_OnAMirror_IsRefused()
    {
        Assert.Equal(2, await RunAsync("hook", "install", "--config", Configs.WriteFile(folder.Path)));
        Assert.Equal(["mirrorsync: m1 is a mirror; hooks belong to the primary"], Lines(error));
        Assert.Empty(hooks);
    }

    [Fact]
    public async Task Status_OfARunningNode_IsATable()
    {
        string file = Configs.WriteFile(folder.Path);
        await using RunningNode running = await StartAsync(file);
        node.Status = FakeNode.Fresh(FakeNode.Repository("linux.git"), FakeNode.Repository("bad\u001b[2J.git", "held", 3, "[red]refs[/] gone"));

        Assert.Equal(0, await RunAsync("status", "--config", file));

        string text = output.ToString();
        Assert.Contains("linux.git", text, StringComparison.Ordinal);
        Assert.Contains("bad?[2J.git", text, StringComparison.Ordinal);
        Assert.Contains("[red]refs[/] gone", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', text);
        Assert.Contains(" 42 ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_NotReady_SaysWhyAndEndsWithOne()
    {
        string file = Configs.WriteFile(folder.Path);
        await using RunningNode running = await StartAsync(file);
        node.Status = node.Status with { Problems = ["disk full"] };

        Assert.Equal(1, await RunAsync("status", "--config", file));
        Assert.Contains("  not ready: disk full", Lines(output));
    }

    [Fact]
    public async Task Status_Json_IsTheDaemonsOwn()
    {
        string file = Configs.WriteFile(folder.Path);
        await using RunningNode running = await StartAsync(file);

        Assert.Equal(0, await RunAsync("status", "--json", "--config", file));

        Assert.Equal((await running.AdminAsync("/status")).Body, output.ToString().TrimEnd());
        using var json = JsonDocument.Parse(output.ToString());
        Assert.Equal("m1", json.RootElement.GetProperty("node").GetString());
    }

    [Fact]
    public async Task Status_NobodyThere_EndsWithOneAndOneLine()
    {
        string open = Configs.WriteFile(folder.Path);
        Assert.Equal(1, await RunAsync("status", "--config", open));
        Assert.Equal(
            [$"mirrorsync: the daemon does not run: Listen:Admin leaves the port open, and there is no '{folder["data/endpoints.json"]}'"], Lines(error));

        File.WriteAllText(folder["fixed.json"], Configs.Primary.Replace("\"Public\"", "\"Admin\": \"http://127.0.0.1:1\", \"Public\"", StringComparison.Ordinal));
        Assert.Equal(1, await RunAsync("status", "--config", folder["fixed.json"]));
        Assert.Equal("mirrorsync: the daemon cannot be reached at http://127.0.0.1:1: nobody listens", Lines(error)[1]);
    }

    [Fact]
    public async Task Accept_OnAMirrorThatHoldsNothing_PointsToThePrimary()
    {
        string file = Configs.WriteFile(folder.Path);
        await using RunningNode running = await StartAsync(file);
        Assert.Equal(0, await RunAsync("accept", "--all", "--config", file));
        Assert.Equal(["nothing is held here; what is held at the primary is accepted there"], Lines(output));
    }

    [Fact]
    public async Task Accept_OneOrAll_TellsWhatWasLetGo()
    {
        string file = Configs.WriteFile(folder.Path, NodeRole.Primary);
        await using RunningNode running = await StartAsync(file);
        node.Status = FakeNode.Fresh(FakeNode.Repository("a.git", "held"), FakeNode.Repository("b.git"));

        Assert.Equal(0, await RunAsync("accept", "a.git", "--config", file));
        Assert.Equal(0, await RunAsync("accept", "b.git", "--config", file));
        Assert.Equal(0, await RunAsync("accept", "--all", "--config", file));
        Assert.Equal(1, await RunAsync("accept", "none.git", "--config", file));

        Assert.Equal(["accepted a.git", "nothing is held", "accepted a.git"], Lines(output));
        Assert.Equal(["mirrorsync: no repository none.git"], Lines(error));
        Assert.Equal(["a.git", "b.git", "*"], node.Accepted);
    }

    [Fact]
    public async Task Maintain_OneOrAllOrDry_PrintsWhatCameOfIt()
    {
        string file = Configs.WriteFile(folder.Path);
        List<string> asked = [];
        node.Maintain = (name, dryRun, _) =>
        {
            asked.Add($"{name?.Value ?? "*"} {dryRun}");
            MaintenanceOutcome good = new("a.git", 12, 2, 5, 0, 9000, 4000, ["12 of 12 packs are to be one"], null);
            MaintenanceOutcome bad = new("b.git", 0, 0, 0, 0, 0, 0, [], "disk full");
            return Task.FromResult<IReadOnlyList<MaintenanceOutcome>?>(name?.Value switch { null => [good, bad], "a.git" => [good], _ => null });
        };
        await using RunningNode running = await StartAsync(file);

        Assert.Equal(0, await RunAsync("maintain", "--repo", "a.git", "--config", file));
        Assert.Equal(1, await RunAsync("maintain", "--config", file));
        Assert.Equal(0, await RunAsync("maintain", "--repo", "a.git", "--dry-run", "--config", file));
        Assert.Equal(1, await RunAsync("maintain", "--repo", "none.git", "--config", file));

        Assert.Equal(["a.git False", "* False", "a.git True", "none.git False"], asked);
        Assert.Equal(["mirrorsync: b.git: disk full", "mirrorsync: no repository none.git"], Lines(error));
        Assert.Contains("12 of 12 packs are to be one", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("4000", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Maintain_SwitchedOff_SaysSo()
    {
        string file = Configs.WriteFile(folder.Path);
        await using RunningNode running = await StartAsync(file);
        Assert.Equal(1, await RunAsync("maintain", "--config", file));
        Assert.Equal(["mirrorsync: maintenance is switched off here; see Maintenance:Enabled"], Lines(error));
    }

    [Fact]
    public async Task Run_UntilCancelled_ServesAndEndsWithZero()
    {
        string file = Configs.WriteFile(folder.Path, more: "\"Log\": { \"Level\": \"None\" },");
        var recovered = new TaskCompletionSource();
        node.Recover = _ =>
        {
            recovered.SetResult();
            return Task.CompletedTask;
        };
        using var stop = new CancellationTokenSource();
        Task<int> run = CommandLine.RunAsync(["run", "--config", file], Context(), stop.Token);
        await recovered.Task.WaitAsync(Deadline);
        await Patience.UntilAsync(
            _ => Task.FromResult(File.Exists(folder["data/endpoints.json"]) || run.IsCompleted ? null : "no endpoints"), "the daemon to listen");

        await stop.CancelAsync();

        Assert.Equal(0, await run.WaitAsync(Deadline));
        Assert.Empty(error.ToString());
        Assert.False(File.Exists(folder["data/endpoints.json"]));
    }

    [Fact]
    public async Task Run_PortInUse_EndsWithOneAndOneLine()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        string file = Configs.WriteFile(folder.Path, more: "\"Log\": { \"Level\": \"None\" },");
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"Public\": \"http://127.0.0.1:0\"", $"\"Public\": \"http://{other.LocalEndpoint}\"", StringComparison.Ordinal));

        Assert.Equal(1, await CommandLine.RunAsync(["run", "--config", file], Context(), CancellationToken.None).WaitAsync(Deadline));
        Assert.Equal([$"mirrorsync: Listen:Public: {other.LocalEndpoint} is in use by another process"], Lines(error));
    }

    [Fact]
    public async Task Run_DataOfAnotherNode_EndsWithOneAndOneLine()
    {
        string file = Configs.WriteFile(folder.Path);
        DataFolder.Open(Configs.Node(folder.Path, name: "m9")).Dispose();

        Assert.Equal(1, await RunAsync("run", "--config", file));
        Assert.Contains("belongs to node m9", Assert.Single(Lines(error)), StringComparison.Ordinal);
    }

    private static string[] Lines(StringWriter writer) => writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private Task<RunningNode> StartAsync(string file)
    {
        MirrorSyncConfig config = ConfigLoader.Load(file, Configs.NoEnvironment).Config!;
        return RunningNode.StartAsync(config with { Log = new LogConfig(Microsoft.Extensions.Logging.LogLevel.None) }, node);
    }

    private Task<int> RunAsync(params string[] args) => CommandLine.RunAsync(args, Context(), CancellationToken.None).WaitAsync(Deadline);

    private CommandContext Context() => new()
    {
        Output = output,
        Error = error,
        Width = 200,
        Environment = Configs.NoEnvironment,
        Time = TimeProvider.System,
        Compose = node.Compose,
        ChangeHooks = (config, change) =>
        {
            hooks.Add((change, config.Repositories.Root));
            return summary;
        },
    };
}
