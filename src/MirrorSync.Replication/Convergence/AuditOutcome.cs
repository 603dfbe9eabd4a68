namespace MirrorSync.Replication.Convergence;

/// <summary>What an audit of one repository came to.</summary>
public sealed record AuditOutcome
{
    /// <summary>The repository.</summary>
    public required string Repository { get; init; }

    /// <summary>The node that it was compared with, by address.</summary>
    public required string Against { get; init; }

    /// <summary>When it ended.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The record up to which this node's object set spoke.</summary>
    public ulong Sequence { get; init; }

    /// <summary>Ids in the object set.</summary>
    public long Objects { get; init; }

    /// <summary>Objects of the set that are missing here though the refs reach them: faults, which are repaired.</summary>
    public long Missing { get; init; }

    /// <summary>The first of them.</summary>
    public IReadOnlyList<string> MissingObjects { get; init; } = [];

    /// <summary>Objects of the set that are missing here and that no ref reaches.</summary>
    public long MissingUnreachable { get; init; }

    /// <summary>Objects that are here and not in the set.</summary>
    public long Outside { get; init; }

    /// <summary>Objects of the set that are here and not at the other node; null where that cannot be told.</summary>
    public long? MissingElsewhere { get; init; }

    /// <summary>The object set here was not the other node's, and was fetched anew.</summary>
    public bool SetDiffered { get; init; }

    /// <summary>Refs on this node's disk that were not what the log says.</summary>
    public long WrongRefs { get; init; }

    /// <summary>Faults that were there and are no more.</summary>
    public long Repaired { get; init; }

    /// <summary>How long it took.</summary>
    public double Seconds { get; init; }

    /// <summary>Bytes of questions and answers.</summary>
    public long Bytes { get; init; }

    /// <summary>Questions that were asked.</summary>
    public int RoundTrips { get; init; }

    /// <summary>Why it could not be ended; null when it was.</summary>
    public string? Error { get; init; }

    /// <summary>True when nothing is wrong, or no more.</summary>
    public bool IsSound => Error is null && Missing + WrongRefs <= Repaired;
}
