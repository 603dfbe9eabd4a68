using MirrorSync.Testing.Nodes;

namespace MirrorSync.Testing.Chaos;

/// <summary>The durable positions that one node told of, over kills and restarts. What it once acknowledged it has to keep.</summary>
/// <param name="node">Its name.</param>
public sealed class SeenPositions(string node)
{
    private readonly Dictionary<ulong, string> chains = [];
    private ulong last;
    private string? fault;

    /// <summary>How many different positions were told.</summary>
    public int Count => chains.Count;

    /// <summary>The node said this now. By one caller at a time.</summary>
    public void Add(DurableView position)
    {
        if (position.Sequence < last)
        {
            fault ??= $"{node} was durable up to {last}, and later only up to {position.Sequence}";
        }

        if (position.Sequence > 0 && !chains.TryAdd(position.Sequence, position.Chain) && chains[position.Sequence] != position.Chain)
        {
            fault ??= $"{node} had two logs with a record {position.Sequence}";
        }

        last = Math.Max(last, position.Sequence);
    }

    /// <summary>Null when it never went back, and all that it told of is in the primary's log; otherwise what was wrong.</summary>
    public string? FindFault(LoggedHistory log)
    {
        foreach ((ulong sequence, string chain) in chains)
        {
            if (log.ChainAt(sequence) != chain)
            {
                fault ??= $"{node} had {sequence} with chain {chain}, the primary's log, which ends at {log.End}, has {log.ChainAt(sequence) ?? "none"} there";
            }
        }

        return fault;
    }
}
