using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Storage.Files;

/// <summary>
/// The file calls that make a write survive a power loss. A file's bytes and its name in the folder are two things:
/// fsync(2) of the file keeps the first, fsync of the folder the second.
/// </summary>
public static partial class Durable
{
    private const int OpenFolder = 0x10000 | 0x80000; // O_RDONLY | O_DIRECTORY | O_CLOEXEC
    private const int Interrupted = 4; // EINTR
    private const int DontNeed = 4; // POSIX_FADV_DONTNEED

    /// <summary>fsync(2): the file's bytes and all of its metadata are on the disk when this returns.</summary>
    /// <exception cref="IOException">The disk refused; what was written before is then unknown, and must not be trusted.</exception>
    public static void SyncFile(SafeFileHandle file, DiskPart part = DiskPart.State)
    {
        DiskFaults.Before(part, DiskCall.Sync, file);
        Check(() => FSync(file), "fsync");
        DiskFaults.After(part, DiskCall.Sync, file);
    }

    /// <summary>fdatasync(2): the file's bytes, and its length if that grew. Cheaper than <see cref="SyncFile"/> for a
    /// file that is overwritten in place.</summary>
    /// <exception cref="IOException">The disk refused.</exception>
    public static void SyncData(SafeFileHandle file, DiskPart part = DiskPart.State)
    {
        DiskFaults.Before(part, DiskCall.Sync, file);
        Check(() => FDataSync(file), "fdatasync");
        DiskFaults.After(part, DiskCall.Sync, file);
    }

    /// <summary>Makes creations, renames and deletions in a folder durable.</summary>
    /// <exception cref="IOException">The folder is not there or the disk refused.</exception>
    public static void SyncFolder(string folder, DiskPart part = DiskPart.State)
    {
        DiskFaults.Before(part, DiskCall.SyncFolder, folder);
        using SafeFileHandle handle = Open(folder, OpenFolder);
        if (handle.IsInvalid)
        {
            throw Failure("open", folder);
        }

        Check(() => FSync(handle), $"fsync of folder {folder}");
        DiskFaults.After(part, DiskCall.SyncFolder, folder);
    }

    /// <summary>
    /// Replaces a file's content: whoever reads it, also after a power loss, sees all of the old or all of the new.
    /// </summary>
    /// <exception cref="IOException">The new content could not be made durable; the old one is still there.</exception>
    public static void ReplaceFile(string path, ReadOnlySpan<byte> bytes, DiskPart part = DiskPart.State)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        string temporary = Path.Combine(folder, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}.tmp");
        try
        {
            using (SafeFileHandle file = Disk.Open(part, temporary, FileMode.CreateNew, FileAccess.Write))
            {
                Disk.Write(part, file, bytes, 0);
                SyncFile(file, part);
            }

            Disk.Rename(part, temporary, path);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        SyncFolder(folder, part);
    }

    /// <summary>
    /// Lets the kernel forget the pages of a file that it takes for clean (posix_fadvise(2)), so that reading shows what the
    /// disk has. Best effort.
    /// </summary>
    internal static void DropCached(SafeFileHandle file) => _ = Advise(file, 0, 0, DontNeed);

    private static void Check(Func<int> call, string what)
    {
        while (call() != 0)
        {
            if (Marshal.GetLastPInvokeError() != Interrupted)
            {
                throw Failure(what, null);
            }
        }
    }

    private static IOException Failure(string what, string? path)
    {
        Win32Exception reason = new(Marshal.GetLastPInvokeError());
        return new IOException($"{what}{(path is null ? "" : $" of {path}")} failed: {reason.Message}", reason);
    }

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int FDataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, nint offset, nint length, int advice);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);
}
