using MirrorSync.Git.Objects;
using MirrorSync.Git.Objects.Fsck;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>What came of indexing a pack.</summary>
public sealed record IndexedPack
{
    /// <summary>The pack's checksum, which is also its name.</summary>
    public required ObjectId Checksum { get; init; }

    /// <summary>How many objects came, without the bases that complete a thin pack.</summary>
    public required int Objects { get; init; }

    /// <summary>The ids of those objects, in pack order; empty unless <see cref="PackIndexOptions.ListIds"/>.</summary>
    public ReadOnlyMemory<ObjectId> Ids { get; init; }

    /// <summary>How many bases from the store were appended to complete a thin pack.</summary>
    public required int AppendedBases { get; init; }

    /// <summary>What git's fsck says of the objects; null when it was not asked.</summary>
    public required FsckReport? Findings { get; init; }
}
