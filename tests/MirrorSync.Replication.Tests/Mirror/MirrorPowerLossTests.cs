using MirrorSync.Replication.Tests.Support;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;
using MirrorSync.Testing.Faults;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Mirror;

/// <summary>The power goes at any step of a mirror's: what its log and spool hold is brought back without a snapshot.</summary>
public sealed class MirrorPowerLossTests
{
    private const string Name = "a.git";
    private const int Losses = 25;

    [Fact]
    public async Task Recover_AfterPowerLossAtAnyStep_ShowsTheLogsEndWithoutASnapshot()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await mirror.StopAsync();
#pragma warning disable CA5394 // not for secrets: the same seed makes the same choices
        Random random = new(1);
        for (int seed = 0; seed < Losses; seed++)
        {
            // What is there now is on the disk: the stop wrote a checkpoint.
            using PowerLoss power = new(mirror.Folder, seed);
            await mirror.StartAsync();
            power.StrikeAt(random.Next(1, 90));
            LogPosition acknowledged = default;
            for (int push = random.Next(1, 5); push > 0 && !power.Struck.IsCompleted; push--)
            {
                await ChangeAsync(source, random, $"{seed} {push}");
                await primary.CapturedAsync(source);
                await Patience.UntilAsync(
                    _ => Task.FromResult(
                        power.Struck.IsCompleted || mirror.State(Name).Applied == primary.Log.Committed ? null : "it is behind"),
                    "the push on the mirror");
                acknowledged = mirror.Log.Committed;
            }
#pragma warning restore CA5394

            await mirror.LosePowerAsync(power);
            await mirror.RecoverAsync();
            RepositoryState state = mirror.State(Name);
            Assert.True(state.Condition == RepositoryCondition.Live, $"seed {seed}: {state.Condition} {state.Reason}");
            Assert.True(mirror.Log.Committed.Sequence >= acknowledged.Sequence, $"seed {seed}");
            Assert.Equal(mirror.Log.Committed, state.Applied);
            Assert.Null(await mirror[Name].FsckAsync());
            await mirror.StopAsync();
            await mirror.StartAsync();
            await mirror.ConvergedAsync(source, Name);
            Assert.Null(await mirror[Name].FsckAsync());
            await mirror.StopAsync();
        }

        Assert.Equal(1, primary.Snapshots);
    }

    /// <summary>A name that has survived the loss, with nothing or with half of it behind.</summary>
    [Theory]
    [InlineData("pack", 0)]
    [InlineData("pack", 40_000)]
    [InlineData("pack", -1)]
    [InlineData("idx", 0)]
    [InlineData("idx", -1)]
    public async Task Recover_PackAboveTheCheckpointTornOrGone_IsWrittenAnew(string extension, int kept)
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await mirror.StopAsync();
        byte[] old = await File.ReadAllBytesAsync(mirror.CheckpointFile);
        string states = Path.Combine(Path.GetDirectoryName(mirror.CheckpointFile)!, "repositories");
        byte[] oldState = await File.ReadAllBytesAsync(Assert.Single(Directory.GetFiles(states)));
        string stateName = Path.GetFileName(Directory.GetFiles(states).Single());
        string packs = Path.Combine(mirror[Name].Path, "objects/pack");
        string[] before = Directory.GetFiles(packs);
        await mirror.StartAsync();
        await FollowTests.PushNoiseAsync(source);
        await mirror.ConvergedAsync(source, Name);
        await FollowTests.AssertSettledAsync(primary, mirror);
        LogPosition end = mirror.Log.Committed;
        await mirror.StopAsync();

        string lost = Assert.Single(Directory.GetFiles(packs, "*." + extension).Except(before));
        byte[] content = await File.ReadAllBytesAsync(lost);
        File.Delete(lost);
        if (kept >= 0)
        {
            content.AsSpan(kept).Clear();
            await File.WriteAllBytesAsync(lost, content);
        }

        await File.WriteAllBytesAsync(Path.Combine(mirror[Name].Path, "packed-refs"), new byte[300]);
        await File.WriteAllBytesAsync(Path.Combine(mirror[Name].Path, "HEAD"), []);
        await File.WriteAllBytesAsync(mirror.CheckpointFile, old);
        await File.WriteAllBytesAsync(Path.Combine(states, stateName), oldState);
        mirror.BootId = "second";
        await mirror.RecoverAsync();
        Assert.Equal((RepositoryCondition.Live, end), (mirror.State(Name).Condition, mirror.State(Name).Applied));
        Assert.Equal(await source.RefsTextAsync(), await mirror[Name].RefsTextAsync());
        Assert.Null(await mirror[Name].FsckAsync());
        Assert.Equal(1, primary.Snapshots);
    }

    [Fact]
    public async Task Recover_StateOfTheCheckpointDamaged_IsBroughtUpBySnapshot()
    {
        await using PrimaryRig primary = await PrimaryRig.StartAsync();
        BareRepository source = await primary.RepositoryAsync(Name);
        await using MirrorRig mirror = new(primary.Address);
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        await mirror.StopAsync();
        string state = Directory.GetFiles(Path.Combine(Path.GetDirectoryName(mirror.CheckpointFile)!, "repositories")).Single();
        byte[] bytes = await File.ReadAllBytesAsync(state);
        bytes[^3] ^= 1;
        await File.WriteAllBytesAsync(state, bytes);
        mirror.BootId = "second";
        await mirror.StartAsync();
        await mirror.ConvergedAsync(source, Name);
        Assert.Equal(2, primary.Snapshots);
    }

#pragma warning disable CA5394 // not for secrets
    private static async Task ChangeAsync(BareRepository source, Random random, string message)
    {
        switch (random.Next(5))
        {
            case 0:
                await FollowTests.PushNoiseAsync(source);
                break;
            case 1:
                await source.GitAsync("update-ref", "refs/heads/topic" + random.Next(5), await source.IdOfAsync("main"));
                break;
            case 2:
                await source.GitAsync("update-ref", "-d", "refs/heads/topic" + random.Next(5));
                break;
            case 3:
                await source.GitAsync("symbolic-ref", "HEAD", "refs/heads/" + (random.Next(2) == 0 ? "main" : "topic"));
                break;
            default:
                break;
        }

        await source.GitAsync("update-ref", "refs/heads/main", await source.CommitAsync(message, await source.IdOfAsync("main")));
    }
#pragma warning restore CA5394
}
