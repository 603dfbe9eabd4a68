namespace MirrorSync.Replication.Maintenance;

/// <summary>One finished piece of background work on a repository, as <c>/status</c> tells it.</summary>
/// <param name="At">When it ended.</param>
/// <param name="Seconds">How long it took, pauses included.</param>
/// <param name="PacksBefore">Packs before.</param>
/// <param name="PacksAfter">Packs after.</param>
/// <param name="BytesBefore">Bytes of the object folder before.</param>
/// <param name="BytesAfter">Bytes of the object folder after.</param>
/// <param name="Error">Why it failed; null when it did not.</param>
public sealed record MaintenanceRun(
    DateTimeOffset At, double Seconds, int PacksBefore, int PacksAfter, long BytesBefore, long BytesAfter, string? Error);

/// <summary>What a node's maintenance did since the node started.</summary>
/// <param name="Folds">Folds of small packs.</param>
/// <param name="FoldSeconds">Time in folds.</param>
/// <param name="Runs">Background runs.</param>
/// <param name="RunSeconds">Time in background runs, pauses included.</param>
/// <param name="ReclaimedBytes">By how many bytes packs became smaller.</param>
/// <param name="Failures">Folds and runs that failed.</param>
/// <param name="ApplyWaits">How often apply waited for a fold, for the bound of packs was reached.</param>
/// <param name="MaxPacks">The most packs that any repository has now.</param>
public sealed record MaintenanceTotals(
    long Folds, double FoldSeconds, long Runs, double RunSeconds, long ReclaimedBytes, long Failures, long ApplyWaits, int MaxPacks);

/// <summary>What a request for maintenance did, or would do, to one repository.</summary>
/// <param name="Repository">The repository.</param>
/// <param name="PacksBefore">Packs before.</param>
/// <param name="PacksAfter">Packs after; the same in a dry run.</param>
/// <param name="LooseBefore">Loose objects before.</param>
/// <param name="LooseAfter">Loose objects after.</param>
/// <param name="BytesBefore">Bytes of the object folder before.</param>
/// <param name="BytesAfter">Bytes of the object folder after.</param>
/// <param name="Notes">What was done, or would be and why, a sentence each.</param>
/// <param name="Error">Why it failed; null when it did not.</param>
public sealed record MaintenanceOutcome(
    string Repository,
    int PacksBefore,
    int PacksAfter,
    int LooseBefore,
    int LooseAfter,
    long BytesBefore,
    long BytesAfter,
    IReadOnlyList<string> Notes,
    string? Error);
