using MirrorSync.Storage.Log;

namespace MirrorSync.Storage.Tests.Log;

public sealed class ReplicationLogTests
{
    [Fact]
    public async Task Open_AfterCommitAndDispose_HoldsEveryRecord()
    {
        using LogFolder folder = new();
        List<byte[]> written = [];
        LogPosition last;
        await using (ReplicationLog log = folder.Open())
        {
            for (int i = 0; i < 300; i++)
            {
                LogRecord record = log.Append(LogFolder.Draft(i * 97, i), epoch: 1);
                written.Add(log.Read(record.Sequence).ToArray());
                if (i % 7 == 0)
                {
                    await log.CommitAsync(record.Sequence, CancellationToken.None);
                }
            }

            await log.CommitAsync(300, CancellationToken.None);
            last = log.Committed;
        }

        await using ReplicationLog again = folder.Open();
        Assert.Equal(last, again.Committed);
        Assert.Equal(last, again.Appended);
        for (int i = 0; i < written.Count; i++)
        {
            Assert.Equal(written[i], again.Read((ulong)i + 1).ToArray());
        }

        LogRecord next = again.Append(LogFolder.Draft(), epoch: 1);
        await again.CommitAsync(next.Sequence, CancellationToken.None);
        Assert.Equal(301UL, again.Committed.Sequence);
    }
}
