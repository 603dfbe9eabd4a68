using MirrorSync.Git.Objects;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Status;

/// <summary>How a repository's state is told.</summary>
internal static class RepositoryStatuses
{
    /// <summary>The status of a repository that is known.</summary>
    public static RepositoryStatus Of(RepositoryState state, bool behind, double? lagSeconds) => new()
    {
        Name = state.Name.Value,
        Format = state.Repository.Format.GitName(),
        State = state.Condition switch
        {
            RepositoryCondition.Live => behind ? "behind" : "converged",
            RepositoryCondition.Held => "held",
            RepositoryCondition.Damaged => "damaged",
            _ => "missing",
        },
        Reason = state.Reason,
        Served = state.IsServable,
        AppliedSequence = state.Applied.Sequence,
        RefsDigest = state.Refs.Digest.ToString(),
        Refs = state.Refs.Entries.Length,
        LagSeconds = lagSeconds,
    };

    /// <summary>The status of a folder that looks like a repository and is none that can be read.</summary>
    public static RepositoryStatus OfBroken(string name, string reason) => new()
    {
        Name = name,
        Format = string.Empty,
        State = "held",
        Reason = reason,
        Served = false,
        AppliedSequence = 0,
        RefsDigest = string.Empty,
        Refs = 0,
        LagSeconds = null,
    };
}
