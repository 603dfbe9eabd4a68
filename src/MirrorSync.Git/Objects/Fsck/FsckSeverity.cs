namespace MirrorSync.Git.Objects.Fsck;

/// <summary>How git ranks an fsck message (git-fsck(1), fsck.h).</summary>
public enum FsckSeverity : byte
{
    /// <summary>Not reported, and no effect on the verdict.</summary>
    Ignore = 0,

    /// <summary>Reported as a warning, strict or not.</summary>
    Info = 1,

    /// <summary>Reported as a warning; as an error when strict.</summary>
    Warn = 2,

    /// <summary>Reported as an error: git refuses the pack.</summary>
    Error = 3,

    /// <summary>Reported as an error which configuration cannot lower.</summary>
    Fatal = 4,
}
