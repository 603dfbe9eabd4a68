namespace MirrorSync.Replication.Mirror;

/// <summary>Lets others wait until something that changes now and then is as they want it. Any thread.</summary>
internal sealed class ChangeSignal
{
    private readonly Lock gate = new();
    private TaskCompletionSource? next;

    /// <summary>It changed: whoever waits looks again.</summary>
    public void Changed()
    {
        TaskCompletionSource? done;
        lock (gate)
        {
            done = next;
            next = null;
        }

        done?.TrySetResult();
    }

    /// <summary>Completes when the condition, asked at first and after every change, holds.</summary>
    public async Task WaitAsync(Func<bool> condition, CancellationToken cancellation)
    {
        while (true)
        {
            Task changed;
            lock (gate)
            {
                // Before the question: a change behind it completes this task.
                next ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                changed = next.Task;
            }

            if (condition())
            {
                return;
            }

            await changed.WaitAsync(cancellation).ConfigureAwait(false);
        }
    }
}
