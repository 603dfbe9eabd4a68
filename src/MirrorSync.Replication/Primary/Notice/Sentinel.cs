using Microsoft.Extensions.Logging;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>
/// The marker file in the root whose touch shows that the watch is alive and read up to then. Any thread.
/// </summary>
internal sealed class Sentinel(string path, TimeProvider time, ILogger logger)
{
    private readonly Lock gate = new();
    private SentinelTouch last;
    private bool failed;

    /// <summary>Sets the file's modification time. Where that fails no <see cref="Looked"/> will come of it.</summary>
    public void Touch()
    {
        lock (gate)
        {
            long before = time.GetTimestamp();
            try
            {
                File.SetLastWriteTimeUtc(path, time.GetUtcNow().UtcDateTime);
                last = new SentinelTouch(last.Number + 1, before);
                failed = false;
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                if (!failed)
                {
                    failed = true;
                    NoticeLog.SentinelFailed(logger, path, failure.Message);
                }
            }
        }
    }

    /// <summary>
    /// The last touch. Its event is in the kernel's queue already, since this is read under the lock under which the
    /// file is touched.
    /// </summary>
    public SentinelTouch LastTouch
    {
        get
        {
            lock (gate)
            {
                return last;
            }
        }
    }
}

/// <summary>One touch of the sentinel.</summary>
/// <param name="Number">Counts the touches that succeeded; 0 before the first.</param>
/// <param name="At">The time provider's timestamp from right before it.</param>
internal readonly record struct SentinelTouch(long Number, long At);
