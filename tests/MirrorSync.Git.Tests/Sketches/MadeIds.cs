using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Git.Tests.Sketches;

/// <summary>Ids and keys out of a seed.</summary>
internal sealed class MadeIds(int seed)
{
    public static SketchKey Key { get; } = SketchKey.FromBytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

    private readonly Random random = new(seed);

    public ObjectId[] Take(int count, ObjectFormat format)
    {
        ObjectId[] ids = new ObjectId[count];
        byte[] raw = new byte[format.RawLength()];
        for (int i = 0; i < count; i++)
        {
            random.NextBytes(raw);
            ids[i] = ObjectId.FromRaw(raw);
        }

        return ids;
    }

    public static Sketch SketchOf(IEnumerable<ObjectId> ids, int cells, int first = 0)
    {
        Sketch sketch = new(Key, first, cells);
        sketch.Add([.. ids]);
        return sketch;
    }
}
