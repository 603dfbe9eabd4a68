using System.Runtime.InteropServices;

namespace MirrorSync.Storage.Processes;

/// <summary>
/// Work that is to be in nobody's way: lowest processor priority and, where the disk's scheduler knows classes, disk access
/// only when nobody else wants it (ioprio_set(2)). On a thread of its own, which ends with the work: none of our threads can
/// go back to a higher priority. Threads and processes that it starts inherit both.
/// </summary>
internal static partial class BackgroundPriority
{
    private const int Lowest = 19;
    private const int PriorityOfProcess = 0; // PRIO_PROCESS; of a thread on Linux
    private const int IoPriorityOfProcess = 1; // IOPRIO_WHO_PROCESS
    private const int IdleClass = 3 << 13; // IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT

    // ioprio_set has no wrapper in the C library (x86-64, arm64).
    private static readonly nint IoPrioritySet = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 30 : 251;

    /// <summary>Does the work; what it throws is thrown by the task.</summary>
    public static Task<T> RunAsync<T>(Func<T> work)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Thread thread = new(() =>
        {
            try
            {
                // Lowering oneself needs no right; where a sandbox forbids it all the same, this runs as any other thread.
                _ = SetPriority(PriorityOfProcess, 0, Lowest);
                _ = SystemCall(IoPrioritySet, IoPriorityOfProcess, 0, IdleClass);
                done.SetResult(work());
            }
            catch (OperationCanceledException cancelled)
            {
                done.SetCanceled(cancelled.CancellationToken);
            }
            catch (Exception failure)
            {
                done.SetException(failure);
            }
        })
        {
            IsBackground = true,
            Name = "background work",
        };
        thread.Start();
        return done.Task;
    }

    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    private static partial int SetPriority(int which, int who, int priority);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint which, nint who, nint priority);
}
