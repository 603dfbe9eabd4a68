namespace MirrorSync.Storage.Objects.Store;

/// <summary>Where in a pack some of many objects are.</summary>
internal sealed class PackedPlaces
{
    private long[] offsets = new long[16];
    private int[] indexes = new int[16];
    private int count;

    /// <summary>Where their entries begin.</summary>
    public ReadOnlySpan<long> Offsets => offsets.AsSpan(0, count);

    /// <summary>Which objects they are.</summary>
    public ReadOnlySpan<int> Indexes => indexes.AsSpan(0, count);

    /// <summary>Adds one.</summary>
    public void Add(long offset, int index)
    {
        if (count == offsets.Length)
        {
            Array.Resize(ref offsets, 2 * count);
            Array.Resize(ref indexes, 2 * count);
        }

        offsets[count] = offset;
        indexes[count++] = index;
    }

    /// <summary>Puts them into the order in which the pack holds them.</summary>
    public void Sort() => Array.Sort(offsets, indexes, 0, count);
}
