using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Tests.Objects.Store;

namespace MirrorSync.Storage.Tests.ObjectSets;

public class SketchBuilderTests
{
    [Theory]
    [InlineData(ObjectFormat.Sha1, 1)]
    [InlineData(ObjectFormat.Sha1, 2)]
    [InlineData(ObjectFormat.Sha256, 3)]
    public async Task Build_SetAndStoreDiffer_SketchesWhatBothHaveAndNamesTheRest(ObjectFormat format, int threads)
    {
        using StoreFixture repository = await StoreFixture.CreateAsync(format);
        await repository.ArrangeAsync(Arrangement.SeveralPacks);
        ObjectId[] stored = [.. (await repository.ReadAllByGitAsync()).Select(static o => o.Id)];
        ObjectId[] outside = [.. stored.Where((_, i) => i % 10 == 3)];
        ObjectId[] both = [.. stored.Except(outside)];
        ObjectId[] absent = [.. Enumerable.Range(0, 70).Select(repository.AbsentId)];
        using SetFixture sets = new(format: format);
        sets.Set.Replace(1, [.. both, .. absent.Take(50)], default);
        sets.Set.Add(2, absent);
        using ObjectStore store = repository.Open();
        using ObjectSetSnapshot set = sets.Set.Snapshot();

        StoredSketch sketch = SketchBuilder.Build(set, store, SetFixture.Key, first: 0, count: 200, mostAbsent: 1000, threads, default);

        Sketch expected = new(SetFixture.Key, 0, 200);
        expected.Add(both);
        Assert.Equal(expected.Cells, sketch.Sketch.Cells);
        Assert.Equal(SetFixture.CellOf(both), sketch.Present);
        Assert.Equal(absent.Order(), sketch.Absent);
        Assert.Equal(absent.Length, sketch.AbsentCount);
        Assert.Equal(outside.Length, sketch.OutsideCount);
        StoredSketch further = SketchBuilder.Build(set, store, SetFixture.Key, first: 150, count: 50, mostAbsent: 5, threads, default);
        Assert.Equal(expected.Cells[150..], further.Sketch.Cells);
        Assert.Equal(sketch.Present, further.Present);
        Assert.Equal(absent.Order().Take(5), further.Absent);
        Assert.Equal(absent.Length, further.AbsentCount);
    }

    [Fact]
    public async Task Build_DamagedRunOrIndex_NamesTheFile()
    {
        using StoreFixture repository = await StoreFixture.CreateAsync();
        using SetFixture sets = new();
        sets.Set.Replace(1, (await repository.ReadAllByGitAsync()).Select(static o => o.Id), default);
        string run = sets.File("run-");
        byte[] sound = File.ReadAllBytes(run);
        byte[] damaged = [.. sound];
        damaged[5000] ^= 1;
        File.WriteAllBytes(run, damaged);
        using ObjectStore store = repository.Open();
        using (ObjectSetSnapshot set = sets.SetAgain().Snapshot())
        {
            Assert.Equal(run, Assert.Throws<ObjectSetDamagedException>(() => Build(set, store)).File);
        }

        File.WriteAllBytes(run, sound);
        string index = Directory.GetFiles(repository.PackFolder, "*.idx").Single();
        // git makes it read-only.
        byte[] cutOff = File.ReadAllBytes(index)[..3000];
        File.Delete(index);
        File.WriteAllBytes(index, cutOff);
        using ObjectStore cut = repository.Open();
        using ObjectSetSnapshot whole = sets.SetAgain().Snapshot();
        Assert.Equal(index, Assert.Throws<DamagedObjectException>(() => Build(whole, cut)).File);
    }

    [Fact]
    public async Task Build_Cancelled_Ends()
    {
        using StoreFixture repository = await StoreFixture.CreateAsync();
        using SetFixture sets = new();
        sets.Set.Replace(1, [], default);
        using ObjectStore store = repository.Open();
        using ObjectSetSnapshot set = sets.Set.Snapshot();
        using CancellationTokenSource cancelled = new();
        await cancelled.CancelAsync();

        Assert.ThrowsAny<OperationCanceledException>(() => SketchBuilder.Build(set, store, SetFixture.Key, 0, 10, 10, 2, cancelled.Token));
    }

    [Fact]
    public void Intersect_NothingInCommon_CountsBothSides()
    {
        using SetFixture fixture = new();
        ObjectId[] ids = [.. fixture.Ids(4000).Order()];
        Sketch sketch = new(SetFixture.Key, 0, 10);

        SketchBuilder.StoredPart part = SketchBuilder.Intersect(
            ids.Where((_, i) => i % 2 == 0), ids.Where((_, i) => i % 2 == 1), sketch, mostAbsent: 1, default);

        Assert.Equal((2000, 2000), (part.AbsentCount, part.OutsideCount));
        Assert.Equal(ids[..1], part.Absent);
        Assert.True(part.Present.IsEmpty);
    }

    private static StoredSketch Build(ObjectSetSnapshot set, ObjectStore store) =>
        SketchBuilder.Build(set, store, SetFixture.Key, first: 0, count: 16, mostAbsent: 16, threads: 2, default);
}
