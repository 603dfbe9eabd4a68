using MirrorSync.Git.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Log;

/// <summary>
/// What a record brings. On the wire, in the log and in the spool it is the same bytes:
/// <c>u32 length of the fields | fields | pack to the body's end</c>; see docs/RECORDS.md.
/// </summary>
public sealed record LogRecordBody
{
    /// <summary>The ref updates; HEAD is one of them by its name. A Baseline's old values are all none.</summary>
    public IReadOnlyList<RefUpdate> Updates { get; init; } = [];

    /// <summary>The repositories that this one borrows objects from; null when the record does not speak of it.</summary>
    public IReadOnlyList<RepositoryName>? Alternates { get; init; }

    /// <summary>The bytes of the <c>description</c> file; null when the record does not speak of it.</summary>
    public ReadOnlyMemory<byte>? Description { get; init; }

    /// <summary>Who owns the repository (gitweb.owner); null when the record does not speak of it.</summary>
    public string? Owner { get; init; }

    /// <summary>All allow-listed config entries, in file order; null when the record does not speak of them.</summary>
    public IReadOnlyList<ConfigEntry>? Config { get; init; }

    /// <summary>The new name in a Renamed record.</summary>
    public RepositoryName? NewName { get; init; }

    /// <summary>The node that begins its term, in an EpochStart.</summary>
    public string? Node { get; init; }
}

/// <summary>One config entry that travels, as in <c>gitweb.category</c>.</summary>
public readonly record struct ConfigEntry(string Key, string Value);
