namespace MirrorSync.Storage.Log;

/// <summary>
/// Reads a log from its first record to its last committed one and checks each, without taking it: the daemon may write
/// to it all the while.
/// </summary>
public sealed class LogReader : IDisposable
{
    private readonly string folder;
    private readonly CommitMark mark;
    private readonly SegmentFiles files;

    private LogReader(string folder, CommitMark mark)
    {
        this.folder = folder;
        this.mark = mark;
        files = new SegmentFiles(folder, mark.SegmentSizeBits, FileAccess.Read);
    }

    /// <summary>The position before the first record.</summary>
    public LogPosition Base => mark.Base;

    /// <summary>The last record that was committed when the log was opened.</summary>
    public LogPosition Committed => mark.Committed;

    /// <summary>The bytes of all records.</summary>
    public long TotalBytes => mark.EndAddress - mark.StartAddress;

    /// <summary>How many of them have been read.</summary>
    public long ReadBytes { get; private set; }

    /// <summary>Opens the log in a folder.</summary>
    /// <exception cref="LogDamagedException">The record of what was committed cannot be read.</exception>
    /// <exception cref="IOException">There is no log, or it cannot be read.</exception>
    public static LogReader Open(string folder) => CommitMarkFile.Exists(folder)
        ? new LogReader(folder, CommitMarkFile.Read(folder)) : throw new FileNotFoundException($"there is no replication log in {folder}");

    /// <summary>The records in their order, each checked: CRC, sequence, chain and epoch.</summary>
    /// <exception cref="LogDamagedException">A record is damaged or missing, or the log does not end where it should.</exception>
    /// <exception cref="LogTruncatedException">The daemon gave up what was still to be read.</exception>
    public IEnumerable<LogRecord> Read()
    {
        LogScan scan = new(files, mark.PageSizeBits, mark.Base, mark.StartAddress);
        while (scan.Position.Sequence < mark.Committed.Sequence)
        {
            if (!scan.TryNext(mark.EndAddress, out long address))
            {
                LogPosition begin = CommitMarkFile.Read(folder).Base;
                throw begin.Sequence > scan.Position.Sequence
                    ? new LogTruncatedException(scan.Position.Sequence + 1, begin)
                    : new LogDamagedException(
                        $"record {scan.Position.Sequence + 1} at address {address} of the log in {folder} is damaged or missing: {scan.Error}");
            }

            ReadBytes = scan.End - mark.StartAddress;
            yield return scan.Record!;
        }

        if (scan.Position != mark.Committed)
        {
            throw new LogDamagedException($"the log in {folder} reaches {scan.Position}, but {mark.Committed} was committed");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => files.Dispose();
}
