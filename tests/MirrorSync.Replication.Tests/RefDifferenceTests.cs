using MirrorSync.Git.Refs;
using MirrorSync.Replication.Tests.Support;

namespace MirrorSync.Replication.Tests;

public sealed class RefDifferenceTests
{
    private static readonly RefSnapshot Captured = Samples.Snapshot(("heads/gone", "g"), ("heads/main", "1"), ("heads/same", "s"));

    [Fact]
    public void OfAll_NewChangedAndGone_AreTheUpdates()
    {
        List<RefUpdate> updates = RefDifference.OfAll(
            Captured, Samples.Reading(("heads/main", "2"), ("heads/same", "s"), ("heads/new", "n")), static _ => false);
        Assert.Equal(
            [
                new RefUpdate(Samples.Ref("heads/gone"), Samples.Value("g"), RefValue.None),
                new RefUpdate(Samples.Ref("heads/main"), Samples.Value("1"), Samples.Value("2")),
                new RefUpdate(Samples.Ref("heads/new"), RefValue.None, Samples.Value("n")),
            ],
            updates.OrderBy(static u => u.Name));
    }

    [Fact]
    public void OfAll_LeftOut_AreNotAmongThem() => Assert.Equal(
        [Samples.Ref("heads/gone")],
        RefDifference.OfAll(Captured, Samples.Reading(("heads/main", "2"), ("heads/same", "s")), static n => n == Samples.Ref("heads/main"))
            .Select(static u => u.Name));

    [Fact]
    public void OfAll_HeadElsewhere_IsAnUpdateOfItsName()
    {
        RefValue elsewhere = RefValue.Symbolic(Samples.Ref("heads/same"));
        RefUpdate update = Assert.Single(RefDifference.OfAll(
            Captured,
            Samples.Reading(("heads/main", "1"), ("heads/same", "s"), ("heads/gone", "g")) with { Head = elsewhere },
            static _ => false));
        Assert.Equal(new RefUpdate(RefName.Head, Captured.Head, elsewhere), update);
    }

    [Fact]
    public void OfNames_OnlyTheNamed_AreCompared() => Assert.Equal(
        [new RefUpdate(Samples.Ref("heads/gone"), Samples.Value("g"), RefValue.None)],
        RefDifference.OfNames(Captured, Samples.Reading(("heads/main", "2")), Samples.Refs("heads/gone", "heads/never")));

    [Fact]
    public void OfAll_Applied_GivesTheReading()
    {
        List<RefUpdate> updates = RefDifference.OfAll(
            Captured, Samples.Reading(("heads/main", "2"), ("tags/x", "t")), static _ => false);
        RefSnapshot? after = Captured.TryApply(updates, new Dictionary<Git.Objects.ObjectId, Git.Objects.ObjectId>(), out _);
        Assert.Equal(Samples.Snapshot(("heads/main", "2"), ("tags/x", "t")).Digest, after!.Digest);
    }

    [Fact]
    public void Ids_SymbolicAndGone_CountForNothing()
    {
        RefUpdate[] updates =
        [
            new(Samples.Ref("a"), RefValue.None, Samples.Value("1")),
            new(Samples.Ref("b"), RefValue.None, Samples.Value("1")),
            new(Samples.Ref("c"), Samples.Value("2"), RefValue.None),
            new(Samples.Ref("d"), RefValue.None, RefValue.Symbolic(Samples.Ref("a"))),
        ];
        Assert.Equal([Samples.Id("1")], RefDifference.NewIds(updates));
    }

    [Fact]
    public void IdsOf_DetachedHead_CountsToo()
    {
        RefSnapshot refs = RefSnapshot.Create(Git.Objects.ObjectFormat.Sha1, Samples.Value("head"), []);
        Assert.Equal([Samples.Id("head")], RefDifference.IdsOf(refs));
    }
}
