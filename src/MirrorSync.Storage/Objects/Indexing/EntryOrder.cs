using System.Buffers.Binary;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>The entries of a pack in the order of their ids; equal ids in pack order, as git's indexes have them.</summary>
internal sealed class EntryOrder
{
    private readonly EntryTable entries;
    private readonly int[] order;

    /// <summary>Sorts the entries, all of which have their ids.</summary>
    public EntryOrder(EntryTable entries)
    {
        this.entries = entries;

        // The leading bytes of a hash settle nearly every comparison; what they leave over is put right after.
        int count = entries.Count;
        ulong[] keys = GC.AllocateUninitializedArray<ulong>(count);
        for (int i = 0; i < count; i++)
        {
            keys[i] = ((ulong)Leading(entries.Id(i)) << 32) | (uint)i;
        }

        Array.Sort(keys);
        order = GC.AllocateUninitializedArray<int>(count);
        for (int i = 0; i < count; i++)
        {
            order[i] = (int)keys[i];
        }

        for (int begin = 0; begin < count;)
        {
            int end = begin + 1;
            while (end < count && keys[end] >> 32 == keys[begin] >> 32)
            {
                end++;
            }

            if (end - begin > 1)
            {
                order.AsSpan(begin, end - begin).Sort(Compare);
            }

            begin = end;
        }
    }

    /// <summary>The entries' indexes, in the order of their ids.</summary>
    public ReadOnlySpan<int> Span => order;

    /// <summary>The entry of an id, the first one in the pack; -1 when there is none.</summary>
    public int Find(ReadOnlySpan<byte> id)
    {
        int low = 0;
        int high = order.Length;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (entries.Id(order[middle]).SequenceCompareTo(id) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low < order.Length && entries.Id(order[low]).SequenceEqual(id) ? order[low] : -1;
    }

    /// <summary>An entry whose id stands in the pack twice and of which more holds; -1 when there is none.</summary>
    public int FindDuplicate(Predicate<int>? match = null)
    {
        for (int i = 1; i < order.Length; i++)
        {
            if (entries.Id(order[i - 1]).SequenceEqual(entries.Id(order[i])) && match?.Invoke(order[i]) != false)
            {
                return order[i];
            }
        }

        return -1;
    }

    private int Compare(int left, int right) =>
        entries.Id(left).SequenceCompareTo(entries.Id(right)) is var difference and not 0 ? difference : left.CompareTo(right);

    private static uint Leading(ReadOnlySpan<byte> id) => BinaryPrimitives.ReadUInt32BigEndian(id);
}
