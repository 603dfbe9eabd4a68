using System.Buffers.Binary;
using Microsoft.Extensions.Logging;

namespace MirrorSync.Storage.Log;

/// <summary>
/// The replication log: the one class over FasterLog. Records are appended in memory, made durable by
/// <see cref="CommitAsync"/>, and read by their sequence.
/// </summary>
/// <remarks>
/// A commit is: FASTER writes its pages to the segment files, they are synced, and then a mark is written and synced
/// that says how far the log goes. So what the mark names is on the disk in full; when the log is opened it must be
/// there unharmed, or the log does not open. What lies above the mark was promised to nobody: it is kept as far as it
/// is good, and cut at the first byte that is not. Safe for use by many threads at once.
/// </remarks>
public sealed class ReplicationLog : IAsyncDisposable
{
    /// <summary>
    /// What is kept to be read without the disk. More than FASTER holds in memory, so that whatever is not in a file
    /// yet is found here.
    /// </summary>
    private const long RecentFactor = 2;

    private readonly ILogger<ReplicationLog> logger;
    private readonly int memorySizeBits;
    private readonly RecentRecords recent;
    private readonly SemaphoreSlim committing = new(1, 1);
    private readonly Lock gate = new();

    // Other ones after a failed write; see ReopenAsync.
    private OpenedLog opened;
    private LogTail tail;
    private ReachedSignal appendedSignal;
    private ReachedSignal committedSignal;
    private LogPosition @base;
    private LogPosition appended;
    private LogPosition committed;
    private long end;
    private Exception? unusable;

    private ReplicationLog(OpenedLog opened, LogTail tail, int memorySizeBits, ILogger<ReplicationLog> logger)
    {
        this.opened = opened;
        this.tail = tail;
        this.memorySizeBits = memorySizeBits;
        this.logger = logger;
        @base = opened.Base;
        appended = committed = opened.Last;
        end = opened.End;
        recent = new RecentRecords(RecentFactor << memorySizeBits);
        appendedSignal = new ReachedSignal(appended.Sequence);
        committedSignal = new ReachedSignal(committed.Sequence);
    }

    /// <summary>The position before the first record that is held.</summary>
    public LogPosition Base
    {
        get
        {
            lock (gate)
            {
                return @base;
            }
        }
    }

    /// <summary>
    /// Why nothing more is taken; null while all is well. <see cref="ReopenAsync"/> may help.
    /// </summary>
    public string? Problem
    {
        get
        {
            lock (gate)
            {
                return unusable?.Message;
            }
        }
    }

    /// <summary>The position of the last record, durable or not.</summary>
    public LogPosition Appended
    {
        get
        {
            lock (gate)
            {
                return appended;
            }
        }
    }

    /// <summary>The position of the last record that is durable.</summary>
    public LogPosition Committed
    {
        get
        {
            lock (gate)
            {
                return committed;
            }
        }
    }

