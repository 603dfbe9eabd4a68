using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Storage.Files;

/// <summary>.NET's file calls by which something is written, each a step that a test can let fail.</summary>
internal static class Disk
{
    public static SafeFileHandle Open(
        DiskPart part, string path, FileMode mode, FileAccess access, FileShare share = FileShare.Read, FileOptions options = FileOptions.None)
    {
        DiskFaults.Before(part, DiskCall.Open, path);
        SafeFileHandle file = File.OpenHandle(path, mode, access, share, options);
        DiskFaults.After(part, DiskCall.Open, path);
        return file;
    }

    public static void Write(DiskPart part, SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset)
    {
        DiskFaults.Before(part, DiskCall.Write, file, offset, bytes.Length);
        RandomAccess.Write(file, bytes, offset);
        DiskFaults.After(part, DiskCall.Write, file, offset, bytes.Length);
    }

    public static async ValueTask WriteAsync(
        DiskPart part, SafeFileHandle file, ReadOnlyMemory<byte> bytes, long offset, CancellationToken cancellation)
    {
        DiskFaults.Before(part, DiskCall.Write, file, offset, bytes.Length);
        await RandomAccess.WriteAsync(file, bytes, offset, cancellation).ConfigureAwait(false);
        DiskFaults.After(part, DiskCall.Write, file, offset, bytes.Length);
    }

    public static void Resize(DiskPart part, SafeFileHandle file, long length)
    {
        DiskFaults.Before(part, DiskCall.Resize, file);
        RandomAccess.SetLength(file, length);
        DiskFaults.After(part, DiskCall.Resize, file);
    }

    /// <summary>Gives a file another name; one that has that name is replaced.</summary>
    public static void Rename(DiskPart part, string from, string to)
    {
        DiskFaults.Before(part, DiskCall.Rename, from);
        File.Move(from, to, overwrite: true);
        DiskFaults.After(part, DiskCall.Rename, from);
    }

    public static void Remove(DiskPart part, string path)
    {
        DiskFaults.Before(part, DiskCall.Remove, path);
        File.Delete(path);
        DiskFaults.After(part, DiskCall.Remove, path);
    }
}
