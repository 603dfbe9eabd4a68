using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Log;

/// <summary>A record before the log gave it its place: all but epoch, sequence and chain.</summary>
public sealed record LogRecordDraft
{
    /// <summary>What the record says.</summary>
    public required LogRecordKind Kind { get; init; }

    /// <summary>When the primary noticed the change, on its own clock: microseconds since 1970.</summary>
    public required long NoticedAtMicroseconds { get; init; }

    /// <summary>The repository that it concerns; the default value in an EpochStart.</summary>
    public required RepositoryName Repository { get; init; }

    /// <summary>That repository's object format; null in an EpochStart.</summary>
    public required ObjectFormat? Format { get; init; }

    /// <summary>What was proven before the record.</summary>
    public required Ledger Before { get; init; }

    /// <summary>What is proven once it is applied.</summary>
    public required Ledger After { get; init; }

    /// <summary>The body's place in the spool; null when it is inline.</summary>
    public SpooledBody? Spooled { get; init; }

    /// <summary>The inline body, at most <see cref="LogRecordCodec.InlineBodyLimit"/> bytes; empty when spooled.</summary>
    public ReadOnlyMemory<byte> InlineBody { get; init; }
}
