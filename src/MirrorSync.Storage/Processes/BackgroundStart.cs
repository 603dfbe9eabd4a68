using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MirrorSync.Storage.Processes;

/// <summary>
/// Starts processes that are to be in nobody's way: lowest processor priority and, where the disk's scheduler knows
/// classes, disk access only when nobody else wants it (ioprio_set(2)).
/// </summary>
/// <remarks>
/// A thread of its own takes the priorities and starts the process, which inherits them: from its first instruction on,
/// and its children too. None of our own threads can go back to a higher priority, so that one ends afterwards.
/// </remarks>
internal static partial class BackgroundStart
{
    private const int Lowest = 19;
    private const int PriorityOfProcess = 0; // PRIO_PROCESS; of a thread on Linux
    private const int IoPriorityOfProcess = 1; // IOPRIO_WHO_PROCESS
    private const int IdleClass = 3 << 13; // IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT

    // ioprio_set has no wrapper in the C library (x86-64, arm64).
    private static readonly nint IoPrioritySet = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 30 : 251;

    /// <summary>Starts the process; what starting throws is thrown here.</summary>
    public static Process? Start(ProcessStartInfo start)
    {
        Process? started = null;
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                // Lowering oneself needs no right; where a sandbox forbids it all the same, the process runs as any other.
                _ = SetPriority(PriorityOfProcess, 0, Lowest);
                _ = SystemCall(IoPrioritySet, IoPriorityOfProcess, 0, IdleClass);
                started = Process.Start(start);
            }
            catch (Exception e)
            {
                failure = e;
            }
        })
        {
            IsBackground = true,
            Name = "background start",
        };
        thread.Start();
        thread.Join();
        if (failure is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
        }

        return started;
    }

    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    private static partial int SetPriority(int which, int who, int priority);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint which, nint who, nint priority);
}
