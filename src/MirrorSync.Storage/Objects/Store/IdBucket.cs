using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>All ids of a store that begin with the same byte: a 256th of all, in memory. One thread at a time.</summary>
internal sealed class IdBucket
{
    private const int BufferBytes = 32 * 1024;

    private readonly List<ObjectId> ids = [];
    private readonly byte[] buffer = new byte[BufferBytes];

    /// <summary>The ids in order, each once.</summary>
    public IReadOnlyList<ObjectId> Ids => ids;

    /// <summary>Reads all ids of a byte; false when a pack is gone.</summary>
    /// <exception cref="DamagedObjectException">A pack's index is damaged.</exception>
    /// <exception cref="IOException">A folder or file cannot be read.</exception>
    public bool TryFill(IReadOnlyList<ObjectFolder> folders, byte leading)
    {
        ids.Clear();
        int sources = 0;
        for (int i = 0; i < folders.Count; i++)
        {
            int before = ids.Count;
            folders[i].Loose.List(leading, ids);
            sources += ids.Count == before ? 0 : 2;
            foreach (Pack pack in folders[i].Packs)
            {
                before = ids.Count;
                if (!pack.TryList(leading, ids, buffer))
                {
                    return false;
                }

                sources += ids.Count == before ? 0 : 1;
            }
        }

        // One pack's are in order, and none is there twice.
        if (sources > 1)
        {
            Order();
        }

        return true;
    }

    private void Order()
    {
        ids.Sort();
        int kept = 1;
        for (int i = 1; i < ids.Count; i++)
        {
            if (ids[i] != ids[kept - 1])
            {
                ids[kept++] = ids[i];
            }
        }

        ids.RemoveRange(kept, ids.Count - kept);
    }
}
