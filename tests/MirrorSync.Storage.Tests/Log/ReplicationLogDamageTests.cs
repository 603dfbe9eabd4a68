using MirrorSync.Storage.Log;

namespace MirrorSync.Storage.Tests.Log;

/// <summary>What a log does after a kill, a power loss or rot: keep what was committed, or refuse to open.</summary>
public sealed class ReplicationLogDamageTests
{
    [Fact]
    public async Task Open_CopyTakenWhileOpen_HoldsWhatWasCommitted()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        for (int round = 0; round < 10; round++)
        {
            await LogFolder.FillAsync(log, 100_000 + round, 50);
            log.Append(LogFolder.Draft(100_000), epoch: 1);
            using LogFolder copy = folder.Copy();
            await using ReplicationLog other = copy.Open();
            Assert.True(other.Committed.Sequence >= log.Committed.Sequence);
            Assert.Equal(log.PositionAt(other.Committed.Sequence), other.Committed);
        }
    }

    [Fact]
    public async Task Open_CopiesTakenWhileAppendersRun_NeverMissWhatWasCommittedBefore()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        Task writer = Task.Run(async () =>
        {
            for (int i = 0; i < 150; i++)
            {
                await LogFolder.FillAsync(log, 20_000 + i, 40);
            }
        });
        do
        {
            LogPosition before = log.Committed;
            using LogFolder copy = folder.Copy();
            await using ReplicationLog other = copy.Open();
            Assert.Equal(before, other.PositionAt(before.Sequence));
        }
        while (!writer.IsCompleted);
        await writer.WaitAsync(LogFolder.Deadline);
    }

    /// <summary>A bit of every part of the committed log flipped, the last page not left out: it must not open.</summary>
    [Fact]
    public async Task Open_AnyCommittedBytesDamaged_Refuses()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        await LogFolder.FillAsync(log, 260_000, 260_000, 250_000, 100, 250_000, 200, 200_000, 10);
        Assert.True(File.Exists(folder.Segment(1)));
        foreach ((int segment, long offset) in (IEnumerable<(int, long)>)[(0, 64), (0, 70), (0, 400_000), (0, (1 << 19) + 10), (1, 0), (1, 5000)])
        {
            await AssertRefusedAsync(folder, copy => LogFolder.Flip(copy.Segment(segment), offset), "damaged");
        }

        long end = (await LastRecordEndAsync(folder)) - 1;
        await AssertRefusedAsync(folder, copy => LogFolder.Flip(copy.Segment((int)(end >> 20)), end & ((1 << 20) - 1)), "record 8 ");
    }

    [Fact]
    public async Task Open_LogShorterThanCommitted_Refuses()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        await LogFolder.FillAsync(log, 250_000, 250_000, 250_000, 250_000, 250_000, 10);
        await AssertRefusedAsync(folder, copy => File.Delete(copy.Segment(1)), "records up to 6 were committed");
        await AssertRefusedAsync(folder, copy => File.Delete(copy.Segment(0)), "record 1 ");
        await AssertRefusedAsync(folder, copy => File.WriteAllBytes(copy.Segment(1), File.ReadAllBytes(copy.Segment(1))[..^600]), "were committed");
        await AssertRefusedAsync(folder, copy => File.WriteAllBytes(copy.Segment(1), new byte[500_000]), "were committed");
    }

    [Fact]
    public async Task Open_NoReadableRecordOfWhatWasCommitted_Refuses()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        await LogFolder.FillAsync(log, 10, 20);
        await AssertRefusedAsync(folder, static copy => File.Delete(copy.Of("committed")), "not committed");
        await AssertRefusedAsync(folder, static copy => File.WriteAllBytes(copy.Of("committed"), []), "cannot be read");
        await AssertRefusedAsync(folder, static copy =>
        {
            LogFolder.Flip(copy.Of("committed"), 20);
            LogFolder.Flip(copy.Of("committed"), 4096 + 20);
        }, "cannot be read");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4096)]
    public async Task Open_OneOfTwoMarksDamaged_HoldsEverything(int slot)
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        for (int i = 0; i < 5; i++)
        {
            await LogFolder.FillAsync(log, i);
        }

        using LogFolder copy = folder.Copy();
        LogFolder.Flip(copy.Of("committed"), slot + 75);
        await using (ReplicationLog other = copy.Open())
        {
            Assert.Equal(log.Committed, other.Committed);
        }

        // The damaged slot was written again: the other may go now.
        LogFolder.Flip(copy.Of("committed"), 4096 - slot + 75);
        await using ReplicationLog again = copy.Open();
        Assert.Equal(log.Committed, again.Committed);
    }

    /// <summary>Records that FASTER wrote out before anybody committed them, with damage among them.</summary>
    [Fact]
    public async Task Open_DamageAboveWhatWasCommitted_CutsThereAndGoesOn()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        await LogFolder.FillAsync(log, 100);
        for (int i = 0; i < 40; i++)
        {
            log.Append(LogFolder.Draft(100_000, i), epoch: 1);
        }

        using LogFolder copy = folder.Copy();
        LogFolder.Flip(copy.Segment(0), 350_000);
        LogPosition kept;
        await using (ReplicationLog other = copy.Open())
        {
            kept = other.Committed;
            Assert.Equal(4UL, kept.Sequence);
            Assert.Equal(log.PositionAt(4), kept);
            Assert.False(File.Exists(copy.Segment(1)));

            // Other records than those that were cut take their place; nothing of the old ones may show behind them.
            await LogFolder.FillAsync(other, 10, 20);
        }

        await using (ReplicationLog again = copy.Open())
        {
            Assert.Equal(6UL, again.Committed.Sequence);
            Assert.Equal(kept, again.PositionAt(4));
            await LogFolder.FillAsync(again, Enumerable.Repeat(100_000, 30));
        }

        await using ReplicationLog last = copy.Open();
        Assert.Equal(36UL, last.Committed.Sequence);
    }

    [Fact]
    public async Task Open_TailTornAtEveryLength_HoldsWhatWasCommitted()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        await LogFolder.FillAsync(log, 10, 20);
        LogPosition before = log.Committed;
        byte[] marks = File.ReadAllBytes(folder.Of("committed"));
        long start = await LastRecordEndAsync(folder);
        await LogFolder.FillAsync(log, 30);
        byte[] whole = File.ReadAllBytes(folder.Segment(0));
        long end = await LastRecordEndAsync(folder);
        for (long length = start; length <= end; length++)
        {
            using LogFolder torn = new();
            File.WriteAllBytes(torn.Of("committed"), marks);
            File.WriteAllBytes(torn.Segment(0), [.. whole.AsSpan(0, (int)length), .. new byte[100]]);
            await using ReplicationLog other = torn.Open();

            // The last bytes may be padding, which is zero whether it was written or not.
            Assert.Equal(length >= end - 3 && other.Committed.Sequence == 3 ? log.Committed : before, other.Committed);
            Assert.Equal(other.Committed.Sequence + 1, other.Append(LogFolder.Draft(), epoch: 1).Sequence);
        }
    }

    [Fact]
    public async Task Read_BytesThatRottedWhileOpen_Throws()
    {
        using LogFolder folder = new();
        await using (ReplicationLog log = folder.Open())
        {
            await LogFolder.FillAsync(log, 1000, 1000);
        }

        await using ReplicationLog again = folder.Open();
        using (Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(folder.Segment(0), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            RandomAccess.Write(file, "rot"u8, 600);
        }

        LogDamagedException failure = Assert.Throws<LogDamagedException>(() => again.Read(1));
        Assert.Contains("record 1 ", failure.Message, StringComparison.Ordinal);
        Assert.Equal(2UL, ReplicationLogTests.Decode(again.Read(2)).Sequence);
    }

    [Fact]
    public async Task CommitAsync_DiskThatRefuses_ThrowsPlainlyAndTakesNothingMore()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        await LogFolder.FillAsync(log, 10);

        // A folder bears the next segment's name.
        Directory.CreateDirectory(folder.Segment(1));
        IOException failure = await Assert.ThrowsAsync<IOException>(async () =>
        {
            for (int i = 0; i < 40; i++)
            {
                log.Append(LogFolder.Draft(100_000, i), epoch: 1);
            }

            await log.CommitAsync(log.Appended, CancellationToken.None).WaitAsync(LogFolder.Deadline);
        }).WaitAsync(LogFolder.Deadline);
        Assert.Contains("replication log", failure.Message, StringComparison.Ordinal);
        Assert.Contains("segment-0000000001", failure.Message, StringComparison.Ordinal);
        Assert.Throws<IOException>(() => log.Append(LogFolder.Draft(), epoch: 1));
        await Assert.ThrowsAsync<IOException>(() => log.Follow().WaitCommittedAsync(3, CancellationToken.None).WaitAsync(LogFolder.Deadline));
        Assert.Equal(1UL, log.Committed.Sequence);
    }

    [Fact]
    public async Task Open_WhileAnotherHasIt_SaysSo()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        IOException failure = Assert.Throws<IOException>(() => folder.Open());
        Assert.Contains("in use", failure.Message, StringComparison.Ordinal);
    }

    private static async Task AssertRefusedAsync(LogFolder folder, Action<LogFolder> damage, string reason)
    {
        using LogFolder copy = folder.Copy();
        damage(copy);
        string[] before = [.. Directory.GetFiles(copy.Path).Order(StringComparer.Ordinal)];
        LogDamagedException failure = Assert.Throws<LogDamagedException>(() => copy.Open());
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.Contains("snapshots", failure.Message, StringComparison.Ordinal);
        Assert.Equal(before, Directory.GetFiles(copy.Path).Order(StringComparer.Ordinal).Where(static f => !f.EndsWith("/lock", StringComparison.Ordinal)));

        // Refused once, refused again: nothing was thrown away meanwhile.
        Assert.Throws<LogDamagedException>(() => copy.Open());
        await Task.CompletedTask;
    }

    /// <summary>Where the committed bytes end, as the mark of a copy says.</summary>
    private static async Task<long> LastRecordEndAsync(LogFolder folder)
    {
        using LogFolder copy = folder.Copy();
        await using ReplicationLog log = copy.Open();
        using CommitMarkFile marks = CommitMarkFile.Open(copy.Path);
        return marks.Last.EndAddress;
    }
}
