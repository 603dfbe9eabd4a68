namespace MirrorSync.Storage.Objects.Packing;

/// <summary>
/// A number by which objects whose paths end alike stand together: each byte but blanks moves what came before two bits
/// down, so that the last sixteen count, the last ones most.
/// </summary>
internal static class NameHash
{
    /// <summary>The number of a root tree, and of objects without a path.</summary>
    public const uint Root = 0;

    /// <summary>The number of an entry in the tree of a number.</summary>
    public static uint Below(uint folder, bool isRoot, ReadOnlySpan<byte> name)
    {
        uint hash = isRoot ? Root : Add(folder, (byte)'/');
        foreach (byte character in name)
        {
            if (character is not ((byte)' ' or (>= (byte)'\t' and <= (byte)'\r')))
            {
                hash = Add(hash, character);
            }
        }

        return hash;
    }

    private static uint Add(uint hash, byte character) => (hash >> 2) + ((uint)character << 24);
}
