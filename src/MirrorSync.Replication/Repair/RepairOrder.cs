using MirrorSync.Git.Objects;
using MirrorSync.Storage.Scrubbing;

namespace MirrorSync.Replication.Repair;

/// <summary>What was found wrong with one repository on this node, by whoever found it. Repair looks for itself before it acts.</summary>
public sealed record RepairOrder
{
    /// <summary>Looks at everything: every pack, HEAD and refs, and whether all that the refs reach is there.</summary>
    public static RepairOrder Everything { get; } = new() { Thorough = true };

    private static readonly ScrubFaultKind[] OfObjects = [ScrubFaultKind.PackEntry, ScrubFaultKind.LooseObject, ScrubFaultKind.PackMissing];

    /// <summary>Objects that are missing, or that cannot be read.</summary>
    public IReadOnlyCollection<ObjectId> Objects { get; init; } = [];

    /// <summary>Names, without extension, of packs that are damaged or gone, or whose index is.</summary>
    public IReadOnlyCollection<string> Packs { get; init; } = [];

    /// <summary>HEAD or refs on the disk are not those that the log says, or cannot be read.</summary>
    public bool Refs { get; init; }

    /// <summary>Lines of <c>info/alternates</c> lead nowhere.</summary>
    public bool Alternates { get; init; }

    /// <summary>
    /// Nothing is wrong but the objects that are named: whoever asks for none of them is answered right. Not so with a pack
    /// whose beginning or end is damaged, which git does not open at all.
    /// </summary>
    public bool OnlyObjects { get; init; }

    /// <summary>More may be wrong than is named.</summary>
    public bool Thorough { get; init; }

    /// <summary>In words, what was found; null when that is for the repair to find.</summary>
    public string? Reason { get; init; }

    /// <summary>
    /// True when a request may meet what is wrong, as long as nothing else is known of it. Refs are compared before anything
    /// else, and a folder that is gone serves nobody: of both only what is found counts.
    /// </summary>
    public bool ConcernsReaders => Objects.Count > 0 || Packs.Count > 0 || Alternates;

    /// <summary>What a scrub found that cannot be made anew from what is here.</summary>
    public static RepairOrder Of(IReadOnlyList<ScrubFault> faults) => new()
    {
        Objects = [.. faults.SelectMany(static f => f.Objects).Distinct()],
        Packs =
        [
            .. faults.Where(static f => f.Kind is not (ScrubFaultKind.LooseObject or ScrubFaultKind.Refs or ScrubFaultKind.Alternates))
                .Select(static f => Path.GetFileNameWithoutExtension(f.File)).Distinct(StringComparer.Ordinal),
        ],
        Refs = faults.Any(static f => f.Kind == ScrubFaultKind.Refs),
        Alternates = faults.Any(static f => f.Kind == ScrubFaultKind.Alternates),
        OnlyObjects = faults.All(static f => OfObjects.Contains(f.Kind) && f.ObjectsKnown && f.Objects.Count > 0),
        Thorough = faults.Any(static f => !f.ObjectsKnown),
        Reason = faults.Count == 0 ? null : faults.Count == 1 ? faults[0].ToString() : $"{faults[0]}; and {faults.Count - 1} more",
    };

    /// <summary>Both at once.</summary>
    public RepairOrder With(RepairOrder other) => new()
    {
        Objects = Objects.Count == 0 ? other.Objects : other.Objects.Count == 0 ? Objects : [.. Objects.Union(other.Objects)],
        Packs = [.. Packs.Union(other.Packs, StringComparer.Ordinal)],
        Refs = Refs || other.Refs,
        Alternates = Alternates || other.Alternates,
        OnlyObjects = OnlyObjects && other.OnlyObjects,
        Thorough = Thorough || other.Thorough,
        Reason = Reason ?? other.Reason,
    };
}

/// <summary>What a repair came to.</summary>
public sealed record RepairOutcome
{
    /// <summary>How many differences there were: objects, packs and their indexes, refs.</summary>
    public int Found { get; init; }

    /// <summary>How many of them are no more.</summary>
    public int Repaired { get; init; }

    /// <summary>Objects that came from other nodes.</summary>
    public int Fetched { get; init; }

    /// <summary>Bytes that came for them.</summary>
    public long FetchedBytes { get; init; }

    /// <summary>The nodes that they came from, by address.</summary>
    public IReadOnlyList<string> From { get; init; } = [];

    /// <summary>What was done, in words, in order.</summary>
    public IReadOnlyList<string> Done { get; init; } = [];

    /// <summary>Why only a snapshot helps, in words; null when it needs none.</summary>
    public string? SnapshotReason { get; init; }

    /// <summary>This one, and then another.</summary>
    internal RepairOutcome And(RepairOutcome next) => new()
    {
        Found = Found + next.Found,
        Repaired = Repaired + next.Repaired,
        Fetched = Fetched + next.Fetched,
        FetchedBytes = FetchedBytes + next.FetchedBytes,
        From = [.. From.Union(next.From, StringComparer.Ordinal)],
        Done = [.. Done, .. next.Done],
        SnapshotReason = next.SnapshotReason,
    };
}
