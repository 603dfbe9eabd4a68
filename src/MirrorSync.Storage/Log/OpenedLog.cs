using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Log;

/// <summary>
/// The log's files, opened, checked against our own record of what was committed, and cut behind the last good record.
/// </summary>
internal sealed partial class OpenedLog : IDisposable
{
    private const string LockName = "lock";

    private readonly FileStream exclusive;

    private OpenedLog(string folder, FileStream exclusive, CommitMarkFile marks)
    {
        Folder = folder;
        this.exclusive = exclusive;
        Marks = marks;
        Files = new SegmentFiles(folder, SegmentSizeBits);
    }

    public string Folder { get; }

    public CommitMarkFile Marks { get; }

    public SegmentFiles Files { get; }

    public int PageSizeBits => Marks.Last.PageSizeBits;

    public int SegmentSizeBits => Marks.Last.SegmentSizeBits;

    /// <summary>The addresses of all records, the first one's first.</summary>
    public List<long> Addresses { get; } = [];

    public LogPosition Base => Marks.Last.Base;

    /// <summary>The spooled bodies that the records name.</summary>
    public NamedBodies Bodies { get; } = new();

    /// <summary>The position of the last record.</summary>
    public LogPosition Last { get; private set; }

    /// <summary>The address behind it.</summary>
    public long End { get; private set; }

    /// <summary>1. take the folder, 2. read our own record, 3. check what it names, 4. take up what lies above, 5. cut the rest.</summary>
    public static OpenedLog Open(ReplicationLogOptions options, ILogger logger)
    {
        CheckOptions(options);
        string folder = Path.GetFullPath(options.Folder);
        if (!Directory.Exists(folder))
        {
            Directory.CreateDirectory(folder);
            Durable.SyncFolder(Path.GetDirectoryName(folder) ?? "/", DiskPart.Log);
        }

        FileStream exclusive = Take(folder);
        CommitMarkFile? marks = null;
        OpenedLog? opened = null;
        try
        {
            marks = OpenMarks(folder, options);
            opened = new OpenedLog(folder, exclusive, marks);
            opened.Check(logger, takeUp: true);
            return opened;
        }
        catch (Exception failure)
        {
            opened?.Files.Dispose();
            marks?.Dispose();
            exclusive.Dispose();
            if (failure is not LogDamagedException)
            {
                throw;
            }

            throw new LogDamagedException(
                $"{failure.Message}. Nothing was changed. On a mirror, move {folder} away and start again: it is brought up by snapshots. "
                + "On the primary, put a copy of the folder back.", failure);
        }
    }

    /// <summary>
    /// Takes the same log up again after a failed write, at the last mark that is known to be durable; the folder stays
    /// taken. What lies above was promised to nobody, and may be on no disk: it is cut.
    /// </summary>
    /// <exception cref="IOException">The disk fails still.</exception>
    public OpenedLog Reopen(ILogger logger)
    {
        CommitMarkFile marks = CommitMarkFile.Open(Folder, Marks.Last);
        OpenedLog again = new(Folder, exclusive, marks);
        try
        {
            again.Files.DropCached();
            again.Check(logger, takeUp: false);
            return again;
        }
        catch
        {
            again.Close();
            throw;
        }
    }

    /// <summary>Closes the files; the folder stays taken.</summary>
    public void Close()
    {
        Files.Dispose();
        Marks.Dispose();
    }

    public void Dispose()
    {
        Close();
        exclusive.Dispose();
    }

    private static void CheckOptions(ReplicationLogOptions options)
    {
        if (options.PageSizeBits is < 19 or > 26 || options.SegmentSizeBits is > 30 || options.SegmentSizeBits < options.PageSizeBits
            || options.MemorySizeBits <= options.PageSizeBits || options.MemorySizeBits > 30)
        {
            throw new ArgumentException(
                $"a log of page 2^{options.PageSizeBits}, memory 2^{options.MemorySizeBits} and segment 2^{options.SegmentSizeBits} bytes cannot be", nameof(options));
        }
    }

    private static FileStream Take(string folder)
    {
        try
        {
            return new FileStream(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException failure) when (failure is not FileNotFoundException and not DirectoryNotFoundException)
        {
            throw new IOException($"the replication log in {folder} is in use by another process: {failure.Message}", failure);
        }
    }

    private static CommitMarkFile OpenMarks(string folder, ReplicationLogOptions options)
    {
        if (!CommitMarkFile.Exists(folder))
        {
            if (SegmentFiles.AnyIn(folder))
            {
                throw new LogDamagedException($"{folder} holds a log, but not {CommitMarkFile.FileName}, the record of what was committed to it");
            }

            CommitMarkFile.Create(folder, new CommitMark(
                0, LogPosition.Origin, LogPosition.Origin, LogScan.FirstAddress, LogScan.FirstAddress, (byte)options.PageSizeBits, (byte)options.SegmentSizeBits));
        }

        return CommitMarkFile.Open(folder);
    }

    private void Check(ILogger logger, bool takeUp)
    {
        CommitMark mark = Marks.Last;
        LogScan scan = new(Files, PageSizeBits, mark.Base, mark.StartAddress);
        long limit = Files.End;
        while (scan.Position.Sequence < mark.Committed.Sequence)
        {
            if (!scan.TryNext(limit, out long address))
            {
                throw new LogDamagedException(
                    $"record {scan.Position.Sequence + 1} at address {address} of the log in {Folder} is damaged or missing ({scan.Error}), "
                    + $"but records up to {mark.Committed.Sequence} were committed");
            }

            Take(scan, address);
        }

        if (scan.Position != mark.Committed || scan.End != mark.EndAddress)
        {
            throw new LogDamagedException(
                $"the log in {Folder} reaches {scan.Position} at address {scan.End}, but {mark.Committed} at {mark.EndAddress} was committed");
        }

        if (Marks.OneSlotBad)
        {
            LogBadSlot(logger, Folder, scan.Position);
        }

        while (takeUp && scan.TryNext(limit, out long address))
        {
            Take(scan, address);
        }

        if (Files.HoldsAnythingFrom(scan.End))
        {
            LogCut(logger, Folder, scan.Position, scan.Error);
        }

        Files.RemoveBelow(mark.StartAddress);

        // Gone for good, not only passed over: nothing of it may stand behind what is appended next.
        Files.CutAt(scan.End);
        if (scan.Position != mark.Committed || Marks.OneSlotBad)
        {
            LogTakenUp(logger, Folder, mark.Committed, scan.Position);
            Files.WriteAgain(mark.EndAddress, scan.End);
            Marks.Write(scan.Position, scan.End);
        }

        Last = scan.Position;
        End = scan.End;
    }

    private void Take(LogScan scan, long address)
    {
        Addresses.Add(address);
        Bodies.Add(scan.Record!);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "One of two slots of the record of what was committed to {Folder} was damaged; went on from {Position}")]
    private static partial void LogBadSlot(ILogger logger, string folder, LogPosition position);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Cut the log in {Folder} behind {Position}: bytes that were never committed follow ({Reason})")]
    private static partial void LogCut(ILogger logger, string folder, LogPosition position, string? reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Took up the log in {Folder} from {Committed} to {Position}")]
    private static partial void LogTakenUp(ILogger logger, string folder, LogPosition committed, LogPosition position);
}
