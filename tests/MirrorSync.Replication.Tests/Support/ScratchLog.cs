using Microsoft.Extensions.Logging.Abstractions;
using MirrorSync.Storage.Log;
using MirrorSync.Testing;

namespace MirrorSync.Replication.Tests.Support;

/// <summary>A log and a spool in a temporary folder.</summary>
internal sealed class ScratchLog : IDisposable
{
    private readonly TempFolder folder = new();

    public ScratchLog()
    {
        Log = ReplicationLog.Open(new ReplicationLogOptions { Folder = folder["log"] }, NullLogger<ReplicationLog>.Instance);
        Spool = new Spool(folder["spool"], NullLogger<Spool>.Instance);
    }

    public string LogFolder => folder["log"];

    public string SpoolFolder => folder["spool"];

    public ReplicationLog Log { get; }

    public Spool Spool { get; }

    /// <summary>Appends a record without making it durable.</summary>
    public LogRecord Append(LogRecordDraft draft) => Log.Append(draft, epoch: 1);

    /// <summary>Appends records and makes them durable.</summary>
    public async Task<IReadOnlyList<LogRecord>> FillAsync(int count)
    {
        List<LogRecord> records = [.. Enumerable.Range(0, count).Select(_ => Append(Samples.Draft()))];
        await Log.CommitAsync(Log.Appended, CancellationToken.None);
        return records;
    }

    public void Dispose()
    {
        Log.DisposeAsync().AsTask().GetAwaiter().GetResult();
        folder.Dispose();
    }
}
