namespace MirrorSync.Replication.Scrubbing;

/// <summary>How a node's scrub stands, as <c>/status</c> tells it. Counts are since the node started.</summary>
/// <param name="Cycles">Cycles that were completed.</param>
/// <param name="CycleBegan">When the cycle began that is under way, or the last one; null before the first.</param>
/// <param name="Bytes">Bytes that were read.</param>
/// <param name="Faults">Faults that were found, by kind; kinds without any are not there.</param>
/// <param name="Rebuilt">Derived files that were made anew.</param>
/// <param name="OldestSeconds">Age of the oldest unscrubbed byte: since it was last read, or first seen; null before anything was seen.</param>
/// <param name="Log">What is wrong with the log or the spool, a sentence each; empty when nothing is.</param>
public sealed record ScrubTotals(
    long Cycles,
    DateTimeOffset? CycleBegan,
    long Bytes,
    IReadOnlyDictionary<string, long> Faults,
    long Rebuilt,
    double? OldestSeconds,
    IReadOnlyList<string> Log);

/// <summary>How one repository's last scrub stands.</summary>
/// <param name="At">When the part of it that was read longest ago was read; null when a part never was.</param>
/// <param name="OldestSeconds">Age of its oldest unscrubbed byte.</param>
/// <param name="FaultCount">Faults that were found last and are not known to be gone.</param>
/// <param name="Faults">The first of them, a sentence each. Those found before a restart are told again once they are found again.</param>
public sealed record RepositoryScrubStatus(DateTimeOffset? At, double OldestSeconds, int FaultCount, IReadOnlyList<string> Faults);

/// <summary>A fault for whoever asked for a check.</summary>
/// <param name="Kind">The kind's name.</param>
/// <param name="File">The file.</param>
/// <param name="Offset">Where in it, in bytes.</param>
/// <param name="Reason">What is wrong.</param>
/// <param name="ObjectCount">How many objects are lost with it; null when that cannot be told.</param>
/// <param name="Objects">The first of them, hex.</param>
public sealed record FoundFault(string Kind, string File, long Offset, string Reason, int? ObjectCount, IReadOnlyList<string> Objects);

/// <summary>What a check of one repository came to.</summary>
/// <param name="Repository">The repository; empty for the log.</param>
/// <param name="Bytes">Bytes that were read.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Rebuilt">Derived files that were made anew; what was wrong with them is not among the faults.</param>
/// <param name="Faults">What is wrong.</param>
/// <param name="Error">Why it could not be checked; null when it was.</param>
public sealed record CheckOutcome(
    string Repository, long Bytes, double Seconds, int Rebuilt, IReadOnlyList<FoundFault> Faults, string? Error);
