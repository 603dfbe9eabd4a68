using MirrorSync.Storage.Log;
using MirrorSync.Testing.Faults;

namespace MirrorSync.Storage.Tests.Log;

/// <summary>Every step of a log fails once, in every way; when the fault is over the log goes on in place.</summary>
public sealed class LogFaultTests
{
    public static TheoryData<string, DiskError> Steps
    {
        get
        {
            TheoryData<string, DiskError> steps = [];
            foreach (string name in (string[])["Log.Open", "Log.Write", "Log.Sync", "Log.SyncFolder", "CommitMark.Write", "CommitMark.Sync"])
            {
                foreach (DiskError error in Enum.GetValues<DiskError>())
                {
                    steps.Add(name, error);
                }
            }

            return steps;
        }
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public async Task Reopen_AfterAFailedStep_GoesOnFromTheLastCommit(string name, DiskError error)
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        await LogFolder.FillAsync(log, 100, 250_000);
        LogPosition committed = log.Committed;
        byte[] second = log.Read(2).ToArray();
        using DiskErrors disk = new(folder.Path);
        LogFollower follower = log.Follow();
        Task<ulong> waiting = follower.WaitCommittedAsync(3, CancellationToken.None);

        disk.Fail(name, error);
        Assert.Null(log.Problem);
        await Assert.ThrowsAnyAsync<IOException>(() => LogFolder.FillAsync(log, 250_000, 250_000, 250_000, 250_000, 10).WaitAsync(LogFolder.Deadline));
        Assert.NotNull(log.Problem);
        Assert.True(disk.Failed > 0);

        // What was committed is read on, and nothing more is taken.
        Assert.Equal(committed, log.Committed);
        Assert.Equal(second, log.Read(2).ToArray());
        Assert.Throws<IOException>(() => log.Append(LogFolder.Draft(), epoch: 1));
        await Assert.ThrowsAsync<IOException>(() => waiting.WaitAsync(LogFolder.Deadline));

        disk.Heal();
        await log.ReopenAsync(CancellationToken.None);
        Assert.Null(log.Problem);
        Assert.Equal((committed, committed), (log.Appended, log.Committed));
        Assert.Equal(second, log.Read(2).ToArray());
        await LogFolder.FillAsync(log, 7, 250_000);
        Assert.Equal(4UL, log.Committed.Sequence);

        // Who followed before must not be told of what came instead.
        await Assert.ThrowsAsync<IOException>(() => follower.WaitCommittedAsync(3, CancellationToken.None).WaitAsync(LogFolder.Deadline));
        Assert.Equal(4UL, await log.Follow().WaitCommittedAsync(3, CancellationToken.None).WaitAsync(LogFolder.Deadline));
        LogPosition end = log.Committed;
        await log.DisposeAsync();
        await using ReplicationLog again = folder.Open();
        Assert.Equal(end, again.Committed);
    }

    [Fact]
    public async Task Reopen_WhileTheDiskFailsStill_RefusesAndHelpsLater()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        await LogFolder.FillAsync(log, 100);
        using DiskErrors disk = new(folder.Path);
        disk.Fail(static _ => true, DiskError.ReadOnly);
        await Assert.ThrowsAnyAsync<IOException>(() => LogFolder.FillAsync(log, 10));
        for (int i = 0; i < 3; i++)
        {
            await Assert.ThrowsAnyAsync<IOException>(() => log.ReopenAsync(CancellationToken.None));
        }

        Assert.NotNull(log.Problem);
        disk.Heal();
        await log.ReopenAsync(CancellationToken.None);
        await LogFolder.FillAsync(log, 10);
        Assert.Equal(2UL, log.Committed.Sequence);
    }

    [Fact]
    public async Task CommitAsync_RecordThatAReopenCut_IsNotConfirmed()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        await LogFolder.FillAsync(log, 100);
        using DiskErrors disk = new(folder.Path);
        LogRecord cut = log.Append(LogFolder.Draft(seed: 2), epoch: 1);
        disk.Fail("Log.Sync", DiskError.Broken);
        await Assert.ThrowsAnyAsync<IOException>(() => log.CommitAsync(log.Appended, CancellationToken.None));
        disk.Heal();
        await log.ReopenAsync(CancellationToken.None);

        // Whoever appended it comes only now: nothing is in its place, then another that is not durable, then is.
        await Assert.ThrowsAsync<IOException>(() => log.CommitAsync(cut.Position, CancellationToken.None));
        LogRecord other = log.Append(LogFolder.Draft(seed: 3), epoch: 1);
        Assert.Equal(cut.Sequence, other.Sequence);
        await Assert.ThrowsAsync<IOException>(() => log.CommitAsync(cut.Position, CancellationToken.None));
        await log.CommitAsync(other.Position, CancellationToken.None);
        await Assert.ThrowsAsync<IOException>(() => log.CommitAsync(cut.Position, CancellationToken.None));
        Assert.Null(log.Problem);
    }

    [Fact]
    public async Task Append_AfterAWriteFailedUnderIt_DoesNotWaitForRoomForEver()
    {
        using LogFolder folder = new();
        await using ReplicationLog log = folder.Open();
        using DiskErrors disk = new(folder.Path);
        disk.Fail("Log.Write", DiskError.Full);
        Task filling = Task.Run(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                log.Append(LogFolder.Draft(250_000, i), epoch: 1);
            }
        });
        await Assert.ThrowsAsync<IOException>(() => filling.WaitAsync(LogFolder.Deadline));
    }
}
