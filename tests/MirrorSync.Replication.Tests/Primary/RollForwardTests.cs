using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Faults;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Primary;

/// <summary>After the machine went down the primary's repositories are what its log says, whatever git had not synced.</summary>
public sealed class RollForwardTests
{
    private const string Name = "a.git";

    [Fact]
    public async Task Recover_RefsWentBackVanishedOrTorn_AreSetToTheLogsEnd()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        string old = await source.IdOfAsync("main");
        await source.GitAsync("update-ref", "refs/heads/gone", old);
        await source.GitAsync("update-ref", "refs/heads/torn", old);
        await source.GitAsync("update-ref", "refs/heads/deleted", old);
        await primary.CapturedAsync(source);
        byte[] checkpoint = await CheckpointedAsync(primary);
        for (int i = 0; i < 2; i++)
        {
            string next = await source.CommitAsync("change " + i, await source.IdOfAsync("main"));
            await source.GitAsync("update-ref", "refs/heads/main", next);
            await source.GitAsync("update-ref", "refs/heads/torn", next);
            await primary.CapturedAsync(source);
        }

        await source.GitAsync("update-ref", "-d", "refs/heads/deleted");
        await primary.CapturedAsync(source);
        string wanted = await source.RefsTextAsync();
        ulong end = primary.Log.Committed.Sequence;
        await primary.RestartAsync(async () =>
        {
            await File.WriteAllBytesAsync(primary.CheckpointFile, checkpoint);
            await source.GitAsync("update-ref", "refs/heads/main", old);
            await source.GitAsync("update-ref", "refs/heads/deleted", old);
            await source.GitAsync("update-ref", "-d", "refs/heads/gone");
            await File.WriteAllBytesAsync(Path.Combine(source.Path, "refs/heads/torn"), []);
            await File.WriteAllBytesAsync(Path.Combine(source.Path, "HEAD"), []);
            primary.BootId = "second";
        });

        // Before anything is captured: what the disk showed never came into the log.
        Assert.Equal(wanted, await source.RefsTextAsync());
        await primary.CapturedAsync(source);
        Assert.Equal(end, primary.Log.Committed.Sequence);
        Assert.Null(await source.FsckAsync());
    }

    /// <summary>The daemon starts before the disk with the repositories is mounted.</summary>
    [Fact]
    public async Task Recover_RootComesAfterTheStart_RollsForwardBeforeAnythingIsCaptured()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        string old = await source.IdOfAsync("topic");
        byte[] checkpoint = await CheckpointedAsync(primary);
        await source.GitAsync("update-ref", "refs/heads/topic", await source.IdOfAsync("main"));
        await primary.CapturedAsync(source);
        string wanted = await source.RefsTextAsync();
        ulong end = primary.Log.Committed.Sequence;
        await primary.RestartAsync(async () =>
        {
            await File.WriteAllBytesAsync(primary.CheckpointFile, checkpoint);
            await source.GitAsync("update-ref", "refs/heads/topic", old);
            primary.BootId = "second";
            Directory.Move(primary.Root, primary.Root + ".away");
        });

        // Ended before it came, it has said nothing of this boot.
        await primary.RestartAsync();
        Assert.Equal(checkpoint, await File.ReadAllBytesAsync(primary.CheckpointFile));
        Directory.Move(primary.Root + ".away", primary.Root);
        await primary.CapturedAsync(source);
        Assert.Equal(wanted, await source.RefsTextAsync());
        Assert.Equal(end, primary.Log.Committed.Sequence);
    }

    [Fact]
    public async Task Recover_PackedRefsTorn_IsWrittenFromTheLogAndKeptBeside()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await source.GitAsync("pack-refs", "--all");
        await CheckpointedAsync(primary);
        string wanted = await source.RefsTextAsync();
        string table = Path.Combine(source.Path, "packed-refs");
        await primary.RestartAsync(() =>
        {
            using FileStream torn = File.OpenWrite(table);
            torn.SetLength(torn.Length - 1);
            primary.BootId = "second";
            return Task.CompletedTask;
        });
        await primary.CapturedAsync(source);
        Assert.Equal(wanted, await source.RefsTextAsync());
        Assert.True(File.Exists(table + ".torn"));
    }

    /// <summary>A table that cannot be read now may be sound: nothing of the log's goes over it.</summary>
    [Fact]
    public async Task Recover_PackedRefsUnreadable_StaysAsItIs()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await source.GitAsync("pack-refs", "--all");
        await CheckpointedAsync(primary);
        string table = Path.Combine(source.Path, "packed-refs");
        string wanted = await source.RefsTextAsync();
        string aside = table + ".aside";
        await primary.RestartAsync(() =>
        {
            File.Move(table, aside);
            File.CreateSymbolicLink(table, "/dev/null");
            primary.BootId = "second";
            return Task.CompletedTask;
        });
        Assert.NotNull(new FileInfo(table).LinkTarget);
        File.Move(aside, table, overwrite: true);
        await primary.CapturedAsync(source);
        Assert.Equal(wanted, await source.RefsTextAsync());
    }

    [Fact]
    public async Task Recover_SameBoot_LeavesTheRefsToCapture()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        string old = await source.IdOfAsync("topic");
        byte[] checkpoint = await CheckpointedAsync(primary);
        await source.GitAsync("update-ref", "refs/heads/topic", await source.IdOfAsync("main"));
        await primary.CapturedAsync(source);
        await primary.RestartAsync(async () =>
        {
            await File.WriteAllBytesAsync(primary.CheckpointFile, checkpoint);
            await source.GitAsync("update-ref", "refs/heads/topic", old);
        });
        await primary.CapturedAsync(source);
        Assert.Equal(old, await source.IdOfAsync("topic"));
    }

    /// <summary>A push of this boot names the ref: what it shows is newer than the log, even where the log had that value before.</summary>
    [Fact]
    public async Task Recover_RefNamedByAPushOfThisBoot_IsLeftAlone()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        string old = await source.IdOfAsync("topic");
        byte[] checkpoint = await CheckpointedAsync(primary);
        await source.GitAsync("update-ref", "refs/heads/topic", await source.IdOfAsync("main"));
        await primary.CapturedAsync(source);
        await primary.RestartAsync(async () =>
        {
            await File.WriteAllBytesAsync(primary.CheckpointFile, checkpoint);
            await source.GitAsync("update-ref", "refs/heads/topic", old);
            primary.BootId = "second";
            await File.WriteAllTextAsync(
                Path.Combine(primary.Folder, "notify", "1"),
                $"mirrorsync-notify 1\npost-receive\nsecond\n1 0\n{source.Path}\n{old} {old} refs/heads/topic\n");
        });
        await primary.CapturedAsync(source);
        Assert.Equal(old, await source.IdOfAsync("topic"));
    }

    [Fact]
    public async Task Recover_ObjectsLostOrTorn_AreWrittenAgainFromTheLog()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        byte[] checkpoint = await CheckpointedAsync(primary);
        HashSet<string> before = [.. Files(source)];
        for (int i = 0; i < 2; i++)
        {
            await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync("change " + i, await source.IdOfAsync("main")));
            await primary.CapturedAsync(source);
        }

        await Mirror.FollowTests.PushNoiseAsync(source);
        await primary.CapturedAsync(source);
        string wanted = await source.RefsTextAsync();
        ulong end = primary.Log.Committed.Sequence;
        await primary.RestartAsync(async () =>
        {
            await File.WriteAllBytesAsync(primary.CheckpointFile, checkpoint);
            int number = 0;
            foreach (string file in Files(source).Where(f => !before.Contains(f)))
            {
                byte[] content = await File.ReadAllBytesAsync(file);
                File.Delete(file);
                if (number++ % 3 > 0)
                {
                    content.AsSpan(content.Length / number).Clear();
                    await File.WriteAllBytesAsync(file, number % 3 == 2 ? [] : content);
                }
            }

            Assert.True(number > 3);
            primary.BootId = "second";
        });
        await primary.CapturedAsync(source);
        Assert.Equal(wanted, await source.RefsTextAsync());
        Assert.Equal(end, primary.Log.Committed.Sequence);
        Assert.Null(await source.FsckAsync());
    }

    [Fact]
    public async Task Recover_AfterPowerLossAtAnyStep_KeepsWhatWasAcknowledged()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
