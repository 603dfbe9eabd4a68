using System.Text;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>Absolute paths as the kernel takes them: bytes that end in NUL.</summary>
internal static class BytePath
{
    /// <summary>The UTF-8 bytes of a path without a trailing slash.</summary>
    public static byte[] Of(string path)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(path) + 1];
        Encoding.UTF8.GetBytes(path, bytes);
        return bytes;
    }

    /// <summary>A path below a folder.</summary>
    public static byte[] Below(byte[] folder, ReadOnlySpan<byte> name)
    {
        byte[] path = new byte[folder.Length + 1 + name.Length];
        folder.AsSpan(0, folder.Length - 1).CopyTo(path);
        path[folder.Length - 1] = (byte)'/';
        name.CopyTo(path.AsSpan(folder.Length));
        return path;
    }

    /// <summary>True for the folder itself and all below it.</summary>
    public static bool IsWithin(byte[] path, byte[] folder)
    {
        int length = folder.Length - 1;
        return path.AsSpan().StartsWith(folder.AsSpan(0, length)) && path[length] is 0 or (byte)'/';
    }

    /// <summary>The path as text; bytes that are not UTF-8 show as U+FFFD and no longer name the folder.</summary>
    public static string Text(byte[] path) => Encoding.UTF8.GetString(path, 0, path.Length - 1);

    /// <summary>The path with all symbolic links followed, without the NUL; null when it does not exist.</summary>
    public static string? Physical(string path)
    {
        byte[] resolved = new byte[Libc.PathMax];
        return Libc.RealPath(Of(path), resolved) == 0
            ? null
            : Encoding.UTF8.GetString(resolved, 0, Array.IndexOf(resolved, (byte)0));
    }
}
