using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Storage.Files;

/// <summary>Files that exist only as long as they are open: whatever becomes of the process, nothing is left.</summary>
public static class NamelessFile
{
    /// <summary>Makes an empty file for reading and writing on the file system of a folder.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static SafeFileHandle Create(string folder)
    {
        string path = Path.Combine(folder, $"incoming-{Guid.NewGuid():N}");
        SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        File.Delete(path);
        return file;
    }
}