#pragma warning disable CA5394 // not for secrets: the same seed makes the same choices
        Random random = new(7);
        for (int seed = 0; seed < 20; seed++)
        {
            await primary.RestartAsync();
            using PowerLoss power = new(primary.Folder, seed);
            power.StrikeAt(random.Next(1, 40));
            LogPosition acknowledged = primary.Log.Committed;
            string kept = await source.IdOfAsync("main");
            for (int push = random.Next(1, 5); push > 0 && !power.Struck.IsCompleted; push--)
            {
                if (random.Next(4) == 0)
                {
                    await Mirror.FollowTests.PushNoiseAsync(source);
                }

                await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync($"{seed} {push}", await source.IdOfAsync("main")));
                await source.GitAsync("update-ref", "refs/heads/n" + random.Next(3), await source.IdOfAsync("main"));
                string pushed = await source.IdOfAsync("main");
                Task captured = primary.CapturedAsync(source);
                await Task.WhenAny(captured, power.Struck);
                if (captured.IsCompletedSuccessfully && !power.Struck.IsCompleted)
                {
                    acknowledged = primary.Log.Committed;
                    kept = pushed;
                }
            }
#pragma warning restore CA5394

            await primary.LosePowerAsync(power);
            Assert.Equal(acknowledged, primary.Log.PositionAt(acknowledged.Sequence));
            await primary.SettledAsync(source);

            // What landed behind it may have come to the disk or not; what was captured is there.
            await source.GitAsync("merge-base", "--is-ancestor", kept, "main");
            string? unsound = await source.FsckAsync();
            Assert.True(unsound is null, $"seed {seed}: {unsound}");
            await mirror.ConvergedAsync(source, Name);
            Assert.Null(await mirror[Name].FsckAsync());
        }

        Assert.Equal(1, primary.Snapshots);
    }

    [Fact]
    public async Task Recover_CheckpointDamaged_ReadsTheWholeLog()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        ulong end = primary.Log.Committed.Sequence;
        await primary.RestartAsync(() => File.WriteAllTextAsync(primary.CheckpointFile, "{"));
        await primary.CapturedAsync(source);
        Assert.Equal(end, primary.Log.Committed.Sequence);
    }

    private static IEnumerable<string> Files(BareRepository repository) =>
        Directory.EnumerateFiles(Path.Combine(repository.Path, "objects"), "*", SearchOption.AllDirectories);

    /// <summary>Restarts, so that a checkpoint knows of everything, and gives its bytes.</summary>
    private static async Task<byte[]> CheckpointedAsync(PrimaryRig primary)
    {
        await primary.RestartAsync();
        byte[] checkpoint = await File.ReadAllBytesAsync(primary.CheckpointFile);
        await primary.KeepStatesAsync();
        return checkpoint;
    }
}
