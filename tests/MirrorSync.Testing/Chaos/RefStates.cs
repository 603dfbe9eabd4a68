namespace MirrorSync.Testing.Chaos;

/// <summary>
/// States of one repository's refs are texts: a line of id and name for each ref that holds an id, in the order of names.
/// Whoever looks at a repository sees a sequence of them; here two sequences are compared.
/// </summary>
public static class RefStates
{
    /// <summary>The text of a state.</summary>
    /// <param name="refs">Ids in hex by full names.</param>
    public static string Text(IEnumerable<KeyValuePair<string, string>> refs) =>
        string.Join('\n', refs.OrderBy(static r => r.Key, StringComparer.Ordinal).Select(static r => $"{r.Value} {r.Key}"));

    /// <summary>
    /// Null when all that was seen are states of the truth, in its order: none that it never had, none twice but where it
    /// had them twice, though it may have had others between. Otherwise what was wrong.
    /// </summary>
    /// <param name="truth">The states that there were, in their order.</param>
    /// <param name="seen">The states that somebody saw, in the order of seeing.</param>
    public static string? FindFault(IReadOnlyList<string> truth, IReadOnlyList<string> seen)
    {
        // A state can recur. The earliest place that fits leaves the most room for those that follow.
        int at = 0;
        foreach (string one in seen)
        {
            int found = IndexOf(truth, one, at);
            if (found < 0)
            {
                return IndexOf(truth, one, 0) is var earlier and >= 0
                    ? $"it went back from state {at} to state {earlier}"
                    : $"after state {at} it showed what never was; {Nearest(truth, one)}";
            }

            at = found;
        }

        return null;
    }

    private static int IndexOf(IReadOnlyList<string> states, string wanted, int from)
    {
        for (int i = from; i < states.Count; i++)
        {
            if (states[i] == wanted)
            {
                return i;
            }
        }

        return -1;
    }

    private static string Nearest(IReadOnlyList<string> truth, string here)
    {
        int nearest = Enumerable.Range(0, truth.Count).MinBy(i => Difference(truth[i], here).Count);
        return $"nearest is state {nearest}, from which it differs in:\n{string.Join('\n', Difference(truth[nearest], here).Take(20))}";
    }

    private static List<string> Difference(string wanted, string here)
    {
        HashSet<string> left = [.. wanted.Split('\n')];
        HashSet<string> right = [.. here.Split('\n')];
        return [.. left.Except(right).Select(static l => "- " + l), .. right.Except(left).Select(static l => "+ " + l)];
    }
}

/// <summary>States in the order in which one onlooker saw them. Any thread.</summary>
/// <param name="where">What was looked at.</param>
public sealed class SeenStates(string where)
{
    private readonly List<string> seen = [];
    private readonly Lock gate = new();

    /// <summary>What was looked at.</summary>
    public string Where => where;

    /// <summary>What was seen, the same never twice in a row.</summary>
    public IReadOnlyList<string> States
    {
        get
        {
            lock (gate)
            {
                return [.. seen];
            }
        }
    }

    /// <summary>This was seen now.</summary>
    /// <returns>The number of the state.</returns>
    public int Add(string state)
    {
        lock (gate)
        {
            if (seen.Count == 0 || seen[^1] != state)
            {
                seen.Add(state);
            }

            return seen.Count - 1;
        }
    }
}
