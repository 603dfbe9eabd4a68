namespace MirrorSync.Replication.Mirror;

/// <summary>
/// When one repository was last proven equal to the primary. A proof is an answer of the primary: "at the time that
/// you asked, less the age of my last look, my log ended here"; it holds once everything up to there is applied.
/// </summary>
/// <param name="initial">The timestamp as of which equality is known already; null when it is not.</param>
internal sealed class FreshnessProof(long? initial)
{
    // A repository with more answers than this outstanding is so far behind that finer steps tell nothing.
    private const int MaxOutstanding = 64;

    private readonly Queue<(ulong Sequence, long AsOf)> outstanding = [];

    /// <summary>The timestamp as of which equality is proven; null when it never was.</summary>
    public long? ProvenAsOf { get; private set; } = initial;

    /// <summary>Takes an answer.</summary>
    /// <param name="sequence">Where the primary's log ended.</param>
    /// <param name="asOf">The timestamp for which that speaks, on this node's clock.</param>
    /// <param name="firstPending">The first record not yet applied; null when there is none.</param>
    public void Offer(ulong sequence, long asOf, ulong? firstPending)
    {
        if (outstanding.Count < MaxOutstanding)
        {
            outstanding.Enqueue((sequence, asOf));
        }

        Advance(firstPending);
    }

    /// <summary>Records have been applied.</summary>
    public void Advance(ulong? firstPending)
    {
        while (outstanding.TryPeek(out (ulong Sequence, long AsOf) answer) && (firstPending is null || answer.Sequence < firstPending))
        {
            ProvenAsOf = ProvenAsOf is { } known ? Math.Max(known, answer.AsOf) : answer.AsOf;
            outstanding.Dequeue();
        }
    }

    /// <summary>The repository is no longer trusted: answers that wait prove nothing.</summary>
    public void Forget() => outstanding.Clear();
}
