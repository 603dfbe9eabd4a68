using MirrorSync.Testing.Native;

namespace MirrorSync.Testing;

/// <summary>What a file system says of a file.</summary>
/// <param name="Inode">Its inode: another one means another file or folder.</param>
/// <param name="Changed">When its inode last changed (a rename counts), on the system's clock.</param>
public readonly record struct FileFacts(ulong Inode, DateTimeOffset Changed)
{
    /// <summary>Looks at a path; symbolic links are not followed.</summary>
    /// <exception cref="FileNotFoundException">The path cannot be looked at.</exception>
    public static FileFacts Of(string path) => Libc.Stat(path);
}
