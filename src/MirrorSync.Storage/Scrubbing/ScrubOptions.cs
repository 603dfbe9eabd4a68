namespace MirrorSync.Storage.Scrubbing;

/// <summary>How a repository is scrubbed.</summary>
public sealed record ScrubOptions
{
    /// <summary>Threads that inflate, resolve and hash: 1 or more.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Memory for contents that may yet serve as bases of deltas, in bytes.</summary>
    public long CacheBytes { get; init; } = 32L << 20;

    /// <summary>Where contents that are too large for memory are kept meanwhile, in files without a name.</summary>
    public string ScratchFolder { get; init; } = Path.GetTempPath();

    /// <summary>
    /// A pack without its index, or the other way round, counts only when it is still so after this time: whoever puts a
    /// pack there or takes it away does so file by file.
    /// </summary>
    public TimeSpan Settling { get; init; } = TimeSpan.FromSeconds(2);
}
