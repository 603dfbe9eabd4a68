namespace MirrorSync.Git.Packs;

/// <summary>What is wrong with a multi-pack-index.</summary>
public enum MultiPackIndexFault
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>The bytes end before the index does.</summary>
    Truncated,

    /// <summary>It does not begin as one.</summary>
    Signature,

    /// <summary>A version other than 1.</summary>
    Version,

    /// <summary>Its ids are those of the other object format.</summary>
    ObjectFormat,

    /// <summary>It is a layer of a chain of indexes.</summary>
    Chain,

    /// <summary>A chunk that is needed is not there, there twice, out of bounds or of a wrong length.</summary>
    Chunks,

    /// <summary>The fan-out table goes down.</summary>
    Fanout,

    /// <summary>The names of the packs are not as many as announced, empty, or no names.</summary>
    PackNames,
}
