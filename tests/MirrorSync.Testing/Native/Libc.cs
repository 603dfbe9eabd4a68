using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Testing.Native;

/// <summary>The few Linux calls that .NET does not offer and that the harness needs.</summary>
internal static partial class Libc
{
    public const short PollIn = 1;
    public const short PollOut = 4;
    public const int SigTerm = 15;
    public const int SigKill = 9;
    public const int SigStop = 19;
    public const int SigContinue = 18;

    private const int DescriptorLimit = 7;
    private const int TimerSlack = 29;
    private const int AtFdCwd = -100;
    private const int AtSymlinkNoFollow = 0x100;
    private const uint BasicStats = 0x7ff;
    private const uint BirthTime = 0x800;

    /// <summary>Sends a signal to one process.</summary>
    public static void Signal(int process, int signal) => _ = Kill(process, signal);

    /// <summary>Sets a running process's soft limit of descriptors (RLIMIT_NOFILE), to its hard one when null.</summary>
    public static void LimitDescriptors(int process, ulong? soft)
    {
        // struct rlimit: soft, hard.
        Span<ulong> limit = stackalloc ulong[2];
        ref ulong first = ref MemoryMarshal.GetReference(limit);
        if (GetLimit(process, DescriptorLimit, 0, ref first) == 0)
        {
            limit[0] = soft ?? limit[1];
            _ = SetLimit(process, DescriptorLimit, ref first, 0);
        }
    }

    /// <summary>
    /// A network does not compete with its nodes for the CPU: a thread that stands for one is woken to the
    /// nanosecond asked for, and first where that is allowed (without the right the calls change nothing).
    /// </summary>
    public static void PreferThisThread()
    {
        _ = Prctl(TimerSlack, 1, 0, 0, 0);
        _ = SetPriority(0, 0, -15);
    }

    /// <summary>Inode and ctime of a path, symbolic links not followed.</summary>
    /// <exception cref="FileNotFoundException">The path cannot be looked at.</exception>
    public static FileFacts Stat(string path)
    {
        // struct statx is the same on every architecture: stx_ino at 32, stx_ctime at 96 (statx(2)).
        Span<byte> buffer = stackalloc byte[256];
        if (Statx(AtFdCwd, path, AtSymlinkNoFollow, BasicStats, ref MemoryMarshal.GetReference(buffer)) != 0)
        {
            throw new FileNotFoundException($"cannot look at {path} (errno {Marshal.GetLastPInvokeError()})", path);
        }

        ulong inode = MemoryMarshal.Read<ulong>(buffer[32..]);
        long seconds = MemoryMarshal.Read<long>(buffer[96..]);
        uint nanoseconds = MemoryMarshal.Read<uint>(buffer[104..]);
        DateTimeOffset changed = DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(nanoseconds / 100);
        return new FileFacts(inode, changed);
    }

    /// <summary>Mode, inode and time of creation of a path, symbolic links not followed.</summary>
    /// <exception cref="FileNotFoundException">The path cannot be looked at.</exception>
    public static (ushort Mode, ulong Inode, long Born) Identify(string path)
    {
        Span<byte> buffer = stackalloc byte[256];
        if (Statx(AtFdCwd, path, AtSymlinkNoFollow, BasicStats | BirthTime, ref MemoryMarshal.GetReference(buffer)) != 0)
        {
            throw new FileNotFoundException($"cannot look at {path} (errno {Marshal.GetLastPInvokeError()})", path);
        }

        long born = (MemoryMarshal.Read<long>(buffer[80..]) * 1_000_000_000) + MemoryMarshal.Read<uint>(buffer[88..]);
        return (MemoryMarshal.Read<ushort>(buffer[28..]), MemoryMarshal.Read<ulong>(buffer[32..]), born);
    }

    /// <summary>Opens a file for reading, whoever has locked it.</summary>
    /// <exception cref="FileNotFoundException">It cannot be opened.</exception>
    public static SafeFileHandle OpenRead(string path)
    {
        SafeFileHandle file = Open(path, 0x80000); // O_RDONLY | O_CLOEXEC
        return file.IsInvalid ? throw new FileNotFoundException($"cannot open {path} (errno {Marshal.GetLastPInvokeError()})", path) : file;
    }

    [LibraryImport("libc", EntryPoint = "ppoll", SetLastError = true)]
    public static partial int Poll(Span<PollEntry> entries, nuint count, in TimeSpec timeout, nint signals);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(SafeHandle descriptor, Span<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(SafeHandle descriptor, in ulong buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "inotify_init1", SetLastError = true)]
    public static partial int InotifyInit(int flags);

    [LibraryImport("libc", EntryPoint = "inotify_add_watch", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int InotifyAdd(SafeHandle queue, string path, uint mask);

    [LibraryImport("libc", EntryPoint = "inotify_rm_watch", SetLastError = true)]
    public static partial int InotifyRemove(SafeHandle queue, int watch);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "prlimit64", SetLastError = true)]
    private static partial int GetLimit(int process, int resource, nint none, ref ulong old);

    [LibraryImport("libc", EntryPoint = "prlimit64", SetLastError = true)]
    private static partial int SetLimit(int process, int resource, ref ulong now, nint none);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int Prctl(int option, nuint a, nuint b, nuint c, nuint d);

    [LibraryImport("libc", EntryPoint = "setpriority", SetLastError = true)]
    private static partial int SetPriority(int which, uint who, int priority);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, ref byte buffer);

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    /// <summary>struct timespec of 64-bit Linux.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public readonly struct TimeSpec(long seconds, long nanoseconds)
    {
        public readonly long Seconds = seconds;
        public readonly long Nanoseconds = nanoseconds;
    }
}
