namespace MirrorSync.Storage.Files;

/// <summary>What a path names, from the file type bits of its mode (inode(7)).</summary>
internal enum FileKind
{
    /// <summary>A device, a pipe, a socket, or not told.</summary>
    Other = 0,

    /// <summary>A folder.</summary>
    Folder = 4,

    /// <summary>A plain file.</summary>
    File = 8,

    /// <summary>A symbolic link.</summary>
    Link = 10,
}

/// <summary>What stat tells of a file: equal stamps, once settled, mean an unchanged file.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Device">The file system that it is on.</param>
/// <param name="Inode">Its inode there; reused once it is deleted.</param>
/// <param name="Length">Its length in bytes.</param>
/// <param name="Modified">When its content last changed: nanoseconds since 1970 on the file system's clock.</param>
/// <param name="Changed">When its inode last changed, by a rename too: nanoseconds since 1970.</param>
internal readonly record struct FileStamp(FileKind Kind, ulong Device, ulong Inode, long Length, long Modified, long Changed)
{
    private const long SettledAfter = 1_000_000_000;

    /// <summary>The stamp of nothing.</summary>
    public static FileStamp None => default;

    /// <summary>
    /// True when a file that was read at the given moment can be known again by its stamp. One that changed less than a
    /// second before may change once more without a new stamp: file times tick in milliseconds (on some file systems in
    /// seconds), lengths of loose refs are all the same, and inodes are reused (git's racy-git rule). A time in the
    /// future never settles.
    /// </summary>
    /// <param name="readAt">The clock before the file was opened.</param>
    public bool IsSettledAt(DateTimeOffset readAt)
    {
        long nanoseconds = (readAt - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
        return nanoseconds - Math.Max(Modified, Changed) > SettledAfter;
    }
}

/// <summary>One name in a folder.</summary>
/// <param name="Name">Its bytes, in no particular encoding.</param>
/// <param name="Kind">What it is; <see cref="FileKind.Other"/> also where the file system does not tell.</param>
internal readonly record struct FolderEntry(byte[] Name, FileKind Kind);
