using System.Runtime.InteropServices;

namespace MirrorSync.Storage.Files;

/// <summary>What a path shows that once was a folder.</summary>
public enum FolderPresence
{
    /// <summary>There is nothing of that name.</summary>
    Gone,

    /// <summary>There is something.</summary>
    Present,

    /// <summary>It cannot be told: no permission, a disk that fails.</summary>
    Unknown,
}

/// <summary>
/// Tells a folder from every other of its file system, over renames and restarts. An inode's number is given to the next
/// folder as soon as it is free, so the moment of its creation belongs to it (statx(2), stx_btime); the number of the
/// device does not, for it changes over reboots.
/// </summary>
/// <param name="Inode">Its inode.</param>
/// <param name="Born">When it was made, in nanoseconds since 1970 on the file system's clock.</param>
public readonly record struct FolderIdentity(ulong Inode, long Born)
{
    /// <summary>Looks at a path; a symbolic link is not followed.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="identity">Its identity; null where it is no folder, or the file system knows no time of creation.</param>
    public static unsafe FolderPresence Look(string path, out FolderIdentity? identity)
    {
        LibC.StatXBuffer stat;
        identity = null;
        if (LibC.StatX(LibC.CurrentFolder, path, LibC.NoFollow, LibC.BasicStats | LibC.BirthTime, &stat) < 0)
        {
            return (Errno)Marshal.GetLastPInvokeError() is Errno.NotFound or Errno.NotFolder
                ? FolderPresence.Gone : FolderPresence.Unknown;
        }

        if (stat.Mode >> 12 == (int)FileKind.Folder && (stat.Mask & LibC.BirthTime) != 0)
        {
            identity = new FolderIdentity(stat.Inode, (stat.BornSeconds * 1_000_000_000) + stat.BornNanoseconds);
        }

        return FolderPresence.Present;
    }
}
