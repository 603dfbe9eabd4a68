namespace MirrorSync.Replication.Primary.Notice;

/// <summary>
/// Stands in where no inotify instance is to be had: no event ever comes, and the scans do all the work. Each scan has
/// the notify folder listed, too.
/// </summary>
internal sealed class NoInotify : IInotify
{
    private readonly AutoResetEvent wake = new(initialState: false);

    /// <inheritdoc/>
    public int Add(byte[] path, WatchBits bits) => -Libc.NoEntry;

    /// <inheritdoc/>
    public void Remove(int watch)
    {
    }

    /// <inheritdoc/>
    public int Read(Span<byte> buffer) => 0;

    /// <inheritdoc/>
    public void Wait(bool forEvents, bool block) => wake.WaitOne(block ? Timeout.Infinite : 0);

    /// <inheritdoc/>
    public void Wake()
    {
        try
        {
            wake.Set();
        }
        catch (ObjectDisposedException)
        {
            // The watch has ended meanwhile: there is no one to wake.
        }
    }

    /// <inheritdoc/>
    public void Dispose() => wake.Dispose();
}
