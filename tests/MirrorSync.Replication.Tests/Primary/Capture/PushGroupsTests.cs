using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Capture;
using MirrorSync.Replication.Primary.Notice;
using MirrorSync.Replication.Tests.Support;

namespace MirrorSync.Replication.Tests.Primary.Capture;

public sealed class PushGroupsTests
{
    private readonly PushGroups groups = new();

    [Fact]
    public void End_OnlyPush_IsCompleteAtOnce()
    {
        Open(1, "a", "b");
        Assert.Equal(["a b"], End(1, "a", "b"));
        Assert.False(Names("a"));
    }

    [Fact]
    public void End_NeverOpened_IsComplete() => Assert.Equal(["a"], End(1, "a"));

    [Fact]
    public void End_OtherRefsOpen_DoesNotWait()
    {
        Open(1, "a");
        Open(2, "b");
        Assert.Equal(["b"], End(2, "b"));
        Assert.Equal(["a"], End(1, "a"));
    }

    [Fact]
    public void End_SharedRefOpen_BecomesOneAtTheEndOfTheLast()
    {
        Open(1, "a", "b");
        Open(2, "b", "c");
        Assert.Empty(End(1, "a", "b"));
        Assert.True(Names("a"));
        Assert.Equal(["a b c"], End(2, "b", "c"));
        Assert.False(Names("a"));
    }

    [Fact]
    public void End_SharedThroughAThird_BecomesOneAtTheEndOfTheLast()
    {
        Open(1, "a", "b");
        Open(2, "b", "c");
        Open(3, "c", "d");
        Open(4, "z");
        Assert.Empty(End(1, "a", "b"));
        Assert.Empty(End(3, "c", "d"));
        Assert.Equal(["z"], End(4, "z"));
        Assert.Equal(["a b c d"], End(2, "b", "c"));
    }

    [Fact]
    public void End_MiddleFirst_WaitsForBothSides()
    {
        Open(1, "a", "b");
        Open(2, "b", "c");
        Open(3, "c", "d");
        Assert.Empty(End(2, "b", "c"));
        Assert.Empty(End(1, "a", "b"));
        Assert.Equal(["a b c d"], End(3, "c", "d"));
    }

    [Fact]
    public void End_TwoWaitForDifferentPushes_EachGoesWithItsOwn()
    {
        Open(1, "a");
        Open(2, "b");
        Open(3, "a");
        Open(4, "b");
        Assert.Empty(End(1, "a"));
        Assert.Empty(End(2, "b"));
        Assert.Equal(["b"], End(4, "b"));
        Assert.Equal(["a"], End(3, "a"));
    }

    [Fact]
    public void End_Twice_IsTakenTwiceAndHarmless()
    {
        Open(1, "a");
        Assert.Equal(["a"], End(1, "a"));
        Assert.Equal(["a"], End(1, "a"));
        Assert.False(Names("a"));
    }

    [Fact]
    public void End_MoreOrLessThanOpened_CountsBoth()
    {
        Open(1, "a", "b");
        Assert.Equal(["a b c"], End(1, "c"));
    }

    [Fact]
    public void End_NamesNothing_BlocksNobody()
    {
        Open(1);
        End(1);
        Open(2, "a");
        Assert.Equal(["a"], End(2, "a").Where(static g => g.Length > 0));
    }

    [Fact]
    public void Names_OpenAndWaiting_AreNamedUntilTaken()
    {
        Open(1, "a", "b");
        Open(2, "b");
        End(1, "a", "b");
        Assert.True(Names("a") && Names("b") && !Names("c"));
        End(2, "b");
        Assert.False(Names("a") || Names("b"));
    }

    [Fact]
    public void End_SharedRefs_NamesEveryPushOfTheGroup()
    {
        Open(1, "a");
        Open(2, "a");
        End(1, "a");
        groups.End(Push(2), Samples.Refs("a"));
        EndedPushes group = Assert.Single(TakeAll());
        Assert.Equal([Push(1), Push(2)], group.Pushes.OrderBy(static p => p.ProcessId));
    }

    [Fact]
    public void TakeBack_PushBegunMeanwhile_WaitsForIt()
    {
        Open(1, "a", "b");
        groups.End(Push(1), Samples.Refs("a", "b"));
        EndedPushes group = Assert.Single(TakeAll());
        Open(2, "c");
        Assert.False(groups.TakeBack(group));
        Open(3, "b");
        Assert.True(groups.TakeBack(group));
        Assert.True(Names("a"));
        Assert.Equal(["c"], End(2, "c"));
        Assert.Equal(["a b"], End(3, "b"));
    }

    [Fact]
    public void End_BegunAfterOneThatWaits_WaitsToo()
    {
        // "x" was pushed by who had seen "a" pushed: the log must not have the one without the other.
        groups.Open(Push(1), Samples.Refs("a"), 1);
        groups.End(Push(1), Samples.Refs("a"), 2);
        groups.Open(Push(2), Samples.Refs("x"), 3);
        groups.Open(Push(3), Samples.Refs("a"), 5);
        groups.End(Push(2), Samples.Refs("x"), 4);
        Assert.Empty(TakeAll());
        groups.End(Push(3), Samples.Refs("a"), 6);
        Assert.Equal("a x", Text(Assert.Single(TakeAll())));
    }

    [Fact]
    public void TryTake_PushesOneAfterTheOther_KeepTheirOrder()
    {
        // As they come at a start, all at once: those that share no ref are deltas of their own, in the order of the hooks.
        groups.Open(Push(1), Samples.Refs("c"), 1);
        groups.Open(Push(2), Samples.Refs("a"), 3);
        groups.Open(Push(3), Samples.Refs("b"), 5);
        groups.End(Push(1), Samples.Refs("c"), 2);
        groups.End(Push(2), Samples.Refs("a"), 4);
        groups.End(Push(3), Samples.Refs("b"), 6);
        Assert.Equal(["c", "a", "b"], TakeAll().Select(Text));
    }

    [Fact]
    public void TryTake_SameRefTwiceWithOthersBetween_IsOneWithThose()
    {
        // The disk has the second value already: what came between was there before it.
        End(1, 1, "a");
        End(2, 3, "x");
        End(3, 5, "a");
        End(4, 7, "y");
        Assert.Equal(["a x", "y"], TakeAll().Select(Text));

        void End(int push, long order, string name)
        {
            groups.Open(Push(push), Samples.Refs(name), order);
            groups.End(Push(push), Samples.Refs(name), order + 1);
        }
    }

    private void Open(int push, params string[] refs) => groups.Open(Push(push), Samples.Refs(refs));

    private List<string> End(int push, params string[] refs)
    {
        groups.End(Push(push), Samples.Refs(refs));
        return [.. TakeAll().Select(Text)];
    }

    private List<EndedPushes> TakeAll()
    {
        List<EndedPushes> taken = [];
        while (groups.TryTake(out EndedPushes? group))
        {
            taken.Add(group);
        }

        return taken;
    }

    private static string Text(EndedPushes group) =>
        string.Join(' ', group.Names.Order().Select(static n => n.ToString()["refs/".Length..]));

    private bool Names(string name) => groups.Names(Samples.Ref(name));

    private static PushId Push(int number) => new("boot", number, number);
}