    /// <summary>
    /// Opens the log in a folder, or begins one in an empty folder. Everything held is read and checked.
    /// </summary>
    /// <exception cref="LogDamagedException">What was committed is not there unharmed; nothing was changed.</exception>
    /// <exception cref="IOException">The folder cannot be used, or another process uses it.</exception>
    public static ReplicationLog Open(ReplicationLogOptions options, ILogger<ReplicationLog> logger)
    {
        OpenedLog opened = OpenedLog.Open(options, logger);
        try
        {
            return new ReplicationLog(opened, LogTail.Open(opened, options.MemorySizeBits), options.MemorySizeBits, logger);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Lets the log begin anew after a position: that of the snapshots a mirror was brought up by. What it held is given
    /// up. Durable at once.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The log is beyond that position.</exception>
    /// <exception cref="IOException">It could not be written.</exception>
    public void StartAt(LogPosition position)
    {
        committing.Wait();
        try
        {
            lock (gate)
            {
                ThrowIfUnusable();
                ArgumentOutOfRangeException.ThrowIfLessThan(position.Sequence, appended.Sequence);
                opened.Marks.Write(position, end, position, end);
                opened.Bodies.Drop(appended.Sequence);
                opened.Addresses.Clear();
                recent.Clear();
                @base = appended = committed = position;
                opened.Files.RemoveBelow(end);
            }
        }
        finally
        {
            committing.Release();
        }

        appendedSignal.Advance(position.Sequence);
        committedSignal.Advance(position.Sequence);
    }

    /// <summary>The bytes that the held records take, those of their spooled bodies not counted.</summary>
    public long HeldBytes
    {
        get
        {
            lock (gate)
            {
                return end - opened.Marks.Last.StartAddress;
            }
        }
    }

    /// <summary>The spooled bodies that the held records name.</summary>
    public IReadOnlyCollection<SpooledBody> Bodies
    {
        get
        {
            lock (gate)
            {
                return opened.Bodies.All;
            }
        }
    }

    /// <summary>Gives up the records up to a sequence: the log begins after it. Durable when it returns.</summary>
    /// <param name="sequence">At most that of <see cref="Committed"/>. Nothing happens when it is not above <see cref="Base"/>.</param>
    /// <param name="cancellation">Ends the wait for a commit.</param>
    /// <returns>The spooled bodies that no record names any more.</returns>
    /// <exception cref="LogDamagedException">The record at the sequence cannot be read.</exception>
    /// <exception cref="IOException">It could not be written.</exception>
    public async Task<IReadOnlyList<SpooledBody>> TruncateAsync(ulong sequence, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sequence, Committed.Sequence);
        await committing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (sequence <= Base.Sequence || PositionAt(sequence) is not { } position)
            {
                return [];
            }

            lock (gate)
            {
                ThrowIfUnusable();
                int dropped = (int)(sequence - @base.Sequence);

                // Not where the next record is, when that one is not committed: the log would begin behind its end.
                long start = sequence == committed.Sequence ? opened.Marks.Last.EndAddress : opened.Addresses[dropped];
                opened.Marks.Write(position, start, committed, opened.Marks.Last.EndAddress);
                opened.Addresses.RemoveRange(0, dropped);
                @base = position;
                opened.Files.RemoveBelow(start);
                return opened.Bodies.Drop(sequence);
            }
        }
        finally
        {
            committing.Release();
        }
    }

    /// <summary>Gives a record the next place in the log. It is not durable yet.</summary>
    /// <exception cref="ArgumentException">The draft says what no record may say.</exception>
    /// <exception cref="LogOrderException">The epoch is lower than the last record's.</exception>
    /// <exception cref="IOException">The log could not be written, now or before.</exception>
    public LogRecord Append(LogRecordDraft draft, ulong epoch)
    {
        LogRecord? record;
        ReachedSignal signal;
        lock (gate)
        {
            ThrowIfUnusable();
            signal = appendedSignal;
            byte[] bytes = LogRecordCodec.Encode(draft, epoch, appended.Sequence + 1, appended.Chain);
            if (!LogRecordCodec.TryDecode(bytes, out record, out string? error))
            {
                throw new InvalidOperationException($"the record that was just written cannot be read: {error}");
            }

            Add(record, bytes);
        }

        signal.Advance(record.Sequence);
        return record;
    }

    /// <summary>Appends a record that the primary wrote, byte for byte. It is not durable yet.</summary>
    /// <param name="record">The record as decoded from the bytes.</param>
    /// <param name="bytes">Its bytes; they must not change any more.</param>
    /// <exception cref="LogOrderException">It is not exactly the next one: sequence, chain, or a lower epoch.</exception>
    /// <exception cref="IOException">The log could not be written, now or before.</exception>
    public void AppendExact(LogRecord record, ReadOnlyMemory<byte> bytes)
    {
        if (!LogRecordCodec.TryCheckFrame(bytes.Span, out string? error) || SequenceOf(bytes.Span) != record.Sequence)
        {
            throw new ArgumentException($"the bytes are not those of record {record.Sequence}: {error}", nameof(bytes));
        }

        ReachedSignal signal;
        lock (gate)
        {
            ThrowIfUnusable();
            signal = appendedSignal;
            Add(record, bytes);
        }

        signal.Advance(record.Sequence);
    }

