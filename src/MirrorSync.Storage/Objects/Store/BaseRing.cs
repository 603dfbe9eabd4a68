using System.Numerics;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// The bases that were made last, for objects that are read in the order in which they lie in a pack: a base lies before
/// its deltas, and mostly not far. One piece of memory, overwritten from its beginning when it is full: thousands of small
/// arrays that live for a while would be moved about by the collector, which was a third of the time. One thread at a time.
/// </summary>
internal sealed class BaseRing : IBaseCache
{
    private const int MinBytes = 64 * 1024;
    private const int MaxBytes = 16 << 20;
    private const int UsualObjectBytes = 4096;
    private const int MaxPlaces = 1 << 15;

    private readonly byte[] ring;

    // Each key has one place, which a later one may take.
    private readonly Place[] places;
    private readonly int shift;

    // Bytes written so far, all rounds of the ring counted.
    private long written;

    /// <param name="objects">How many objects are going to be read.</param>
    public BaseRing(int objects)
    {
        ring = GC.AllocateUninitializedArray<byte>((int)Math.Clamp((long)objects * UsualObjectBytes, MinBytes, MaxBytes));
        int bits = BitOperations.Log2((uint)Math.Clamp(2L * objects, 2, MaxPlaces));
        places = new Place[1 << bits];
        shift = 64 - bits;
    }

    /// <inheritdoc/>
    public bool TryGet(EntryKey key, out BaseObject found)
    {
        ref Place place = ref PlaceOf(key);
        if (place.Key != key || written - place.Start > ring.Length)
        {
            found = default;
            return false;
        }

        found = new BaseObject(place.Type, ring.AsMemory((int)(place.Start % ring.Length), place.Length));
        return true;
    }

    /// <inheritdoc/>
    public void Add(EntryKey key, ObjectType type, byte[] bytes) => Offer(key, type, bytes);

    /// <inheritdoc/>
    public void Offer(EntryKey key, ObjectType type, ReadOnlySpan<byte> content)
    {
        if (content.Length > ring.Length / 8)
        {
            return;
        }

        // Nothing goes over the end.
        int at = (int)(written % ring.Length);
        written += at + content.Length > ring.Length ? ring.Length - at : 0;
        content.CopyTo(ring.AsSpan((int)(written % ring.Length)));
        PlaceOf(key) = new Place(key, written, content.Length, type);
        written += content.Length;
    }

    private ref Place PlaceOf(EntryKey key) => ref places[(ulong)(key.Offset + key.Pack) * 0x9e3779b97f4a7c15 >> shift];

    private readonly record struct Place(EntryKey Key, long Start, int Length, ObjectType Type);
}
