namespace MirrorSync.Storage.Log;

/// <summary>Waits for what a log takes, until that log is closed or reopened. Any thread.</summary>
public sealed class LogFollower
{
    private readonly ReachedSignal appended;
    private readonly ReachedSignal committed;

    internal LogFollower(ReachedSignal appended, ReachedSignal committed)
    {
        this.appended = appended;
        this.committed = committed;
    }

    /// <summary>Completes when the record is appended.</summary>
    /// <exception cref="ObjectDisposedException">The log was closed before.</exception>
    /// <exception cref="IOException">The log could not be written before.</exception>
    public Task WaitAppendedAsync(ulong sequence, CancellationToken cancellation) => appended.WaitAsync(sequence, cancellation);

    /// <summary>Completes when the record is durable.</summary>
    /// <returns>The sequence of the last record that is.</returns>
    /// <exception cref="ObjectDisposedException">The log was closed before.</exception>
    /// <exception cref="IOException">A commit failed before.</exception>
    public Task<ulong> WaitCommittedAsync(ulong sequence, CancellationToken cancellation) => committed.WaitAsync(sequence, cancellation);
}
