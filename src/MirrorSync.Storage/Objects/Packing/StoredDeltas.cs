using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>
/// Finds which objects can be sent as the repository's packs store them: whole ones, and deltas whose base is sent too or is
/// in the trees of the boundary commits. No other base can be relied upon at the receiver.
/// </summary>
/// <param name="store">The repository's objects.</param>
/// <param name="budget">Bounds what is read.</param>
/// <param name="boundary">Objects in the trees of the boundary commits.</param>
internal sealed class StoredDeltas(ObjectStore store, PackingBudget budget, HashSet<ObjectId> boundary)
{
    // To find a base by its offset all of these are looked up in the pack; with more it does not pay.
    private const int MaxBoundaryLookups = 4096;

    private readonly HashSet<PackItem> settled = [];
    private readonly HashSet<PackItem> chain = [];
    private readonly Dictionary<EntryKey, PackItem> entries = [];
    private readonly Dictionary<ObjectId, PackItem> byId = [];
    private readonly Dictionary<long, Dictionary<long, ObjectId>> boundaryOffsets = [];

    /// <summary>Sets how each item is stored, and the bases of those whose delta is taken over.</summary>
    /// <exception cref="PackingLimitException">It is too much.</exception>
    public void Find(List<PackItem> items, CancellationToken cancellation)
    {
        // A push is unpacked or kept as a pack: when none of its commits is in a pack, nothing of it is looked for there.
        bool packed = items[0].Type != ObjectType.Commit;
        foreach (PackItem item in items)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!packed && item.Type != ObjectType.Commit)
            {
                return;
            }

            item.Stored = store.ReadStored(item.Id, budget.Bytes);
            packed |= item.Stored is not null;
            byId[item.Id] = item;
            if (item.Stored is { } stored)
            {
                budget.TakeBytes(stored.Deflated.Length);
                entries[new EntryKey(stored.Pack, stored.Offset)] = item;
            }
        }

        foreach (PackItem item in items)
        {
            if (item.Stored is { IsDelta: true } stored)
            {
                cancellation.ThrowIfCancellationRequested();
                Resolve(item, stored);
            }
        }

        foreach (PackItem item in items)
        {
            BreakCircle(item);
        }
    }

    private void Resolve(PackItem item, StoredObject stored)
    {
        PackItem? inner = stored.Type == PackEntryType.RefDelta
            ? byId.GetValueOrDefault(stored.BaseId)
            : entries.GetValueOrDefault(new EntryKey(stored.Pack, stored.BaseOffset));
        if (inner is not null)
        {
            item.Against(inner);
            return;
        }

        ObjectId outer = stored.Type != PackEntryType.RefDelta ? FindInBoundary(item, stored)
            : boundary.Contains(stored.BaseId) ? stored.BaseId : default;
        if (outer.IsZero)
        {
            item.Stored = null;
        }
        else
        {
            item.Against(outer);
        }
    }

    private ObjectId FindInBoundary(PackItem item, StoredObject stored)
    {
        // Mostly the base is what was at the same path.
        if (item.Path is not null)
        {
            foreach (ObjectId old in item.Path.OldOf(item.Type))
            {
                if (store.OffsetIn(stored.Pack, old) == stored.BaseOffset)
                {
                    return old;
                }
            }
        }

        if (boundary.Count > MaxBoundaryLookups)
        {
            return default;
        }

        if (!boundaryOffsets.TryGetValue(stored.Pack, out Dictionary<long, ObjectId>? offsets))
        {
            boundaryOffsets[stored.Pack] = offsets = [];
            foreach (ObjectId id in boundary)
            {
                long offset = store.OffsetIn(stored.Pack, id);
                if (offset != 0)
                {
                    offsets[offset] = id;
                }
            }
        }

        return offsets.GetValueOrDefault(stored.BaseOffset);
    }

    /// <summary>Deltas of several packs can be bases of each other: one of a circle is not taken over then.</summary>
    private void BreakCircle(PackItem item)
    {
        chain.Clear();
        PackItem at = item;
        while (at.Base is { } next && settled.Add(at))
        {
            chain.Add(at);
            if (chain.Contains(next))
            {
                at.MakeWhole();
                at.Stored = null;
                return;
            }

            at = next;
        }
    }
}
