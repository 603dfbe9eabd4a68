using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Maintenance;

/// <summary>What a look at a repository tells of the work that waits there. Cheap: folders are listed, heads of indexes read.</summary>
public sealed record MaintenanceNeed
{
    // One of the 256 folders of loose objects stands for all, as in git gc --auto.
    private const string SampledFolder = "17";
    private const int Folders = 256;

    /// <summary>Packs that are there.</summary>
    public required int Packs { get; init; }

    /// <summary>Objects in them, each as often as it is there.</summary>
    public required long Objects { get; init; }

    /// <summary>Those of the objects that are in packs which no multi-pack-index covers.</summary>
    public required long FreshObjects { get; init; }

    /// <summary>Packs that a fold would make one now.</summary>
    public required int FoldPacks { get; init; }

    /// <summary>Packs that a settling would make one now.</summary>
    public required int SettlePacks { get; init; }

    /// <summary>Loose objects, estimated.</summary>
    public required int LooseObjects { get; init; }

    /// <summary>When the multi-pack-index was written; null without one.</summary>
    public required DateTimeOffset? IndexedAt { get; init; }

    /// <summary>A Baseline replaced the object set, and its store was not sorted yet.</summary>
    public required bool PruneDue { get; init; }

    /// <summary>Packs of dropped objects whose grace period is over, and whose readers have ended.</summary>
    public required int DroppedDue { get; init; }

    /// <summary>Packs of dropped objects that still wait.</summary>
    public required int DroppedWaiting { get; init; }

    internal static MaintenanceNeed Look(
        Repository repository, PackInventory inventory, MaintenanceNotes notes, int foldPacks, int settlePacks, Func<DroppedPack, bool> isDue)
    {
        DroppedPack[] dropped = [.. notes.Dropped.Where(d => inventory.Packs.Any(d.Pack.Is))];
        FileInfo index = new(inventory.MultiPackIndexPath);
        string sampled = Path.Combine(repository.Path, "objects", SampledFolder);
        return new MaintenanceNeed
        {
            Packs = inventory.Packs.Count,
            Objects = inventory.Packs.Sum(static p => (long)p.Objects),
            FreshObjects = inventory.Packs.Where(p => !inventory.Indexed.Contains(p.Name)).Sum(static p => (long)p.Objects),
            FoldPacks = foldPacks,
            SettlePacks = settlePacks,
            LooseObjects = Directory.Exists(sampled) ? Directory.GetFiles(sampled).Length * Folders : 0,
            IndexedAt = index.Exists ? index.LastWriteTimeUtc : null,
            PruneDue = notes.Prune is not null,
            DroppedDue = dropped.Count(isDue),
            DroppedWaiting = dropped.Length,
        };
    }
}
