using System.Text.Json.Serialization;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>What a unit of scrubbing is.</summary>
public enum ScrubUnitKind
{
    /// <summary>A pack with its index, reverse index and bitmap.</summary>
    Pack = 0,

    /// <summary>The multi-pack-index with its bitmap, and the commit-graph.</summary>
    Indexes,

    /// <summary>All loose objects.</summary>
    Loose,

    /// <summary>HEAD, packed-refs, loose refs and <c>info/alternates</c>.</summary>
    Refs,
}

/// <summary>A part of a repository that is scrubbed in one go: after a restart scrubbing goes on with the next.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Known by this within its repository: a pack's name without extension, or the kind's.</param>
/// <param name="Inode">Of the pack, or of the multi-pack-index: another file of the name is another unit. 0 for all else.</param>
/// <param name="Bytes">Bytes of its files.</param>
/// <param name="Since">When the youngest of its bytes was written.</param>
public sealed record ScrubUnit(ScrubUnitKind Kind, string Name, ulong Inode, long Bytes, DateTimeOffset Since);

/// <summary>What is remembered of a unit that was scrubbed.</summary>
/// <param name="Inode">The unit's.</param>
/// <param name="At">When the scrub began.</param>
/// <param name="Bytes">The unit's bytes.</param>
/// <param name="Beside">
/// The derived files that were there, by extension, and after a multi-pack-index the packs that it covered: one that is gone
/// while all that it was made of is unchanged was deleted by nobody who had a reason to.
/// </param>
/// <param name="Faults">How many faults were found; of derived files, how many could not be made anew.</param>
public sealed record ScrubRecord(ulong Inode, DateTimeOffset At, long Bytes, IReadOnlyList<string> Beside, int Faults)
{
    /// <summary>True when it is of this very unit.</summary>
    public bool IsOf(ScrubUnit unit) => Inode == unit.Inode;

    /// <summary>True for a unit that was found sound.</summary>
    [JsonIgnore]
    public bool IsSound => Faults == 0;
}

/// <summary>What came of scrubbing a unit.</summary>
/// <param name="Unit">The unit.</param>
/// <param name="Faults">What is wrong; empty when it is sound, and when it is gone.</param>
/// <param name="Record">To be remembered; null when the unit is not there any more.</param>
public sealed record ScrubResult(ScrubUnit Unit, IReadOnlyList<ScrubFault> Faults, ScrubRecord? Record);
