namespace MirrorSync.Replication.Primary.Recovery;

/// <summary>Brings the repositories to the disk, once for all who ask while it is being done.</summary>
internal sealed class RootSync(CheckpointStore store) : IDisposable
{
    private readonly SemaphoreSlim syncing = new(1, 1);
    private long wanted;
    private long done;

    /// <inheritdoc/>
    public void Dispose() => syncing.Dispose();

    /// <summary>Completes once all that was written before the call is on the disk.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public async Task SyncAsync(CancellationToken cancellation)
    {
        long mine = Interlocked.Increment(ref wanted);
        await syncing.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            if (done < mine)
            {
                long shared = Interlocked.Read(ref wanted);
                store.SyncRoot();
                done = shared;
            }
        }
        finally
        {
            syncing.Release();
        }
    }
}
