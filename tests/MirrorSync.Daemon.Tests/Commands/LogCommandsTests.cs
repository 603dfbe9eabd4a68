using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Daemon.Commands;
using MirrorSync.Daemon.Configuration;
using MirrorSync.Daemon.Tests.Support;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;

namespace MirrorSync.Daemon.Tests.Commands;

/// <summary><c>log show</c> and <c>log verify</c>, beside a daemon that holds the log.</summary>
public sealed class LogCommandsTests : IAsyncLifetime, IDisposable
{
    private static readonly ObjectId Id = ObjectId.FromRaw(Convert.FromHexString("0123456789abcdef0123456789abcdef01234567"));

    private readonly TempFolder folder = new();
    private readonly StringWriter output = new();
    private readonly StringWriter error = new();
    private readonly string config;
    private readonly DataConfig data;
    private ReplicationLog? log;

    public LogCommandsTests()
    {
        config = Configs.WriteFile(folder.Path, NodeRole.Primary);
        data = ConfigLoader.Load(config, Configs.NoEnvironment).Config!.Data;
    }

    [Fact]
    public async Task Show_EveryRecord_AsTextAndAsJson()
    {
        await FillAsync();
        Assert.Equal(0, await RunAsync("show"));
        string[] lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.Equal("1.1 2026-01-01T00:00:00.000000Z Delta linux/a.git, pack 5 bytes", lines[0]);
        Assert.Equal("    refs/heads/main none -> 0123456789ab", lines[1]);
        Assert.Equal("1.2 2026-01-01T00:00:00.000000Z Metadata linux/a.git, description 'words', no owner", lines[2]);

        output.GetStringBuilder().Clear();
        Assert.Equal(0, await RunAsync("show", "--from", "2", "--json"));
        using JsonDocument json = JsonDocument.Parse(output.ToString());
        JsonElement record = json.RootElement;
        Assert.Equal((2, "Metadata"), (record.GetProperty("sequence").GetInt32(), record.GetProperty("kind").GetString()));
        Assert.Equal(64, record.GetProperty("spooled").GetString()!.Length);
    }

    [Fact]
    public async Task Verify_GoodThenDamagedBodyThenDamagedRecord_TellsWhich()
    {
        SpooledBody body = await FillAsync();
        Assert.Equal(0, await RunAsync("verify"));
        Assert.Matches(@"^2 records of \d+ bytes up to 1:2:[0-9a-f]+, 1 spooled bodies: good", output.ToString());

        string spooled = Path.Combine(data.SpoolFolder, body.Name.ToString());
        byte[] bytes = await File.ReadAllBytesAsync(spooled);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(spooled, bytes);
        Assert.Equal(1, await RunAsync("verify"));
        Assert.Contains(body.Name.ToString(), error.ToString(), StringComparison.Ordinal);

        File.Delete(spooled);
        Assert.Equal(1, await RunAsync("verify"));
        Assert.Contains("does not hold the body", error.ToString(), StringComparison.Ordinal);

        await log!.DisposeAsync();
        string segment = Assert.Single(Directory.GetFiles(data.LogFolder, "segment-*"));
        bytes = await File.ReadAllBytesAsync(segment);
        bytes[100] ^= 1;
        await File.WriteAllBytesAsync(segment, bytes);
        Assert.Equal(1, await RunAsync("verify"));
        Assert.Contains("record 1 at address 64", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_NoLogOrRecordsGivenUp_SaysSo()
    {
        Assert.Equal(1, await RunAsync("show"));
        Assert.Contains($"there is no replication log in {data.LogFolder}", error.ToString(), StringComparison.Ordinal);

        await FillAsync();
        await log!.TruncateAsync(1, CancellationToken.None);
        Assert.Equal(1, await RunAsync("show", "--from", "1"));
        Assert.Contains("record 1 is no longer held: the log begins after 1", error.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, await RunAsync("verify"));
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await (log?.DisposeAsync() ?? ValueTask.CompletedTask);

    public void Dispose()
    {
        output.Dispose();
        error.Dispose();
        folder.Dispose();
    }

    /// <summary>A log of two records, the second one's body in the spool; still open, as a daemon has it.</summary>
    private async Task<SpooledBody> FillAsync()
    {
        log = ReplicationLog.Open(new ReplicationLogOptions { Folder = data.LogFolder }, NullLogger<ReplicationLog>.Instance);
        Spool spool = new(data.SpoolFolder, NullLogger<Spool>.Instance);
        RefUpdate update = new(RefName.FromString("refs/heads/main"), RefValue.None, RefValue.Direct(Id));
        byte[] delta = [.. LogRecordBodyCodec.EncodeFields(new LogRecordBody { Updates = [update] }, ObjectFormat.Sha1), .. "PACK!"u8];
        LogRecordBody said = new() { Description = "words"u8.ToArray(), Owner = string.Empty };
        SpooledBody body = await spool.WriteAsync(
            new MemoryStream(LogRecordBodyCodec.EncodeFields(said, ObjectFormat.Sha1)), null, CancellationToken.None);
        log.Append(Draft(LogRecordKind.Delta) with { InlineBody = delta }, epoch: 1);
        log.Append(Draft(LogRecordKind.Metadata) with { Spooled = body }, epoch: 1);
        await log.CommitAsync(log.Appended, CancellationToken.None);
        return body;
    }

    private static LogRecordDraft Draft(LogRecordKind kind) => new()
    {
        Kind = kind,
        NoticedAtMicroseconds = 1_767_225_600_000_000,
        Repository = RepositoryName.Parse("linux/a.git"),
        Format = ObjectFormat.Sha1,
        Before = default,
        After = default,
    };

    private Task<int> RunAsync(params string[] args) => CommandLine.RunAsync(
        ["log", .. args, "--config", config],
        new CommandContext
        {
            Output = output,
            Error = error,
            Width = 200,
            Environment = Configs.NoEnvironment,
            Time = TimeProvider.System,
            Compose = static _ => throw new NotSupportedException(),
            ChangeHooks = static (_, _) => throw new NotSupportedException(),
        },
        CancellationToken.None);
}
