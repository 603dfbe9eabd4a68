using MirrorSync.Git.Refs;
using MirrorSync.Replication.Primary.Notice;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>
/// The pushes of one repository that are under way. A push that ends is captured at once, unless an open push names one
/// of its refs too (directly, or through a third): those become one delta at the end of the last. Others never wait.
/// </summary>
internal sealed class PushGroups
{
    private readonly Dictionary<PushId, HashSet<RefName>> open = [];
    private readonly List<HashSet<RefName>> ended = [];

    /// <summary>A push has begun.</summary>
    public void Open(PushId push, IEnumerable<RefName> names) => open[push] = [.. names];

    /// <summary>A push is over. What it named last counts, for a hook may be heard whose beginning was missed.</summary>
    /// <returns>The refs to capture now, one set for each delta.</returns>
    public IReadOnlyList<HashSet<RefName>> End(PushId push, IEnumerable<RefName> names)
    {
        HashSet<RefName> group = [.. names];
        if (open.Remove(push, out HashSet<RefName>? opened))
        {
            group.UnionWith(opened);
        }

        ended.Add(group);
        return TakeComplete();
    }

    /// <summary>True when a push that is under way, or waits for one, names the ref.</summary>
    public bool Names(RefName name) =>
        open.Values.Any(names => names.Contains(name)) || ended.Any(names => names.Contains(name));

    private List<HashSet<RefName>> TakeComplete()
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
            foreach (HashSet<RefName> names in ended)
            {
                if (names.Overlaps(held) && !names.IsSubsetOf(held))
                {
                    held.UnionWith(names);
                    grew = true;
                }
            }
        }

        List<HashSet<RefName>> complete = ended.FindAll(names => !names.Overlaps(held));
        ended.RemoveAll(complete.Contains);
        return complete;
    }

    private void MergeEnded()
    {
        for (int i = 0; i < ended.Count; i++)
        {
            for (int j = ended.Count - 1; j > i; j--)
            {
                if (ended[i].Overlaps(ended[j]))
                {
                    ended[i].UnionWith(ended[j]);
                    ended.RemoveAt(j);
                    j = ended.Count;
                }
            }
        }
    }
}
