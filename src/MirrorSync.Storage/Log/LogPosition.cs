namespace MirrorSync.Storage.Log;

/// <summary>Which log, and how far: two nodes with equal positions hold equal logs.</summary>
/// <param name="Epoch">One primary's term.</param>
/// <param name="Sequence">The number of the last record, dense from 1; 0 before the first.</param>
/// <param name="Chain">The hash chain over every record up to and including that one.</param>
public readonly record struct LogPosition(ulong Epoch, ulong Sequence, Hash256 Chain)
{
    /// <summary>Before the first record.</summary>
    public static LogPosition Origin => default;

    /// <summary>As in <c>1:42:9f86d081</c> (the chain's first digits).</summary>
    public override string ToString() => $"{Epoch}:{Sequence}:{Chain.ToString()[..8]}";
}
