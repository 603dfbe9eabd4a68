using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Log;

/// <summary>
/// The head of a record: all but its body, see docs/RECORDS.md for the bytes. The body is inline behind it or a file in the spool.
/// </summary>
public sealed record LogRecord
{
    /// <summary>What the record says.</summary>
    public required LogRecordKind Kind { get; init; }

    /// <summary>The term of the primary that wrote it.</summary>
    public required ulong Epoch { get; init; }

    /// <summary>Its number, dense from 1.</summary>
    public required ulong Sequence { get; init; }

    /// <summary>The chain up to the record before it.</summary>
    public required Hash256 PreviousChain { get; init; }

    /// <summary>The chain up to and including this record: SHA-256 over all its bytes behind the CRC.</summary>
    public required Hash256 Chain { get; init; }

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
    public required SpooledBody? Spooled { get; init; }

    /// <summary>The inline body; empty when spooled. See <see cref="LogRecordBody"/>.</summary>
    public required ReadOnlyMemory<byte> InlineBody { get; init; }

    /// <summary>The position that the log has reached with this record.</summary>
    public LogPosition Position => new(Epoch, Sequence, Chain);
}

/// <summary>A body kept in the spool.</summary>
/// <param name="Name">SHA-256 over the body, and the file's name.</param>
/// <param name="Length">The body's bytes.</param>
public readonly record struct SpooledBody(Hash256 Name, long Length);
