using MirrorSync.Git.Refs;
using MirrorSync.Replication.Tests.Support;

namespace MirrorSync.Replication.Tests;

public sealed class DisasterGuardTests
{
    [Theory]
    [InlineData(10, 10, false)]
    [InlineData(10, 20, false)]
    [InlineData(11, 20, true)]
    [InlineData(11, 11, true)]
    [InlineData(11, 219, true)]
    [InlineData(11, 220, false)]
    [InlineData(50, 1000, false)]
    [InlineData(51, 1000, true)]
    [InlineData(0, 0, false)]
    public void Refuse_MoreThanFivePercentAndOverTen_IsHeld(int gone, int all, bool held)
    {
        RefSnapshot captured = Samples.Snapshot([.. Enumerable.Range(0, all).Select(static i => ($"heads/{i}", "x"))]);
        List<RefUpdate> updates = [.. captured.Entries.Take(gone).Select(static e => new RefUpdate(e.Name, e.Value, RefValue.None))];

        // Creations and changes are no loss.
        updates.AddRange(captured.Entries.Skip(gone).Select(static e => new RefUpdate(e.Name, e.Value, Samples.Value("y"))));
        updates.Add(new RefUpdate(Samples.Ref("heads/new"), RefValue.None, Samples.Value("new")));
        Assert.Equal(held, DisasterGuard.Refuse(captured, updates, new HashSet<RefName>()) is not null);
        Assert.Null(DisasterGuard.Refuse(captured, updates, updates.Select(static u => u.Name).ToHashSet()));
    }

    [Theory]
    [InlineData(0, 1, false)]
    [InlineData(1, 1, false)]
    [InlineData(1, 10, false)]
    [InlineData(2, 39, true)]
    [InlineData(2, 40, false)]
    [InlineData(100, 2000, false)]
    [InlineData(101, 2000, true)]
    public void IsMassDisappearance_MoreThanFivePercentAndOverOne_IsMass(int gone, int all, bool mass) =>
        Assert.Equal(mass, DisasterGuard.IsMassDisappearance(gone, all));
}
