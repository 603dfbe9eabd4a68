using System.Text;
using MirrorSync.Testing.Packs;

namespace MirrorSync.Fuzz;

/// <summary>
/// A small connected history: half of it is in the repository that thin packs are received into, all of it may be in
/// packs.
/// </summary>
public sealed class ObjectFamily
{
    private ObjectFamily(bool sha256, IReadOnlyList<TestObject> stored, IReadOnlyList<TestObject> fresh)
    {
        Sha256 = sha256;
        Stored = stored;
        Fresh = fresh;
    }

    /// <summary>Ids are SHA-256.</summary>
    public bool Sha256 { get; }

    /// <summary>What the repository has.</summary>
    public IReadOnlyList<TestObject> Stored { get; }

    /// <summary>What it has not got, but all of whose links are here or there.</summary>
    public IReadOnlyList<TestObject> Fresh { get; }

    /// <summary>All of it.</summary>
    public IEnumerable<TestObject> All => Stored.Concat(Fresh);

    /// <summary>The same one every time.</summary>
    public static ObjectFamily Create(bool sha256)
    {
        List<TestObject>[] halves = [[], []];
        TestObject? parent = null;
        for (int version = 0; version < 6; version++)
        {
            List<TestObject> into = halves[version / 3];
            List<(string, string, byte[])> entries = [];
            for (int file = 0; file < 4; file++)
            {
                // Long enough for copies, and for a base above the smallest streaming threshold.
                TestObject blob = TestObject.Blob(Text(file, file <= version % 4 ? version : 0), sha256);
                entries.Add(("100644", $"file{file}", blob.Id));
                AddOnce(halves, into, blob);
            }

            TestObject tree = TestObject.Tree(sha256, [.. entries]);
            TestObject root = TestObject.Tree(sha256, ("100644", "a", entries[0].Item3), ("40000", "dir", tree.Id));
            TestObject commit = TestObject.Commit(sha256, root.Id, $"version {version}", parent is null ? [] : [parent.Id]);
            AddOnce(halves, into, tree);
            AddOnce(halves, into, root);
            AddOnce(halves, into, commit);
            AddOnce(halves, into, TestObject.Tag(sha256, commit, $"v{version}"));
            parent = commit;
        }

        return new ObjectFamily(sha256, halves[0], halves[1]);
    }

    private static void AddOnce(List<TestObject>[] halves, List<TestObject> into, TestObject made)
    {
        if (!Array.Exists(halves, half => half.Exists(o => o.Hex == made.Hex)))
        {
            into.Add(made);
        }
    }

    private static string Text(int file, int version)
    {
        StringBuilder text = new();
        for (int line = 0; line < 4 << (2 * file); line++)
        {
            text.Append(line % 7 == version ? "changed " : "line ").Append(line * (file + 1)).Append('\n');
        }

        return text.ToString();
    }
}
