using System.Buffers.Binary;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Bench.Convergence;

/// <summary>Sha1 ids in byte order, as evenly spread as hashes are, out of nothing but their number.</summary>
internal static class SyntheticIds
{
    public static SketchKey Key { get; } = SketchKey.FromBytes("a fleet's secret"u8);

    /// <summary>The ids of a set of so many.</summary>
    public static IEnumerable<ObjectId> Ordered(int count)
    {
        for (int i = 0; i < count; i++)
        {
            yield return At(i, count);
        }
    }

    /// <summary>One of them.</summary>
    public static ObjectId At(int index, int count)
    {
        Span<byte> raw = stackalloc byte[20];
        ulong room = ulong.MaxValue / (ulong)count;
        BinaryPrimitives.WriteUInt64BigEndian(raw, ((ulong)index * room) + (Mixed((ulong)index) % room));
        BinaryPrimitives.WriteUInt64BigEndian(raw[8..], Mixed(~(ulong)index));
        BinaryPrimitives.WriteUInt32BigEndian(raw[16..], (uint)Mixed((ulong)index << 32));
        return ObjectId.FromRaw(raw);
    }

    /// <summary>Ids in no order.</summary>
    public static ObjectId[] Random(int count, int seed)
    {
        Random random = new(seed);
        byte[] raw = new byte[20];
        ObjectId[] ids = new ObjectId[count];
        for (int i = 0; i < count; i++)
        {
            random.NextBytes(raw);
            ids[i] = ObjectId.FromRaw(raw);
        }

        return ids;
    }

    // SplitMix64's mixing.
    private static ulong Mixed(ulong value)
    {
        value += 0x9e3779b97f4a7c15;
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }
}
