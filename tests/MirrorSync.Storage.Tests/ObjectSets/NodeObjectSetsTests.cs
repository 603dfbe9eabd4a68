using MirrorSync.Git.Objects;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Tests.ObjectSets;

public class NodeObjectSetsTests
{
    private static readonly RepositoryName Other = RepositoryName.Parse("other.git");

    [Fact]
    public void PathOf_OddNames_PlainFoldersOfTheirOwn()
    {
        using SetFixture fixture = new();
        string[] names =
        [
            "a.git", "A.git", "x/a.git", "x_a.git", ".hidden.git", "...", "..x", "-rf", ".deleted-1", "группа/проект.git", "\u00e9.git", "e\u0301.git",
            "a b$`'\"*?.git", new string('n', 1024), string.Join('/', Enumerable.Repeat("deep", 200)), "manifest", "x/run-1",
        ];
        HashSet<string> seen = new(StringComparer.OrdinalIgnoreCase);
        foreach (string name in names)
        {
            RepositoryName repository = RepositoryName.Parse(name);
            string path = fixture.Sets.PathOf(repository);
            Assert.True(seen.Add(path), name);
            Assert.Equal(fixture.Root, Path.GetDirectoryName(Path.GetFullPath(path)));
            Assert.Matches("^[A-Za-z0-9_-][A-Za-z0-9._-]{0,80}$", Path.GetFileName(path));
            ObjectId[] ids = fixture.Ids(3);
            fixture.Sets.Open(repository, ObjectFormat.Sha1).Replace(1, ids, default);
            SetFixture.AssertHolds(ids, fixture.Again().Open(repository, ObjectFormat.Sha1));
        }

        Assert.Equal(names.Length, Directory.GetDirectories(fixture.Root).Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Move_RenamedRepository_TakesItsSetAlong(bool opened)
    {
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(10);
        fixture.Set.Replace(1, ids, default);
        NodeObjectSets sets = fixture.Again();
        ObjectSet? before = opened ? sets.Open(fixture.Name, ObjectFormat.Sha1) : null;
        Assert.Equal(opened ? 10 : null, before?.Cell.Count);
        sets.Open(Other, ObjectFormat.Sha1).Replace(1, fixture.Ids(3), default);
        sets.Move(fixture.Name, Other);

        SetFixture.AssertHolds(ids, sets.Open(Other, ObjectFormat.Sha1));
        sets.Open(Other, ObjectFormat.Sha1).Add(2, ids);
        Assert.False(sets.Open(fixture.Name, ObjectFormat.Sha1).Exists);
        SetFixture.AssertHolds(ids, fixture.Again().Open(Other, ObjectFormat.Sha1));
        Assert.False(fixture.SetAgain().Exists);

        // The log is replayed from before the renaming.
        sets.Move(fixture.Name, Other);
        SetFixture.AssertHolds(ids, sets.Open(Other, ObjectFormat.Sha1));
    }

    [Fact]
    public void Delete_Set_IsGoneAndMayBeginAnewInAnotherFormat()
    {
        using SetFixture fixture = new();
        fixture.Set.Replace(1, fixture.Ids(10), default);
        Assert.Throws<ArgumentException>(() => fixture.Sets.Open(fixture.Name, ObjectFormat.Sha256));
        fixture.Sets.Delete(fixture.Name);

        Assert.Empty(Directory.GetFileSystemEntries(fixture.Root));
        ObjectSet anew = fixture.Sets.Open(fixture.Name, ObjectFormat.Sha256);
        Assert.False(anew.Exists);
        anew.Replace(2, [], default);
        Assert.Equal(0, anew.Cell.Count);
    }

    [Fact]
    public void DeleteAllBut_Others_AreGone()
    {
        using SetFixture fixture = new();
        fixture.Set.Replace(1, fixture.Ids(10), default);
        fixture.Sets.Open(Other, ObjectFormat.Sha1).Replace(1, fixture.Ids(10), default);
        Directory.CreateDirectory(Path.Combine(fixture.Root, "nobody-knows"));
        fixture.Sets.DeleteAllBut([fixture.Name]);

        Assert.Equal([fixture.Folder], Directory.GetFileSystemEntries(fixture.Root));
        Assert.Equal(10, fixture.Set.Cell.Count);
        Assert.False(fixture.Sets.Open(Other, ObjectFormat.Sha1).Exists);
    }

    [Fact]
    public void Start_DeletionWasCutShort_IsFinished()
    {
        using SetFixture fixture = new();
        fixture.Set.Replace(1, fixture.Ids(10), default);
        Directory.Move(fixture.Folder, Path.Combine(fixture.Root, ".deleted-1234"));
        fixture.Again();

        Assert.Empty(Directory.GetFileSystemEntries(fixture.Root));
    }

    [Fact]
    public void Open_ManySets_OnlyTheLastUsedHoldDescriptors()
    {
        using SetFixture fixture = new(mostOpen: 3);
        for (int i = 0; i < 20; i++)
        {
            ObjectSet set = fixture.Sets.Open(RepositoryName.Parse($"r{i}.git"), ObjectFormat.Sha1);
            ObjectId[] ids = fixture.Ids(10);
            set.Replace(1, ids, default);
            set.Add(2, fixture.Ids(2));
            Assert.True(set.Contains(ids[0]));
        }

        string[] held = [.. Directory.GetFiles("/proc/self/fd").Select(static f => new FileInfo(f).LinkTarget ?? "")
            .Where(t => t.StartsWith(fixture.Root, StringComparison.Ordinal))];
        // A run and a journal each.
        Assert.Equal(6, held.Length);
        Assert.All(Enumerable.Range(0, 20), i => Assert.Equal(12, fixture.Sets.Open(RepositoryName.Parse($"r{i}.git"), ObjectFormat.Sha1).Cell.Count));
    }
}
