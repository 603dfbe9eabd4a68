namespace MirrorSync.Testing.Chaos;

/// <summary>
/// The states that one repository's refs had at the primary, in their order, and those that were seen on a mirror. A
/// state may be seen before the client that made it has noted it down, so the two are compared at the end.
/// </summary>
public sealed class SeenStates
{
    private readonly List<string> made = [];
    private readonly List<string> seen = [];
    private readonly Lock gate = new();

    /// <summary>How many different states in a row were seen.</summary>
    public int SeenCount
    {
        get
        {
            lock (gate)
            {
                return seen.Count;
            }
        }
    }

    /// <summary>The primary's refs are now these.</summary>
    /// <returns>The number of the state.</returns>
    public int Made(string refs)
    {
        lock (gate)
        {
            made.Add(refs);
            return made.Count - 1;
        }
    }

    /// <summary>A mirror's refs were these.</summary>
    public void Seen(string refs)
    {
        lock (gate)
        {
            if (seen.Count == 0 || seen[^1] != refs)
            {
                seen.Add(refs);
            }
        }
    }

    /// <summary>
    /// Null when all that was seen are states that the primary had, in the primary's order; otherwise what was wrong.
    /// </summary>
    public string? FindFault()
    {
        lock (gate)
        {
            // A state can recur. The earliest place that fits leaves the most room for those that follow.
            int at = 0;
            for (int i = 0; i < seen.Count; i++)
            {
                int found = made.IndexOf(seen[i], at);
                if (found < 0)
                {
                    return made.IndexOf(seen[i]) is var earlier and >= 0
                        ? $"it went back from state {at} to state {earlier}"
                        : $"after state {at} it showed what the primary never had; {Nearest(seen[i])}";
                }

                at = found;
            }

            return null;
        }
    }

    private string Nearest(string here)
    {
        int nearest = Enumerable.Range(0, made.Count).MinBy(i => Difference(made[i], here).Count);
        return $"nearest is state {nearest}, from which it differs in:\n{string.Join('\n', Difference(made[nearest], here).Take(20))}";
    }

    private static List<string> Difference(string wanted, string here)
    {
        HashSet<string> left = [.. wanted.Split('\n')];
        HashSet<string> right = [.. here.Split('\n')];
        return [.. left.Except(right).Select(static l => "- " + l), .. right.Except(left).Select(static l => "+ " + l)];
    }
}
