namespace MirrorSync.Replication;

/// <summary>
/// The removals of the last hour: whoever deletes a hundred repositories one after the other must not get past
/// <see cref="DisasterGuard"/> because each goes alone. What an operator accepted is not among them. Times are the
/// primary's, in microseconds since 1970, as records have them. Not thread-safe.
/// </summary>
/// <param name="known">The removals that are known from before.</param>
internal sealed class RemovalWindow(IEnumerable<long> known)
{
    /// <summary>How long a removal counts.</summary>
    public const long Length = 3600L * 1_000_000;

    private readonly List<long> removals = [.. known];

    /// <summary>All that are known.</summary>
    public IReadOnlyList<long> All => removals;

    /// <summary>One more was removed.</summary>
    public void Add(long at) => removals.Add(at);

    /// <summary>How many were removed within the hour before, or after, a moment.</summary>
    public int Around(long at) => removals.Count(r => Math.Abs(r - at) < Length);

    /// <summary>Forgets those that are more than an hour older than a moment.</summary>
    public void ForgetBefore(long at) => removals.RemoveAll(r => at - r >= Length);
}
