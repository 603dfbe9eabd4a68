namespace MirrorSync.Daemon.Hosting;

/// <summary>Writing of files that others read while we run.</summary>
internal static class SmallFiles
{
    /// <summary>Puts the bytes into place by a rename, after they are on disk: a reader sees the old file or the new one.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> bytes)
    {
        string temporary = path + ".new";
        using (FileStream file = new(temporary, FileMode.Create, FileAccess.Write, FileShare.Read))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }
}
