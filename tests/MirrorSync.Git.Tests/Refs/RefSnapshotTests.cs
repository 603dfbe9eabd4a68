using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Testing;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Git.Tests.Refs;

public class RefSnapshotTests
{
    private static readonly Dictionary<ObjectId, ObjectId> NoPeels = [];

    [Fact]
    public void Create_EntriesInAnyOrder_SortsByBytes()
    {
        RefSnapshot snapshot = Create(("refs/heads/b", Direct(1)), ("refs/heads/B", Direct(2)), ("refs/heads/a-b", Direct(3)), ("refs/heads/a/b", Direct(4)));
        Assert.Equal(["refs/heads/B", "refs/heads/a-b", "refs/heads/a/b", "refs/heads/b"], snapshot.Entries.Select(static e => e.Name.ToString()));
        Assert.Equal(Direct(4), snapshot.ValueOf(RefName.FromString("refs/heads/a/b")));
        Assert.Equal(RefValue.None, snapshot.ValueOf(RefName.FromString("refs/heads/a")));
        Assert.Equal(snapshot.Head, snapshot.ValueOf(RefName.Head));
    }

    [Fact]
    public void Create_NameTwice_Throws() =>
        Assert.Throws<ArgumentException>(() => Create(("refs/heads/a", Direct(1)), ("refs/heads/a", Direct(1))));

    [Fact]
    public void TryApply_RandomHistories_EqualSnapshotsBuiltAnew()
    {
        Random random = new(17);
        RefSnapshot snapshot = RefSnapshot.Empty(ObjectFormat.Sha1);
        for (int step = 0; step < 200; step++)
        {
            RefSnapshot next = Random(random);
            IReadOnlyList<RefUpdate> updates = snapshot.UpdatesTo(next);
            RefUpdate[] shuffled = [.. updates];
            random.Shuffle(shuffled);

            RefSnapshot? applied = snapshot.TryApply(shuffled, NoPeels, out _);

            Assert.NotNull(applied);
            Assert.Equal(next.Head, applied.Head);
            Assert.Equal(next.Entries.AsEnumerable(), applied.Entries.AsEnumerable());
            Assert.Equal(next.Digest, applied.Digest);
            Assert.Empty(applied.UpdatesTo(next));
            snapshot = applied;
        }
    }

    [Fact]
    public void TryApply_WrongOldValue_IsRefusedAndNamed()
    {
        RefSnapshot snapshot = Create(("refs/heads/a", Direct(1)));
        RefUpdate good = Update("refs/heads/a", Direct(1), Direct(2));
        foreach (RefUpdate wrong in (RefUpdate[])[Update("refs/heads/b", Direct(1), Direct(2)), Update("HEAD", RefValue.None, Direct(2)), Update("refs/heads/a", RefValue.None, Direct(2))])
        {
            Assert.Null(snapshot.TryApply(wrong.Name == good.Name ? [wrong] : [good, wrong], NoPeels, out RefUpdate mismatch));
            Assert.Equal(wrong, mismatch);
        }

        Assert.Null(snapshot.TryApply([good, good], NoPeels, out RefUpdate twice));
        Assert.Equal(good, twice);
    }

    [Fact]
    public void TryApply_TagObject_CarriesItsPeel()
    {
        RefSnapshot snapshot = Create(("refs/tags/old", Direct(1)));
        Dictionary<ObjectId, ObjectId> peels = new() { [Direct(2).Id] = Direct(3).Id };

        RefSnapshot? next = snapshot.TryApply([Update("refs/tags/v1", RefValue.None, Direct(2))], peels, out _);

        Assert.True(next!.TryFind(RefName.FromString("refs/tags/v1"), out RefEntry entry));
        Assert.Equal(Direct(3).Id, entry.Peeled);
        Assert.True(next.TryFind(RefName.FromString("refs/tags/old"), out entry));
        Assert.True(entry.Peeled.IsZero);
    }

    [Fact]
    public async Task TryResolve_ChainsOfAnyLength_AgreesWithGit()
    {
        using TempFolder folder = new();
        BareRepository repository = await BareRepository.InitAsync(folder.Path);
        string commit = await repository.CommitAsync("one");
        await repository.GitAsync("update-ref", "refs/heads/s0", commit);
        Assert.True(ObjectId.TryParseHex(commit, ObjectFormat.Sha1, out ObjectId id));
        List<(string, RefValue)> refs = [("refs/heads/s0", RefValue.Direct(id)), ("refs/heads/loop", Symbolic("refs/heads/loop")), ("refs/heads/dangling", Symbolic("refs/heads/none"))];
        for (int i = 1; i <= 8; i++)
        {
            await File.WriteAllTextAsync(folder[$"refs/heads/s{i}"], $"ref: refs/heads/s{i - 1}\n");
            refs.Add(($"refs/heads/s{i}", Symbolic($"refs/heads/s{i - 1}")));
        }

        RefSnapshot snapshot = Create([.. refs]);
        for (int i = 1; i <= 8; i++)
        {
            bool git = (await StockGit.TryAsync(folder.Path, ["rev-parse", "-q", "--verify", $"refs/heads/s{i}"])).Code == 0;
            bool ours = snapshot.TryResolve(Symbolic($"refs/heads/s{i - 1}"), out RefEntry entry);
            Assert.True(git == ours, $"git resolves {i} steps: {git}, we: {ours}");
            Assert.True(!ours || entry.Value.Id == id);
        }

        Assert.False(snapshot.TryResolve(Symbolic("refs/heads/loop"), out _));
        Assert.False(snapshot.TryResolve(Symbolic("refs/heads/dangling"), out _));
        Assert.False(snapshot.TryResolve(RefValue.Direct(id), out _));
        Assert.False(snapshot.TryResolve(RefValue.None, out _));
    }

    private static RefSnapshot Random(Random random)
    {
        List<(string, RefValue)> refs = [];
        for (int i = 0; i < 12; i++)
        {
            if (random.Next(3) > 0)
            {
                refs.Add(($"refs/heads/r{i}", random.Next(5) == 0 ? Symbolic($"refs/heads/r{random.Next(12)}") : Direct(random.Next(1, 4))));
            }
        }

        RefValue head = random.Next(3) switch { 0 => RefValue.None, 1 => Direct(random.Next(1, 4)), _ => Symbolic("refs/heads/r1") };
        return RefSnapshot.Create(ObjectFormat.Sha1, head, refs.Select(static r => new RefEntry(RefName.FromString(r.Item1), r.Item2, default)));
    }

    private static RefSnapshot Create(params (string Name, RefValue Value)[] refs) => RefSnapshot.Create(
        ObjectFormat.Sha1, Symbolic("refs/heads/a"), refs.Select(static r => new RefEntry(RefName.FromString(r.Name), r.Value, default)));

    private static RefUpdate Update(string name, RefValue old, RefValue next) => new(RefName.FromString(name), old, next);

    private static RefValue Direct(int i)
    {
        byte[] raw = new byte[20];
        raw[19] = (byte)i;
        return RefValue.Direct(ObjectId.FromRaw(raw));
    }

    private static RefValue Symbolic(string target) => RefValue.Symbolic(RefName.FromString(target));
}
