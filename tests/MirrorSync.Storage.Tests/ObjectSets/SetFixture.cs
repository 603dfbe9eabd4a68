using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;
using MirrorSync.Testing;

namespace MirrorSync.Storage.Tests.ObjectSets;

/// <summary>Object sets in a folder of their own, and ids out of a seed.</summary>
internal sealed class SetFixture(int seed = 1, ObjectFormat format = ObjectFormat.Sha1, int mostOpen = 32) : IDisposable
{
    public static SketchKey Key { get; } = SketchKey.FromBytes("0123456789abcdef"u8);

    private readonly TempFolder folder = new();
    private readonly Random random = new(seed);

    public NodeObjectSets Sets => field ??= Again();

    public RepositoryName Name { get; } = RepositoryName.Parse("group/project.git");

    public string Root => folder["sets"];

    public ObjectSet Set => Sets.Open(Name, format);

    public string Folder => Sets.PathOf(Name);

    /// <summary>As after a restart.</summary>
    public NodeObjectSets Again() => new(Root, Key, mostOpen);

    public ObjectSet SetAgain() => Again().Open(Name, format);

    public string File(string prefix) => Directory.GetFiles(Folder, prefix + "*").Order().Last();

    public ObjectId[] Ids(int count)
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

    public static SketchCell CellOf(IEnumerable<ObjectId> ids) =>
        ids.Distinct().Aggregate(default(SketchCell), static (cell, id) => cell.With(Key, id));

    public static void AssertHolds(IEnumerable<ObjectId> ids, ObjectSet set)
    {
        ObjectId[] expected = [.. ids.Distinct().Order()];
        using ObjectSetSnapshot snapshot = set.Snapshot();
        Assert.Equal(expected, snapshot.Enumerate());
        Assert.Equal(CellOf(expected), set.Cell);
        Assert.Equal(expected.Length, set.Cell.Count);
    }

    public void Dispose() => folder.Dispose();
}
