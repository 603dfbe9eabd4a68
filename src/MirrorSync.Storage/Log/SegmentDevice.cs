using FASTER.core;

namespace MirrorSync.Storage.Log;

/// <summary>
/// FASTER's view of the <see cref="SegmentFiles"/>. Both calls do their work before they return: a write goes to the
/// page cache only, as the log syncs once per commit. So FASTER's own O_SYNC device is not used.
/// </summary>
internal sealed class SegmentDevice(SegmentFiles files, string name, int segmentSizeBits)
    : StorageDeviceBase(name, SectorBytes, CapacityUnlimited)
{
    private const uint SectorBytes = 512;
    private const long CapacityUnlimited = -1;

    /// <summary>The first write that failed; FASTER itself keeps only a number.</summary>
    public Exception? Failure { get; private set; }

    public override unsafe void WriteAsync(
        IntPtr sourceAddress, int segmentId, ulong destinationAddress, uint numBytesToWrite, DeviceIOCompletionCallback callback, object context)
    {
        uint error = 0;
        try
        {
            files.Write(AddressOf(segmentId, destinationAddress), new ReadOnlySpan<byte>((void*)sourceAddress, checked((int)numBytesToWrite)));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            Failure ??= failure;
            error = 1;
        }

        callback(error, numBytesToWrite, context);
    }

    public override unsafe void ReadAsync(
        int segmentId, ulong sourceAddress, IntPtr destinationAddress, uint readLength, DeviceIOCompletionCallback callback, object context)
    {
        uint error = 0;
        try
        {
            files.Read(AddressOf(segmentId, sourceAddress), new Span<byte>((void*)destinationAddress, checked((int)readLength)));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            Failure ??= failure;
            error = 1;
        }

        callback(error, readLength, context);
    }

    /// <summary>The log's own class removes segments; FASTER never does.</summary>
    public override void RemoveSegmentAsync(int segment, AsyncCallback callback, IAsyncResult result) => callback(result);

    /// <summary>The files belong to the log's own class.</summary>
    public override void Dispose()
    {
    }

    private long AddressOf(int segment, ulong offset) => ((long)segment << segmentSizeBits) + (long)offset;
}

/// <summary>
/// Tells FASTER where the log ends that was checked before it, and keeps nothing of its own: what was committed is
/// kept by <see cref="CommitMarkFile"/>. So FASTER's recovery can neither fail quietly nor pick an older log.
/// </summary>
internal sealed class KnownEnd(long beginAddress, long endAddress) : ILogCommitManager
{
    private const long OnlyCommit = 1;

    public void Commit(long beginAddress, long untilAddress, byte[] commitMetadata, long commitNum, bool forceWriteMetadata)
    {
    }

    public byte[] GetCommitMetadata(long commitNum) => new FasterLogRecoveryInfo
    {
        BeginAddress = beginAddress,
        UntilAddress = endAddress,
        CommitNum = OnlyCommit,
    }.ToByteArray();

    public IEnumerable<long> ListCommits() => [OnlyCommit];

    public void RemoveCommit(long commitNum)
    {
    }

    public void RemoveAllCommits()
    {
    }

    public void OnRecovery(long commitNum)
    {
    }

    public void Dispose()
    {
    }
}
