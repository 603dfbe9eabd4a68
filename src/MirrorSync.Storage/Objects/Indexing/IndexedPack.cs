using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>What came of indexing a pack.</summary>
public sealed record IndexedPack
{
    /// <summary>The pack's checksum, which is also its name.</summary>
    public required ObjectId Checksum { get; init; }

    /// <summary>How many objects it holds, appended bases included.</summary>
    public required int Objects { get; init; }

    /// <summary>How many bases from the store were appended to complete a thin pack.</summary>
    public required int AppendedBases { get; init; }

    /// <summary>Bytes of all objects, deltas resolved.</summary>
    public required long PackBytes { get; init; }
}
