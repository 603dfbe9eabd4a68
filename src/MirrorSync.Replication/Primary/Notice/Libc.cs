using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>The Linux calls behind the watch. Paths are bytes that end in NUL, since names need not be UTF-8.</summary>
internal static partial class Libc
{
    public const int NoEntry = 2; // ENOENT
    public const int NoProcess = 3; // ESRCH
    public const int Interrupted = 4; // EINTR
    public const int Again = 11; // EAGAIN
    public const int NotFolder = 20; // ENOTDIR
    public const int NoSpace = 28; // ENOSPC: for inotify the limit of watches

    public const int CloseOnExec = 0x80000; // O_CLOEXEC, IN_CLOEXEC, EFD_CLOEXEC
    public const int NonBlocking = 0x800; // O_NONBLOCK, IN_NONBLOCK, EFD_NONBLOCK
    public const int PathMax = 4096;
    public const short PollIn = 1;

    private const int OpenFolder = 0x10000; // O_DIRECTORY
    private const int OpenNoFollow = 0x20000; // O_NOFOLLOW

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    /// <summary>Opens a folder to list it; invalid when it is none or is gone.</summary>
    public static SafeFileHandle OpenToList(byte[] path) => Open(path, OpenFolder | CloseOnExec);

    /// <summary>Opens a file to read it, without waiting for a writer should it be a pipe, and no symbolic link.</summary>
    public static SafeFileHandle OpenToRead(byte[] path) => Open(path, OpenNoFollow | NonBlocking | CloseOnExec);

    [LibraryImport("libc", EntryPoint = "inotify_init1", SetLastError = true)]
    public static partial SafeFileHandle InotifyInit(int flags);

    [LibraryImport("libc", EntryPoint = "inotify_add_watch", SetLastError = true)]
    public static partial int InotifyAdd(SafeFileHandle inotify, byte[] path, uint mask);

    [LibraryImport("libc", EntryPoint = "inotify_rm_watch", SetLastError = true)]
    public static partial int InotifyRemove(SafeFileHandle inotify, int watch);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial SafeFileHandle EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(Span<PollEntry> entries, nuint count, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(SafeFileHandle file, Span<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(SafeFileHandle file, ReadOnlySpan<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "getdents64", SetLastError = true)]
    public static partial nint GetEntries(SafeFileHandle folder, Span<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "realpath", SetLastError = true)]
    public static partial nint RealPath(byte[] path, Span<byte> resolved);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true)]
    public static partial int Link(byte[] existing, byte[] created);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial SafeFileHandle Open(byte[] path, int flags);
}
