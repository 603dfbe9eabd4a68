using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>What is damaged.</summary>
public enum ScrubFaultKind
{
    /// <summary>An entry of a pack: its object, and every object whose chain of deltas needs it.</summary>
    PackEntry = 0,

    /// <summary>The first bytes of a pack: signature, version, number of objects.</summary>
    PackHeader,

    /// <summary>The checksum at a pack's end, or bytes that belong to no entry.</summary>
    PackTrailer,

    /// <summary>A pack that ends too early, or goes on behind its end.</summary>
    PackLength,

    /// <summary>A pack that is gone while an index still names objects of it that nothing else has.</summary>
    PackMissing,

    /// <summary>A loose object.</summary>
    LooseObject,

    /// <summary>HEAD, packed-refs or a loose ref.</summary>
    Refs,

    /// <summary>A line of <c>info/alternates</c> that leads nowhere.</summary>
    Alternates,

    /// <summary>The modification times of the objects that git set aside in a cruft pack.</summary>
    ModificationTimes,

    /// <summary>A pack's index.</summary>
    PackIndex,

    /// <summary>A pack's reverse index.</summary>
    ReverseIndex,

    /// <summary>The multi-pack-index.</summary>
    MultiPackIndex,

    /// <summary>A bitmap, of a pack or of the multi-pack-index.</summary>
    Bitmap,

    /// <summary>The commit-graph, or a part of it.</summary>
    CommitGraph,
}

/// <summary>Facts of kinds.</summary>
public static class ScrubFaultKinds
{
    /// <summary>Every kind.</summary>
    public static IReadOnlyList<ScrubFaultKind> All { get; } = Enum.GetValues<ScrubFaultKind>();

    /// <summary>True for what is made anew from sound packs: nothing is lost with it, and nobody else is needed.</summary>
    public static bool IsDerived(this ScrubFaultKind kind) => kind >= ScrubFaultKind.PackIndex;

    /// <summary>The kind's name in metrics and JSON, as in <c>pack-entry</c>.</summary>
    public static string Name(this ScrubFaultKind kind) => kind switch
    {
        ScrubFaultKind.PackEntry => "pack-entry",
        ScrubFaultKind.PackHeader => "pack-header",
        ScrubFaultKind.PackTrailer => "pack-trailer",
        ScrubFaultKind.PackLength => "pack-length",
        ScrubFaultKind.PackMissing => "pack-missing",
        ScrubFaultKind.LooseObject => "loose-object",
        ScrubFaultKind.Refs => "refs",
        ScrubFaultKind.Alternates => "alternates",
        ScrubFaultKind.ModificationTimes => "modification-times",
        ScrubFaultKind.PackIndex => "pack-index",
        ScrubFaultKind.ReverseIndex => "reverse-index",
        ScrubFaultKind.MultiPackIndex => "multi-pack-index",
        ScrubFaultKind.Bitmap => "bitmap",
        ScrubFaultKind.CommitGraph => "commit-graph",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}

/// <summary>Something that a scrub found wrong.</summary>
/// <param name="Kind">What is damaged.</param>
/// <param name="File">The file, absolute; it may be the one that is missing.</param>
/// <param name="Offset">Where in the file, in bytes; 0 for the file as a whole.</param>
/// <param name="Reason">What is wrong, in a few words.</param>
/// <param name="Objects">
/// The objects that cannot be had from this file any more: a damaged entry's own first. Empty where none is lost, and where
/// it cannot be told which: <see cref="ObjectsKnown"/>.
/// </param>
public sealed record ScrubFault(ScrubFaultKind Kind, string File, long Offset, string Reason, IReadOnlyList<ObjectId> Objects)
{
    /// <summary>False when objects are lost of which only the damaged files could have told.</summary>
    public bool ObjectsKnown { get; init; } = true;

    /// <inheritdoc/>
    public override string ToString() =>
        $"{File}{(Offset > 0 ? $" at {Offset}" : string.Empty)}: {Kind.Name()}: {Reason}"
        + (ObjectsKnown ? Objects.Count > 0 ? $"; {Objects.Count} objects" : string.Empty : "; an unknown number of objects");
}
