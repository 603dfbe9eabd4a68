namespace MirrorSync.Storage.Files;

/// <summary>Whose bytes a step to the disk concerns.</summary>
public enum DiskPart
{
    /// <summary>The segments of the replication log.</summary>
    Log,

    /// <summary>Our own record of what was committed to the log.</summary>
    CommitMark,

    /// <summary>Record bodies in the spool.</summary>
    Spool,

    /// <summary>Packs and their indexes.</summary>
    Pack,

    /// <summary>packed-refs, HEAD and symbolic refs.</summary>
    Refs,

    /// <summary>Checkpoints and other files that say how things stand.</summary>
    State,

    /// <summary>A repository's folder as a whole: installed, renamed, put aside.</summary>
    Folder,
}

/// <summary>What is done.</summary>
public enum DiskCall
{
    /// <summary>A file is opened to be written; made, if it is not there.</summary>
    Open,

    /// <summary>Bytes are written to a file.</summary>
    Write,

    /// <summary>A file is made shorter or longer.</summary>
    Resize,

    /// <summary>A file's bytes are brought to the disk (fsync, fdatasync).</summary>
    Sync,

    /// <summary>A folder's names are brought to the disk.</summary>
    SyncFolder,

    /// <summary>All of a file system is brought to the disk.</summary>
    SyncFileSystem,

    /// <summary>A file or folder gets another name.</summary>
    Rename,

    /// <summary>Two folders change names.</summary>
    Exchange,

    /// <summary>A name is removed.</summary>
    Remove,
}

/// <summary>One step towards the disk: what a test can let fail.</summary>
/// <param name="Part">Whose bytes.</param>
/// <param name="Call">What is done.</param>
/// <param name="Path">To which file or folder, absolute; the old name of a rename.</param>
/// <param name="Offset">Of a write: from which byte on; 0 of all else, and where it is not known.</param>
/// <param name="Length">Of a write: how many bytes; the largest number where it is not known.</param>
public readonly record struct DiskStep(DiskPart Part, DiskCall Call, string Path, long Offset = 0, long Length = long.MaxValue)
{
    /// <summary>The operation's name, <c>Log.Sync</c> for example.</summary>
    public string Name => $"{Part}.{Call}";
}
