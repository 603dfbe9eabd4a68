namespace MirrorSync.Storage.Maintenance;

/// <summary>What maintenance of a repository goes by.</summary>
public sealed record MaintenanceOptions
{
    /// <summary>The most packs of a repository where nothing else is said.</summary>
    public const int DefaultMaxPacks = 20;

    /// <summary>How long dropped objects are kept where nothing else is said: git's own <c>gc.pruneExpire</c>.</summary>
    public static readonly TimeSpan DefaultPruneGrace = TimeSpan.FromDays(14);

    /// <summary>The most packs, beside those of deltas that are being folded; at least 10.</summary>
    public int MaxPacks { get; init; } = DefaultMaxPacks;

    /// <summary>From so many packs on some are folded: early enough that the bound is not reached meanwhile.</summary>
    public int FoldAt => MaxPacks * 3 / 5;

    /// <summary>After a fold there are at most so many packs that no multi-pack-index covers.</summary>
    public int MaxFresh => MaxPacks * 3 / 10;

    /// <summary>Under a new multi-pack-index there are at most so many packs.</summary>
    public int MaxSettled => Math.Max(2, MaxPacks / 5);

    /// <summary>
    /// Packs with more objects together are never copied in process: their tables would take a hundred MB, and apply
    /// would wait for them.
    /// </summary>
    public int MaxCopied { get; init; } = 50_000;

    /// <summary>
    /// A repository of so many objects is settled into one pack, and deltas are searched anew for all of it, which takes
    /// some 20 s of one core. Packs of more objects together keep the deltas that they have.
    /// </summary>
    public int MaxSearched { get; init; } = 200_000;

    /// <summary>The longest chain of deltas in a pack that was copied. Short, for a mirror builds each delta on the newest objects.</summary>
    public int MaxCopiedDepth { get; init; } = 12;

    /// <summary>How long objects are kept that the object set no longer holds.</summary>
    public TimeSpan PruneGrace { get; init; } = DefaultPruneGrace;

    /// <summary>
    /// The repository is pushed to by others, as on a primary: loose objects are packed, loose refs too, and what is
    /// unreachable stays.
    /// </summary>
    public bool IsPushedTo { get; init; }
}
