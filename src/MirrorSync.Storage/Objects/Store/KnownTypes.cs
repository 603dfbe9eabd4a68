using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// What objects of a pack are, as far as it was found out lately: a delta does not say it, its chain has to be followed to
/// the end, or to the first that is known here. Each entry has one place, which a later one may take. Any thread.
/// </summary>
internal sealed class KnownTypes
{
    // 512 KiB, for packs whose objects are asked for their types at all.
    private const int PlaceBits = 16;
    private const int TypeBits = 3;

    // An offset and a type in one word, so that nobody reads the half of it; 0 is no offset of an entry.
    private long[]? places;

    /// <summary>Finds the type of the object whose entry begins at an offset.</summary>
    public bool TryGet(long offset, out ObjectType type)
    {
        type = default;
        if (Volatile.Read(ref places) is not { } known)
        {
            return false;
        }

        long found = Volatile.Read(ref known[PlaceOf(offset)]);
        type = (ObjectType)(found & ((1 << TypeBits) - 1));
        return found >> TypeBits == offset;
    }

    /// <summary>Takes it down.</summary>
    public void Add(long offset, ObjectType type)
    {
        long[] known = Volatile.Read(ref places) ?? Make();
        Volatile.Write(ref known[PlaceOf(offset)], (offset << TypeBits) | (long)type);
    }

    private static int PlaceOf(long offset) => (int)(((ulong)offset * 0x9e3779b97f4a7c15) >> (64 - PlaceBits));

    private long[] Make()
    {
        long[] made = new long[1 << PlaceBits];
        return Interlocked.CompareExchange(ref places, made, null) ?? made;
    }
}
