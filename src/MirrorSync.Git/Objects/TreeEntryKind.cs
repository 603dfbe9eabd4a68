namespace MirrorSync.Git.Objects;

/// <summary>What a tree entry names, by the four type bits of its mode.</summary>
public enum TreeEntryKind : byte
{
    /// <summary>A blob that is a file.</summary>
    File,

    /// <summary>A blob that is the target of a symbolic link.</summary>
    Symlink,

    /// <summary>Another tree.</summary>
    Tree,

    /// <summary>
    /// A commit of another repository, which need not be here. git takes every unknown type for one of these
    /// (<c>canon_mode</c>), and so follows no such entry.
    /// </summary>
    Gitlink,
}
