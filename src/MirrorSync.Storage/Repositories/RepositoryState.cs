using MirrorSync.Git.Refs;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Log;

namespace MirrorSync.Storage.Repositories;

/// <summary>How a repository stands on this node.</summary>
public enum RepositoryCondition
{
    /// <summary>Known, but not yet here: its snapshot is still to come.</summary>
    Missing,

    /// <summary>Here and advancing.</summary>
    Live,

    /// <summary>Not advanced, for a fault at the primary or in the log; still served at its last proven state.</summary>
    Held,

    /// <summary>Not advanced and not served: this node's own copy is damaged.</summary>
    Damaged,
}

/// <summary>
/// What readers see of one repository: one immutable value, swapped whole once per delta, so that a reader sees all of
/// a push or none of it.
/// </summary>
/// <param name="Repository">Where it is.</param>
/// <param name="Condition">How it stands.</param>
/// <param name="Reason">In words, why it is not <see cref="RepositoryCondition.Live"/>; null when it is.</param>
/// <param name="Refs">Its refs as last shown.</param>
/// <param name="Applied">The log position up to which it has been applied (on a primary: captured).</param>
public sealed record RepositoryState(
    Repository Repository, RepositoryCondition Condition, string? Reason, RefSnapshot Refs, LogPosition Applied)
{
    /// <summary>Cell 0 of its object set there, as this node has it; null while it has none.</summary>
    public SketchCell? ObjectSet { get; init; }

    /// <summary>What this node can prove of it there.</summary>
    public Ledger Ledger => new(Refs.Digest, ObjectSet);

    /// <summary>The repository's name.</summary>
    public RepositoryName Name => Repository.Name;

    /// <summary>True when clients may be answered from it.</summary>
    public bool IsServable => Condition is RepositoryCondition.Live or RepositoryCondition.Held;
}
