namespace MirrorSync.Git.Sketches;

/// <summary>Why the difference of two sketches cannot be named.</summary>
public enum SketchFault
{
    /// <summary>It can.</summary>
    None = 0,

    /// <summary>
    /// The cells are not those of a difference of two sets: an id peels twice or more ids than there are cells, or cells
    /// are left when cell 0 is empty. The other side is damaged, lies, or has another key.
    /// </summary>
    Inconsistent,

    /// <summary>More cells would be needed than the limit allows.</summary>
    TooManyDifferences,
}
