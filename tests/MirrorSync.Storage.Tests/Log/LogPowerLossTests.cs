using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Testing;
using MirrorSync.Testing.Faults;

namespace MirrorSync.Storage.Tests.Log;

/// <summary>The power goes at any step of a log's life: what was committed is there afterwards, byte for byte.</summary>
public sealed class LogPowerLossTests
{
    private const int Losses = 250;

    [Fact]
    public async Task Open_AfterPowerLossAtAnyStep_HoldsWhatWasCommitted()
    {
        int struck = 0;
        for (int seed = 0; seed < Losses; seed++)
        {
            struck += await LoseAsync(seed, failedSyncs: false) ? 1 : 0;
        }

        Assert.InRange(struck, Losses / 2, Losses);
    }

    /// <summary>Before the power goes, a sync fails, and the log is taken up in place: nothing that was lost by it may count.</summary>
    [Fact]
    public async Task Reopen_AfterAFailedSyncAndPowerLoss_HoldsWhatWasCommitted()
    {
        int struck = 0;
        for (int seed = 0; seed < Losses; seed++)
        {
            struck += await LoseAsync(seed, failedSyncs: true) ? 1 : 0;
        }

        Assert.InRange(struck, Losses / 2, Losses);
    }

    /// <summary>The process ends after the failed sync; what the kernel takes for clean is on no disk.</summary>
    [Theory]
    [InlineData(DiskPart.Log)]
    [InlineData(DiskPart.CommitMark)]
    public async Task Open_AfterAFailedSyncARestartAndPowerLoss_HoldsWhatWasCommitted(DiskPart part)
    {
        for (int seed = 0; seed < 50; seed++)
        {
            using TempFolder folder = new();
            Directory.CreateDirectory(folder["disk"]);
            using PowerLoss power = new(folder["disk"], seed);
            await using (ReplicationLog log = Open(folder))
            {
                await LogFolder.FillAsync(log, 10, 5000);
                log.Append(LogFolder.Draft(9000), epoch: 1);
                power.FailSync(s => s.Part == part);
                await Assert.ThrowsAsync<IOException>(() => log.CommitAsync(log.Appended, CancellationToken.None));
            }

            LogPosition acknowledged;
            await using (ReplicationLog log = Open(folder))
            {
                await LogFolder.FillAsync(log, 20);
                acknowledged = log.Committed;
            }

            power.Strike();
            power.Restore();
            await using ReplicationLog again = Open(folder);
            Assert.Equal(acknowledged, again.PositionAt(acknowledged.Sequence));
        }
    }

    private static async Task<bool> LoseAsync(int seed, bool failedSyncs)
    {
#pragma warning disable CA5394 // not for secrets: the same seed makes the same choices
        Random random = new(seed);
        using TempFolder folder = new();
        Directory.CreateDirectory(folder["disk"]);
        using PowerLoss power = new(folder["disk"], seed);
        List<byte[]> committed = [];
        List<SpooledBody> bodies = [];
        bool struck = false;
        ReplicationLog? log = null;
        try
        {
            power.StrikeAt(random.Next(1, 60));
            log = Open(folder);
            Spool spool = new(folder["disk/spool"], NullLogger<Spool>.Instance);
            for (int round = 0; round < 12; round++)
            {
                if (failedSyncs && random.Next(4) == 0)
                {
                    power.FailSync(s => s.Part is DiskPart.Log or DiskPart.CommitMark);
                }

                List<byte[]> written = [];
                SpooledBody? body = null;
                try
                {
                    for (int i = random.Next(1, 6); i > 0; i--)
                    {
                        written.Add(log.Read(log.Append(LogFolder.Draft(random.Next(30_000), (round * 10) + i), epoch: 1).Sequence).ToArray());
                    }

                    if (random.Next(3) == 0)
                    {
                        byte[] bytes = new byte[random.Next(20_000)];
                        random.NextBytes(bytes);
                        body = await spool.WriteAsync(new MemoryStream(bytes), null, CancellationToken.None);
                    }

                    await log.CommitAsync(log.Appended, CancellationToken.None).WaitAsync(LogFolder.Deadline);
                    committed.AddRange(written);
                }
                catch (IOException) when (failedSyncs && !power.Struck.IsCompleted)
                {
                    await log.ReopenAsync(CancellationToken.None);
                    Assert.Equal((ulong)committed.Count, log.Appended.Sequence);
                }

                bodies.AddRange(body is { } kept ? [kept] : []);
            }
        }
        catch (IOException) when (power.Struck.IsCompleted)
        {
            struck = true;
        }
        finally
        {
            power.Strike();
            await (log?.DisposeAsync() ?? ValueTask.CompletedTask);
        }

        power.Restore();
        await using ReplicationLog again = Open(folder);
        Assert.True(again.Committed.Sequence >= (ulong)committed.Count, $"seed {seed}: {again.Committed.Sequence} of {committed.Count}");
        for (int i = 0; i < committed.Count; i++)
        {
            Assert.True(again.Read((ulong)i + 1).Span.SequenceEqual(committed[i]), $"seed {seed}: record {i + 1}");
        }

        Spool found = new(folder["disk/spool"], NullLogger<Spool>.Instance);
        foreach (SpooledBody body in bodies)
        {
            await found.VerifyAsync(body, CancellationToken.None);
        }

        // It goes on from there.
        await LogFolder.FillAsync(again, 100);
        Assert.Equal(again.Appended, again.Committed);
        return struck;
#pragma warning restore CA5394
    }

    private static ReplicationLog Open(TempFolder folder) => ReplicationLog.Open(
        new ReplicationLogOptions { Folder = folder["disk/log"], PageSizeBits = 19, MemorySizeBits = 20, SegmentSizeBits = 20 },
        NullLogger<ReplicationLog>.Instance);
}
