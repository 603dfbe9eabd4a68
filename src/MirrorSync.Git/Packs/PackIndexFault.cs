namespace MirrorSync.Git.Packs;

/// <summary>What is wrong with a pack's index.</summary>
public enum PackIndexFault
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Shorter than any index.</summary>
    Truncated,

    /// <summary>A version other than 1 and 2.</summary>
    Version,

    /// <summary>The fan-out table goes down.</summary>
    Fanout,

    /// <summary>The file is not as long as its number of objects wants.</summary>
    Length,
}
