using System.Diagnostics;

namespace MirrorSync.Testing;

/// <summary>Waits for things that happen by themselves. The deadline only guards against a hang.</summary>
public static class Patience
{
    /// <summary>How long anything may take before the wait is given up.</summary>
    public static TimeSpan Deadline { get; } = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(15);

    /// <summary>Asks again and again until the answer is yes.</summary>
    /// <param name="condition">Returns null when what is waited for is there, otherwise what is still missing.</param>
    /// <param name="what">What is waited for, for the message.</param>
    /// <param name="evidence">More for the message: a log's tail, for example.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="TimeoutException">It did not come about within <see cref="Deadline"/>.</exception>
    public static async Task UntilAsync(
        Func<CancellationToken, Task<string?>> condition, string what, Func<string>? evidence = null, CancellationToken cancellation = default)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (await condition(cancellation).ConfigureAwait(false) is { } missing)
        {
            if (watch.Elapsed > Deadline)
            {
                throw new TimeoutException(
                    $"waited {Deadline.TotalSeconds:0} s for {what}: {missing}{Environment.NewLine}{evidence?.Invoke()}");
            }

            await Task.Delay(Pause, TimeProvider.System, cancellation).ConfigureAwait(false);
        }
    }
}
