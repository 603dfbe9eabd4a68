using System.Runtime.InteropServices;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// Deltas that wait for their base, as they were inflated by the scan: most are small, and inflating them again would
/// cost more than keeping them. Within a bound; what does not fit is read and inflated again.
/// </summary>
internal sealed class KeptDeltas(long capacityBytes)
{
    private const int ChunkBytes = 1 << 20;
    private const int FirstChunkBytes = 16 * 1024;

    private readonly List<byte[]> chunks = [];
    private readonly List<(int Entry, int Chunk, int Offset, int Length)> kept = [];
    private long held;
    private int used;

    /// <summary>Keeps a delta, when there is room. Entries come in pack order.</summary>
    public void Keep(int entry, ReadOnlySpan<byte> delta)
    {
        if (held + delta.Length > capacityBytes)
        {
            return;
        }

        if (chunks.Count == 0 || chunks[^1].Length - used < delta.Length)
        {
            chunks.Add(GC.AllocateUninitializedArray<byte>(Math.Max(chunks.Count == 0 ? FirstChunkBytes : ChunkBytes, delta.Length)));
            used = 0;
        }

        delta.CopyTo(chunks[^1].AsSpan(used));
        kept.Add((entry, chunks.Count - 1, used, delta.Length));
        used += delta.Length;
        held += delta.Length;
    }

    /// <summary>The delta of an entry; empty when it was not kept.</summary>
    public ReadOnlySpan<byte> Find(int entry)
    {
        ReadOnlySpan<(int Entry, int Chunk, int Offset, int Length)> all = CollectionsMarshal.AsSpan(kept);
        int low = 0;
        int high = all.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >> 1;
            if (all[middle].Entry == entry)
            {
                return chunks[all[middle].Chunk].AsSpan(all[middle].Offset, all[middle].Length);
            }

            if (all[middle].Entry < entry)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return default;
    }
}
