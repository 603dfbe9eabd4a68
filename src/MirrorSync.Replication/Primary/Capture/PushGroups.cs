using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Notice;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>Pushes that are over and make one delta.</summary>
/// <param name="Names">The refs that they named.</param>
/// <param name="Pushes">The pushes.</param>
internal sealed record EndedPushes(HashSet<RefName> Names, List<PushId> Pushes);

/// <summary>
/// The pushes of one repository that are under way. A push that ends is captured at once, unless an open push names one
/// of its refs too (directly, or through a third): those become one delta at the end of the last. Others never wait.
/// </summary>
internal sealed class PushGroups
{
    private readonly Dictionary<PushId, HashSet<RefName>> open = [];
    private readonly List<EndedPushes> ended = [];

    /// <summary>A push has begun.</summary>
    public void Open(PushId push, IEnumerable<RefName> names) => open[push] = [.. names];

    /// <summary>A push is over. What it named last counts, for a hook may be heard whose beginning was missed.</summary>
    /// <returns>What is to be captured now, one for each delta.</returns>
    public IReadOnlyList<EndedPushes> End(PushId push, IEnumerable<RefName> names)
    {
        EndedPushes group = new([.. names], [push]);
        if (open.Remove(push, out HashSet<RefName>? opened))
        {
            group.Names.UnionWith(opened);
        }

        ended.Add(group);
        return TakeComplete();
    }

    /// <summary>True when a push that is under way, or waits for one, names the ref.</summary>
    public bool Names(RefName name) =>
        open.Values.Any(names => names.Contains(name)) || ended.Any(group => group.Names.Contains(name));

    /// <summary>
    /// For refs that were read for their capture: when a push has begun to change one of them meanwhile, they wait for
    /// its end again, and true is returned.
    /// </summary>
    public bool TakeBack(EndedPushes group)
    {
        bool overtaken = open.Values.Any(group.Names.Overlaps);
        if (overtaken)
        {
            ended.Add(group);
        }

        return overtaken;
    }

    private List<EndedPushes> TakeComplete()
    {
        MergeEnded();
        HashSet<RefName> held = [];
        foreach (HashSet<RefName> names in open.Values)
        {
            held.UnionWith(names);
        }

        // A set is bound to the open pushes when it shares a ref with one, or with a set that is bound.
        bool grew = true;
        while (grew)
        {
            grew = false;
            foreach (EndedPushes group in ended)
            {
                if (group.Names.Overlaps(held) && !group.Names.IsSubsetOf(held))
                {
                    held.UnionWith(group.Names);
                    grew = true;
                }
            }
        }

        List<EndedPushes> complete = ended.FindAll(group => !group.Names.Overlaps(held));
        ended.RemoveAll(complete.Contains);
        return complete;
    }

    private void MergeEnded()
    {
        for (int i = 0; i < ended.Count; i++)
        {
            for (int j = ended.Count - 1; j > i; j--)
            {
                if (ended[i].Names.Overlaps(ended[j].Names))
                {
                    ended[i].Names.UnionWith(ended[j].Names);
                    ended[i].Pushes.AddRange(ended[j].Pushes);
                    ended.RemoveAt(j);
                    j = ended.Count;
                }
            }
        }
    }
}
