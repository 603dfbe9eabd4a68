using FASTER.core;

namespace MirrorSync.Storage.Log;

/// <summary>FASTER's side of a log: takes entries at its end and brings them to the segment files.</summary>
/// <remarks>Its owner lets one append at a time, and one flush.</remarks>
internal sealed class LogTail : IDisposable
{
    private readonly SegmentDevice device;
    private readonly FasterLog faster;

    private LogTail(SegmentDevice device, FasterLog faster)
    {
        this.device = device;
        this.faster = faster;
    }

    /// <summary>The first write that failed; null while all is well.</summary>
    public Exception? Failure => device.Failure;

    /// <summary>Lets FASTER take up the log where it was found to end.</summary>
    /// <exception cref="LogDamagedException">It cannot.</exception>
    public static LogTail Open(OpenedLog opened, int memorySizeBits)
    {
        SegmentDevice device = new(opened.Files, opened.Folder, opened.SegmentSizeBits);
        FasterLog? faster = null;
        try
        {
            faster = new FasterLog(
                new FasterLogSettings
                {
                    LogDevice = device,
                    LogCommitManager = new KnownEnd(LogScan.FirstAddress, opened.End),
                    PageSizeBits = opened.PageSizeBits,
                    MemorySizeBits = memorySizeBits,
                    SegmentSizeBits = opened.SegmentSizeBits,
                    TryRecoverLatest = false,
                },
                null);
            if (opened.End > LogScan.FirstAddress)
            {
                faster.Recover();
            }

            if (faster.TailAddress != opened.End || faster.BeginAddress != LogScan.FirstAddress)
            {
                throw new LogDamagedException(
                    $"the log in {opened.Folder} ends at {opened.End}, but FASTER took it up at {faster.BeginAddress} to {faster.TailAddress}");
            }

            return new LogTail(device, faster);
        }
        catch (Exception failure)
        {
            faster?.Dispose();
            throw failure is FasterException
                ? new LogDamagedException($"FASTER cannot take up the log in {opened.Folder}: {failure.Message}", failure) : failure;
        }
    }

    /// <summary>Adds an entry and returns its address.</summary>
    /// <exception cref="IOException">An earlier write failed: nothing more is taken, for FASTER would wait for that one.</exception>
    public long Append(ReadOnlySpan<byte> entry)
    {
        if (device.Failure is { } failed)
        {
            throw new IOException(failed.Message, failed);
        }

        try
        {
            return faster.Enqueue(entry);
        }
        catch (FasterException failure)
        {
            throw new IOException(failure.Message, failure);
        }
    }

    /// <summary>Hands all entries below an address to the segment files. They are not synced yet.</summary>
    /// <exception cref="IOException">A write failed.</exception>
    public async Task FlushAsync(long end)
    {
        try
        {
            await faster.CommitAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (FasterException failure)
        {
            throw new IOException((device.Failure ?? failure).Message, failure);
        }

        if (device.Failure is { } failed)
        {
            throw new IOException(failed.Message, failed);
        }

        if (faster.CommittedUntilAddress < end)
        {
            throw new IOException($"FASTER wrote up to {faster.CommittedUntilAddress}, not to {end}");
        }
    }

    public void Dispose() => faster.Dispose();
}
