namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>What is checked of the objects besides the pack itself.</summary>
public enum ObjectChecks
{
    /// <summary>Nothing, as <c>git index-pack</c> without <c>--strict</c>: for a pack whose objects are not put to use.</summary>
    None = 0,

    /// <summary>
    /// That commits, trees and tags can be walked, and that all they name is in the pack or in the store. Findings of
    /// fsck are counted.
    /// </summary>
    Connected,

    /// <summary>The same, and findings of git's severity "error", or "warn", refuse the pack: <c>--strict</c>.</summary>
    Strict,
}

/// <summary>How packs are indexed.</summary>
public sealed record PackIndexOptions
{
    /// <summary>Threads that parse, resolve, hash and check: 1 or more.</summary>
    public int Threads { get; init; } = Math.Min(Environment.ProcessorCount, 4);

    /// <summary>Looks for collision attacks on SHA-1 in every object, as git does.</summary>
    public bool DetectCollisions { get; init; } = true;

    /// <summary>
    /// Memory for contents that may yet serve as bases of deltas, in bytes; a quarter as much again is for deltas whose
    /// base is still to come. Taken as it is needed.
    /// </summary>
    public long CacheBytes { get; init; } = 32L << 20;

    /// <summary>Objects of more bytes are streamed, and kept in a file while a delta needs them, never held in memory.</summary>
    public int StreamAboveBytes { get; init; } = 16 << 20;

    /// <summary>What is checked of the objects.</summary>
    public ObjectChecks Checks { get; init; }

    /// <summary>Tells the ids of the objects that came; 32 bytes each.</summary>
    public bool ListIds { get; init; }

    /// <summary>Writes a reverse index too.</summary>
    public bool ReverseIndex { get; init; }
}
