using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Notice;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>Pushes that are over and make one delta.</summary>
/// <param name="Names">The refs that they named.</param>
/// <param name="Pushes">The pushes.</param>
internal sealed record EndedPushes(HashSet<RefName> Names, List<PushId> Pushes)
{
    /// <summary>When it was noticed that the last of them is over, in microseconds since 1970.</summary>
    public long NoticedAt { get; set; }

    /// <summary>Where in the order of hooks the first of them ended.</summary>
    public long FirstEnd { get; set; }

    /// <summary>Where in the order of hooks the last of them began.</summary>
    public long LastOpen { get; set; }

    /// <summary>When the first of them was queued, as a count of all that is queued; 0 when that is not counted.</summary>
    public ulong Number { get; set; }

    /// <summary>Takes another's pushes too.</summary>
    public void Absorb(EndedPushes other)
    {
        Names.UnionWith(other.Names);
        Pushes.AddRange(other.Pushes);
        NoticedAt = Math.Max(NoticedAt, other.NoticedAt);
        FirstEnd = Math.Min(FirstEnd, other.FirstEnd);
        LastOpen = Math.Max(LastOpen, other.LastOpen);
        Number = Math.Min(Number, other.Number);
    }
}

/// <summary>
/// The pushes of one repository that are under way. A push that ends is captured at once, unless an open push names one
/// of its refs too (directly, or through a third): those become one delta at the end of the last. Others do not wait,
/// but for a push that was over before they began: without it the log would show what the disk never did.
/// </summary>
internal sealed class PushGroups
{
    private readonly Dictionary<PushId, (HashSet<RefName> Names, long Order)> open = [];

    // No two of them name the same ref.
    private readonly List<EndedPushes> ended = [];

    /// <summary>A push has begun.</summary>
    /// <param name="push">The push.</param>
    /// <param name="names">The refs that it wants to change.</param>
    /// <param name="order">Its hook's place in the order of all hooks.</param>
    public void Open(PushId push, IEnumerable<RefName> names, long order = 0) => open[push] = ([.. names], order);

    /// <summary>A push is over. What it named last counts, for a hook may be heard whose beginning was missed.</summary>
    /// <param name="push">The push.</param>
    /// <param name="names">The refs that it changed.</param>
    /// <param name="order">Its hook's place in the order of all hooks.</param>
    /// <param name="noticedAt">In microseconds since 1970.</param>
    /// <param name="number">See <see cref="EndedPushes.Number"/>.</param>
    public void End(PushId push, IEnumerable<RefName> names, long order = 0, long noticedAt = 0, ulong number = 0)
    {
        EndedPushes group = new([.. names], [push]) { NoticedAt = noticedAt, FirstEnd = order, LastOpen = order, Number = number };
        if (open.Remove(push, out (HashSet<RefName> Names, long Order) opened))
        {
            group.Names.UnionWith(opened.Names);
            group.LastOpen = opened.Order;
        }

        Add(group);
    }

    /// <summary>True when a push that is under way, or waits to be taken, names the ref.</summary>
    public bool Names(RefName name) =>
        open.Values.Any(push => push.Names.Contains(name)) || ended.Any(group => group.Names.Contains(name));

    /// <summary>The lowest number of what can be taken now; null when nothing can.</summary>
    public ulong? FirstNumber => FindReady() is { Count: > 0 } ready ? ready.Min(static group => group.Number) : null;

    /// <summary>The lowest number of what is over and not taken, whether it can be taken now or not; null when there is nothing.</summary>
    public ulong? FirstWaiting => ended.Count > 0 ? ended.Min(static group => group.Number) : null;

    /// <summary>Forgets what is over.</summary>
    public void Clear() => ended.Clear();

    /// <summary>Takes what is to be captured next, as one delta.</summary>
    /// <returns>False when nothing is, or all of it waits for open pushes.</returns>
    public bool TryTake([NotNullWhen(true)] out EndedPushes? first)
    {
        List<EndedPushes> ready = FindReady();
        first = ready.MinBy(static group => group.FirstEnd);
        if (first is null)
        {
            return false;
        }

        // Between two pushes that share a delta for a ref's sake others may have come and gone: they belong in it.
        ready.Remove(first);
        ended.Remove(first);
        while (TakeBefore(ready, first.LastOpen) is { } between)
        {
            first.Absorb(between);
            ended.Remove(between);
        }

        return true;
    }

    /// <summary>
    /// For refs that were read for their capture: when a push has begun to change one of them meanwhile, they wait for
    /// its end again, and true is returned.
    /// </summary>
    public bool TakeBack(EndedPushes group)
    {
        bool overtaken = open.Values.Any(push => group.Names.Overlaps(push.Names))
            || ended.Any(other => group.Names.Overlaps(other.Names));
        if (overtaken)
        {
            Add(group);
        }

        return overtaken;
    }

    private void Add(EndedPushes group)
    {
        foreach (EndedPushes other in ended.FindAll(other => other.Names.Overlaps(group.Names)))
        {
            group.Absorb(other);
            ended.Remove(other);
        }

        ended.Add(group);
    }

    /// <summary>All but those that share a ref with an open push, directly or through one that does, or came after such a one.</summary>
    private List<EndedPushes> FindReady()
    {
        List<EndedPushes> ready = [.. ended];
        HashSet<RefName> held = [];
        long heldSince = long.MaxValue;
        foreach ((HashSet<RefName> names, _) in open.Values)
        {
            held.UnionWith(names);
        }

        bool grew = open.Count > 0;
        while (grew)
        {
            grew = false;
            foreach (EndedPushes group in ready.FindAll(group => group.LastOpen > heldSince || group.Names.Overlaps(held)))
            {
                held.UnionWith(group.Names);
                heldSince = Math.Min(heldSince, group.FirstEnd);
                ready.Remove(group);
                grew = true;
            }
        }

        return ready;
    }

    private static EndedPushes? TakeBefore(List<EndedPushes> ready, long order)
    {
        int at = ready.FindIndex(group => group.FirstEnd < order);
        if (at < 0)
        {
            return null;
        }

        EndedPushes taken = ready[at];
        ready.RemoveAt(at);
        return taken;
    }
}
