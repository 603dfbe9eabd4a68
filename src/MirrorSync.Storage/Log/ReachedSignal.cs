namespace MirrorSync.Storage.Log;

/// <summary>Lets many wait until a growing number reaches theirs.</summary>
internal sealed class ReachedSignal(ulong reached)
{
    private readonly Lock gate = new();
    private ulong reached = reached;
    private Exception? ended;
    private TaskCompletionSource next = New();

    /// <summary>Wakes those that wait for this number or a lower one.</summary>
    public void Advance(ulong to)
    {
        TaskCompletionSource done;
        lock (gate)
        {
            if (to <= reached)
            {
                return;
            }

            reached = to;
            done = next;
            next = New();
        }

        done.TrySetResult();
    }

    /// <summary>Ends every wait that is not over, now and later, with the reason.</summary>
    public void End(Exception reason)
    {
        TaskCompletionSource done;
        lock (gate)
        {
            ended ??= reason;
            done = next;
        }

        done.TrySetResult();
    }

    /// <summary>Completes with how far it is by then.</summary>
    public async Task<ulong> WaitAsync(ulong wanted, CancellationToken cancellation)
    {
        while (true)
        {
            Task change;
            lock (gate)
            {
                if (reached >= wanted)
                {
                    return reached;
                }

                if (ended is not null)
                {
                    throw ended;
                }

                change = next.Task;
            }

            await change.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
