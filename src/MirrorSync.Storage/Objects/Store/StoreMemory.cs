namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// What stores hold in memory, each part bounded by itself: pages of packs, whole indexes, bases of deltas. All that is
/// kept is keyed by numbers that no two files of the process share, so that stores can share it.
/// </summary>
/// <param name="Pages">Pages of packs.</param>
/// <param name="Indexes">Indexes that are asked often.</param>
/// <param name="Bases">Objects that others are deltas against.</param>
internal sealed record StoreMemory(PageCache Pages, KeptIndexes Indexes, BaseCache Bases)
{
    /// <summary>One for all stores of the process, however many are open.</summary>
    public static StoreMemory Shared { get; } = new(PageCache.Shared, KeptIndexes.Shared, BaseCache.Shared);
}
