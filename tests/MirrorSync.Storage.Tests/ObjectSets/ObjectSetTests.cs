using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Tests.ObjectSets;

public class ObjectSetTests
{
    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public void Add_RandomBatchesRestartsAndCompactions_IsTheModel(ObjectFormat format)
    {
        using SetFixture fixture = new(format: format);
        Random random = new(2);
        ObjectSet set = fixture.Set;
        HashSet<ObjectId> model = [.. fixture.Ids(1000)];
        set.Replace(1, model, default);
        for (ulong sequence = 2; sequence < 60; sequence++)
        {
            // Some come back, as trees do after a revert, and some come twice at once.
            ObjectId[] fresh = fixture.Ids(random.Next(4) == 0 ? random.Next(9000) : random.Next(50));
            ObjectId[] ids = [.. fresh, .. fresh.Take(3), .. model.Skip(random.Next(model.Count)).Take(random.Next(40))];
            SketchCell before = set.Cell;
            ObjectSetChange change = set.Add(sequence, ids);
            Assert.Equal(fresh.Order(), change.NewIds.ToArray());
            Assert.Equal(before, change.Before);
            Assert.Equal(set.Cell, change.After);
            model.UnionWith(fresh);
            if (random.Next(8) == 0)
            {
                set = fixture.SetAgain();
            }

            if (random.Next(8) == 0)
            {
                set.Compact(default);
                Assert.False(set.NeedsCompaction);
            }

            Assert.Equal(sequence, set.Sequence);
        }

        Assert.True(model.Count > 30_000);
        SetFixture.AssertHolds(model, set);
        SetFixture.AssertHolds(model, fixture.SetAgain());
        foreach (ObjectId id in model.Take(2000))
        {
            Assert.True(set.Contains(id));
        }

        foreach (ObjectId id in fixture.Ids(2000))
        {
            Assert.False(set.Contains(id));
        }
    }

    [Fact]
    public void Add_ReplayedRecord_ChangesNothing()
    {
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(10);
        fixture.Set.Replace(5, ids[..4], default);
        fixture.Set.Add(7, ids);
        // A record below the Baseline brought what the Baseline left out.
        ObjectSetChange change = fixture.Set.Add(7, fixture.Ids(3));

        Assert.Equal(0, change.NewIds.Length);
        Assert.Equal(change.Before, change.After);
        SetFixture.AssertHolds(ids, fixture.Set);
        Assert.Equal(7ul, fixture.Set.Sequence);
    }

    [Fact]
    public void Add_RecordWithoutIds_IsRemembered()
    {
        using SetFixture fixture = new();
        fixture.Set.Replace(1, [], default);
        fixture.Set.Add(2, []);

        Assert.Equal(2ul, fixture.SetAgain().Sequence);
        Assert.Equal(default, fixture.SetAgain().Cell);
    }

    [Fact]
    public void Add_ManyRecordsWithoutIds_JournalStaysShort()
    {
        const ulong records = 70_000;
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(3);
        fixture.Set.Replace(1, [], default);
        for (ulong sequence = 2; sequence <= records; sequence++)
        {
            fixture.Set.Add(sequence, []);
        }

        Assert.Equal(records, fixture.SetAgain().Sequence);
        Assert.True(new FileInfo(fixture.File("journal-")).Length < SetJournal.MostBytes / 2);
        Assert.Empty(Directory.GetFiles(fixture.Folder, "run-*"));
        fixture.Set.Add(records + 1, ids);
        SetFixture.AssertHolds(ids, fixture.SetAgain());
    }

    [Fact]
    public void Prepare_NotCommitted_ChangesNothing()
    {
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(20);
        fixture.Set.Replace(1, ids[..10], default);
        ObjectSetChange change = fixture.Set.Prepare(ids);

        Assert.Equal(ids[10..].Order(), change.NewIds.ToArray());
        Assert.Equal(SetFixture.CellOf(ids), change.After);
        SetFixture.AssertHolds(ids[..10], fixture.SetAgain());
        fixture.Set.Commit(2, change);
        SetFixture.AssertHolds(ids, fixture.SetAgain());
    }

    [Fact]
    public void Commit_SetChangedSince_Throws()
    {
        using SetFixture fixture = new();
        fixture.Set.Replace(1, [], default);
        ObjectSetChange first = fixture.Set.Prepare(fixture.Ids(1));
        ObjectSetChange second = fixture.Set.Prepare(fixture.Ids(1));
        fixture.Set.Commit(2, first);

        Assert.Throws<InvalidOperationException>(() => fixture.Set.Commit(3, second));
        Assert.Throws<InvalidOperationException>(() => fixture.Set.Commit(2, fixture.Set.Prepare(fixture.Ids(1))));
        Assert.Equal(1, fixture.Set.Cell.Count);
    }

    [Fact]
    public void Commit_SetWasPutAwaySincePrepared_IsAdded()
    {
        using SetFixture fixture = new(mostOpen: 1);
        ObjectId[] ids = fixture.Ids(5);
        fixture.Set.Replace(1, [], default);
        ObjectSetChange change = fixture.Set.Prepare(ids);
        fixture.Sets.Open(RepositoryName.Parse("other.git"), ObjectFormat.Sha1).Replace(1, [], default);
        Assert.Equal(0, fixture.Sets.Open(RepositoryName.Parse("other.git"), ObjectFormat.Sha1).Cell.Count);
        fixture.Set.Commit(2, change);

        SetFixture.AssertHolds(ids, fixture.SetAgain());
    }

