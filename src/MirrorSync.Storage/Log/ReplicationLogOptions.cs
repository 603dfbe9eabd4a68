namespace MirrorSync.Storage.Log;

/// <summary>
/// Where the log lies and how it is cut. Sizes are powers of two, given by their exponent. Page and segment size count
/// for a new log only: an existing one keeps those that it was made with.
/// </summary>
public sealed record ReplicationLogOptions
{
    /// <summary>The folder; it belongs to one log of one process.</summary>
    public required string Folder { get; init; }

    /// <summary>log2 of a page's bytes, 19 to 26: a record must fit in a page.</summary>
    public int PageSizeBits { get; init; } = 20;

    /// <summary>log2 of the bytes held in memory, at least two pages.</summary>
    public int MemorySizeBits { get; init; } = 23;

    /// <summary>log2 of one file's bytes, at least one page, at most 30.</summary>
    public int SegmentSizeBits { get; init; } = 26;
}
