using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Storage.Files;

/// <summary>What is done to folders as a whole and .NET has no call for.</summary>
public static class Folders
{
    /// <summary>Lets two folders of one file system change places, in one step (renameat2(2), RENAME_EXCHANGE).</summary>
    /// <exception cref="IOException">One of them is missing, or the file system cannot.</exception>
    public static void Exchange(string a, string b)
    {
        DiskFaults.Before(DiskPart.Folder, DiskCall.Exchange, a);
        if (LibC.RenameAt2(LibC.CurrentFolder, a, LibC.CurrentFolder, b, LibC.ExchangeNames) < 0)
        {
            throw NativeFile.Failure("exchange", $"{a} and {b}", (Errno)Marshal.GetLastPInvokeError());
        }

        DiskFaults.After(DiskPart.Folder, DiskCall.Exchange, a);
    }

    /// <summary>Gives a folder another name.</summary>
    /// <exception cref="IOException">It is missing, there is something of the new name, or the disk failed.</exception>
    public static void Move(string from, string to)
    {
        DiskFaults.Before(DiskPart.Folder, DiskCall.Rename, from);
        Directory.Move(from, to);
        DiskFaults.After(DiskPart.Folder, DiskCall.Rename, from);
    }

    /// <summary>Brings all that was written to the file system of a folder to the disk (syncfs(2)).</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="failed">Told when the disk failed; not when the folder could not be opened, for then nothing was tried.</param>
    /// <exception cref="IOException">The folder is missing, or the disk failed.</exception>
    public static void SyncFileSystem(string folder, Action? failed = null)
    {
        using SafeFileHandle handle = NativeFile.OpenFolder(folder);
        try
        {
            DiskFaults.Before(DiskPart.Folder, DiskCall.SyncFileSystem, folder);
            if (LibC.SyncFileSystem(handle) < 0)
            {
                throw NativeFile.Failure("syncfs", folder, (Errno)Marshal.GetLastPInvokeError());
            }
        }
        catch
        {
            failed?.Invoke();
            throw;
        }

        DiskFaults.After(DiskPart.Folder, DiskCall.SyncFileSystem, folder);
    }
}