    [Fact]
    public void Replace_ManyIdsInAnyOrderAndTwice_IsTheirSet()
    {
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(SortedIds.ChunkIds + 50_000);
        fixture.Set.Replace(1, fixture.Ids(10), default);
        SketchCell cell = fixture.Set.Replace(2, [.. ids, .. ids.Take(1000)], default);

        Assert.Equal(ids.Length, cell.Count);
        Assert.Equal(SetFixture.CellOf(ids), cell);
        using ObjectSetSnapshot snapshot = fixture.SetAgain().Snapshot();
        Array.Sort(ids);
        Assert.True(snapshot.Enumerate().SequenceEqual(ids));
        Assert.Single(Directory.GetFiles(fixture.Folder, "run-*"));
    }

    [Fact]
    public void Replace_Cancelled_LeavesTheSet()
    {
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(100);
        fixture.Set.Replace(1, ids, default);
        using CancellationTokenSource cancelling = new();

        Assert.Throws<OperationCanceledException>(() => fixture.Set.Replace(2, CancelAfter(fixture.Ids(200_000), cancelling), cancelling.Token));
        SetFixture.AssertHolds(ids, fixture.Set);
        Assert.Equal(1ul, fixture.SetAgain().Sequence);
        Assert.Single(Directory.GetFiles(fixture.Folder, "run-*"));
    }

    [Fact]
    public void Enumerate_RangesOfFirstBytes_AreTheWhole()
    {
        using SetFixture fixture = new();
        fixture.Set.Replace(1, fixture.Ids(9000), default);
        fixture.Set.Add(2, fixture.Ids(9000));
        fixture.Set.Add(3, fixture.Ids(500));
        using ObjectSetSnapshot snapshot = fixture.Set.Snapshot();
        List<ObjectId> parts = [];
        for (int first = 0; first < 256; first++)
        {
            foreach (ObjectId id in snapshot.Enumerate((byte)first, (byte)first))
            {
                Assert.Equal(first, id.AsSpan(ObjectFormat.Sha1)[0]);
                parts.Add(id);
            }
        }

        Assert.Equal(snapshot.Enumerate(), parts);
        Assert.Equal(18_500, parts.Count);
        Assert.Equal(snapshot.Enumerate(10, 20).Concat(snapshot.Enumerate(21, 255)), snapshot.Enumerate(10));
    }

    [Fact]
    public void Snapshot_SetChangesMeanwhile_StaysAsItWas()
    {
        using SetFixture fixture = new();
        ObjectId[] ids = fixture.Ids(300);
        fixture.Set.Replace(1, ids[..200], default);
        fixture.Set.Add(2, ids.AsSpan(200));
        using ObjectSetSnapshot before = fixture.Set.Snapshot();
        IEnumerator<ObjectId> reading = before.Enumerate().GetEnumerator();
        Assert.True(reading.MoveNext());
        fixture.Set.Add(3, fixture.Ids(9000));
        fixture.Set.Compact(default);
        fixture.Set.Replace(4, fixture.Ids(5), default);
        Assert.Equal(5, fixture.Set.Cell.Count);
        fixture.Sets.Delete(fixture.Name);

        Assert.Equal(2ul, before.Sequence);
        Assert.Equal(SetFixture.CellOf(ids), before.Cell);
        Assert.Equal(ids.Order(), before.Enumerate());
        Assert.True(reading.MoveNext());
        reading.Dispose();
    }

    [Fact]
    public async Task Compact_AdditionsMeanwhile_AllAreThere()
    {
        using SetFixture fixture = new();
        ObjectSet set = fixture.Set;
        List<ObjectId> model = [.. fixture.Ids(60_000)];
        set.Replace(1, model, default);
        ulong sequence = 1;
        for (int round = 0; round < 6; round++)
        {
            ObjectId[] many = fixture.Ids(140_000 / (round + 1));
            set.Add(++sequence, many);
            model.AddRange(many);
            Task compacting = Task.Run(() => set.Compact(default));
            do
            {
                ObjectId[] few = fixture.Ids(700);
                set.Add(++sequence, few);
                model.AddRange(few);
            }
            while (!compacting.IsCompleted);
            await compacting;
        }

        SetFixture.AssertHolds(model, set);
        SetFixture.AssertHolds(model, fixture.SetAgain());
        Assert.Equal(sequence, fixture.SetAgain().Sequence);
    }

    [Fact]
    public void Compact_ManySmallRuns_LeavesFew()
    {
        using SetFixture fixture = new();
        fixture.Set.Replace(1, [], default);
        for (ulong sequence = 2; sequence < 12; sequence++)
        {
            fixture.Set.Add(sequence, fixture.Ids(100_000));
        }

        Assert.True(fixture.Set.NeedsCompaction);
        Assert.True(fixture.Set.Compact(default));
        Assert.False(fixture.Set.Compact(default));
        Assert.Equal(1_000_000, fixture.Set.Cell.Count);
        Assert.InRange(Directory.GetFiles(fixture.Folder, "run-*").Length, 1, 3);
        using ObjectSetSnapshot snapshot = fixture.SetAgain().Snapshot();
        Assert.Equal(1_000_000, snapshot.Enumerate().Count());
    }

    private static IEnumerable<ObjectId> CancelAfter(ObjectId[] ids, CancellationTokenSource cancelling)
    {
        foreach (ObjectId id in ids)
        {
            yield return id;
        }

        cancelling.Cancel();
    }
}