    /// <summary>
    /// Makes every record up to the position durable. Callers that come while a commit runs share the next one.
    /// </summary>
    /// <param name="position">That of a record that was appended, or of what was there before.</param>
    /// <param name="cancellation">Ends the wait for an earlier commit; a commit that has begun is seen through.</param>
    /// <exception cref="IOException">The disk refused: the log then takes nothing more until it is opened again, as nobody
    /// knows what the disk holds. Or that has happened since, and the record was cut.</exception>
    public async Task CommitAsync(LogPosition position, CancellationToken cancellation)
    {
        if (Committed.Sequence < position.Sequence)
        {
            await committing.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                if (Committed.Sequence < position.Sequence)
                {
                    await CommitAppendedAsync().ConfigureAwait(false);
                }
            }
            finally
            {
                committing.Release();
            }
        }

        // In this order: what is committed is never cut. The chain tells a record from another that took its place.
        if (Committed.Sequence < position.Sequence || PositionAt(position.Sequence) != position)
        {
            throw new IOException(
                $"{position} is not in the replication log in {opened.Folder}: what was not committed was cut after a failed write, and is to be appended anew");
        }
    }

    /// <summary>The bytes of a record, checked against their CRC; they must not be changed.</summary>
    /// <param name="sequence">Above that of <see cref="Base"/>, at most that of <see cref="Appended"/>.</param>
    /// <exception cref="LogDamagedException">The disk does not give back what was written.</exception>
    /// <exception cref="LogTruncatedException">The record is no longer held.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such record; it may have been cut by <see cref="ReopenAsync"/>.</exception>
    public ReadOnlyMemory<byte> Read(ulong sequence)
    {
        while (true)
        {
            long address;
            OpenedLog from;
            lock (gate)
            {
                ThrowIfTruncated(sequence);
                ArgumentOutOfRangeException.ThrowIfGreaterThan(sequence, appended.Sequence);

                // Those are the bytes that the CRC was checked over when they came; memory needs no second look.
                if (recent.TryGet(sequence, out ReadOnlyMemory<byte> known))
                {
                    return known;
                }

                from = opened;
                address = from.Addresses[(int)(sequence - @base.Sequence) - 1];
            }

            string? error = null;
            try
            {
                if (LogScan.TryReadAt(from.Files, address, out byte[]? bytes, out error) && SequenceOf(bytes) == sequence)
                {
                    return bytes;
                }
            }
            catch (ObjectDisposedException) when (IsReplaced(from))
            {
                // It is read from what took its place.
            }

            lock (gate)
            {
                // It may have been given up while it was read.
                ThrowIfTruncated(sequence);
            }

            if (!IsReplaced(from))
            {
                throw new LogDamagedException(
                    $"record {sequence} at address {address} of the log in {from.Folder} is damaged: {error ?? "it is another record"}");
            }
        }
    }

    /// <summary>The position that the log had reached with a record; null when the log does not hold it. Base counts as held.</summary>
    /// <exception cref="LogDamagedException">The record is held, but damaged.</exception>
    public LogPosition? PositionAt(ulong sequence)
    {
        lock (gate)
        {
            if (sequence == @base.Sequence || sequence == appended.Sequence)
            {
                return sequence == appended.Sequence ? appended : @base;
            }

            if (sequence < @base.Sequence || sequence > appended.Sequence)
            {
                return null;
            }
        }

        ReadOnlyMemory<byte> bytes;
        try
        {
            bytes = Read(sequence);
        }
        catch (Exception gone) when (gone is ArgumentOutOfRangeException or LogTruncatedException)
        {
            // Since just now.
            return null;
        }

        return LogRecordCodec.TryDecode(bytes, out LogRecord? record, out string? error)
            ? record.Position : throw new LogDamagedException($"record {sequence} of the log in {opened.Folder} is damaged: {error}");
    }

    /// <summary>
    /// Begins to follow the log from here on. When the log is reopened, what had been appended and not committed gives way to
    /// other records: whoever follows is ended then, and must not mix the two.
    /// </summary>
    public LogFollower Follow()
    {
        lock (gate)
        {
            return new LogFollower(appendedSignal, committedSignal);
        }
    }

    /// <summary>
    /// After a failed write or sync: closes what is open and takes the log up again at its last commit, in place. That sync
    /// is not tried again, for after a failed one the kernel calls pages clean that never reached the disk: what was not
    /// committed is cut off, and whoever appended it has to append it anew. Nothing happens while all is well.
    /// </summary>
    /// <exception cref="IOException">The disk fails still; another try may help.</exception>
    /// <exception cref="ObjectDisposedException">The log was closed.</exception>
    public async Task ReopenAsync(CancellationToken cancellation)
    {
        await committing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            lock (gate)
            {
                if (unusable is null)
                {
                    return;
                }

                ObjectDisposedException.ThrowIf(unusable is ObjectDisposedException, this);
                OpenedLog again = opened.Reopen(logger);
                LogTail next;
                try
                {
                    next = LogTail.Open(again, memorySizeBits);
                }
                catch
                {
                    again.Close();
                    throw;
                }

                tail.Dispose();
                opened.Close();
                (opened, tail) = (again, next);
                recent.Clear();
                @base = again.Base;
                appended = committed = again.Last;
                end = again.End;
                appendedSignal = new ReachedSignal(appended.Sequence);
                committedSignal = new ReachedSignal(committed.Sequence);
                unusable = null;
            }
        }
        finally
        {
            committing.Release();
        }
    }

    /// <summary>Closes the log. Records that were not committed may be lost.</summary>
    public async ValueTask DisposeAsync()
    {
        await committing.WaitAsync().ConfigureAwait(false);
        try
        {
            lock (gate)
            {
                if (unusable is ObjectDisposedException)
                {
                    return;
                }

                unusable = new ObjectDisposedException(nameof(ReplicationLog));
                tail.Dispose();
                opened.Dispose();
            }
        }
        finally
        {
            committing.Release();
        }

        appendedSignal.End(unusable);
        committedSignal.End(unusable);
    }

    private static ulong SequenceOf(ReadOnlySpan<byte> record) =>
        BinaryPrimitives.ReadUInt64LittleEndian(record[LogRecordCodec.SequenceAt..]);

    /// <summary>True when the log was taken up again since.</summary>
    private bool IsReplaced(OpenedLog from)
    {
        lock (gate)
        {
            return !ReferenceEquals(from, opened);
        }
    }

    private void Add(LogRecord record, ReadOnlyMemory<byte> bytes)
    {
        if (LogScan.WhyNotNext(appended, record) is { } reason)
        {
            throw new LogOrderException(reason);
        }

        long address;
        try
        {
            address = tail.Append(bytes.Span);
        }
        catch (IOException failure)
        {
            throw Break("written", failure);
        }

        opened.Addresses.Add(address);
        recent.Add(record.Sequence, bytes);
        opened.Bodies.Add(record);
        end = LogScan.EndOf(address, bytes.Length);
        appended = record.Position;
    }

    private async Task CommitAppendedAsync()
    {
        LogPosition target;
        long targetEnd;
        lock (gate)
        {
            ThrowIfUnusable();
            target = appended;
            targetEnd = end;
        }

        try
        {
            await tail.FlushAsync(targetEnd).ConfigureAwait(false);
            opened.Files.Sync();
            opened.Marks.Write(target, targetEnd);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            lock (gate)
            {
                throw Break("committed", failure);
            }
        }

        lock (gate)
        {
            committed = target;
        }

        committedSignal.Advance(target.Sequence);
    }

    /// <summary>After a failed write nobody knows what the disk holds: the log takes nothing more.</summary>
    private Exception Break(string what, Exception failure)
    {
        unusable ??= new IOException($"the replication log in {opened.Folder} could not be {what}: {failure.Message}", failure);
        appendedSignal.End(unusable);
        committedSignal.End(unusable);
        return unusable;
    }

    private void ThrowIfTruncated(ulong sequence)
    {
        if (sequence <= @base.Sequence)
        {
            throw new LogTruncatedException(sequence, @base);
        }
    }

    private void ThrowIfUnusable()
    {
        if (unusable is not null)
        {
            throw unusable;
        }
    }
}
