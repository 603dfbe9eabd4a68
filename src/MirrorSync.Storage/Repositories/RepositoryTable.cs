using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace MirrorSync.Storage.Repositories;

/// <summary>
/// Every repository that this node knows, by name. Any thread may read; each repository's entry is written only by
/// whoever advances that repository (capture on a primary, apply on a mirror).
/// </summary>
public sealed class RepositoryTable
{
    private readonly ConcurrentDictionary<RepositoryName, RepositoryState> states = new();

    /// <summary>A snapshot of all states, in the order of their names.</summary>
    public IReadOnlyList<RepositoryState> All => [.. states.Values.OrderBy(static s => s.Name)];

    /// <summary>The state of one repository; false when no such repository is known.</summary>
    public bool TryGet(RepositoryName name, [NotNullWhen(true)] out RepositoryState? state) =>
        states.TryGetValue(name, out state);

    /// <summary>Shows a repository's new state to all readers.</summary>
    public void Show(RepositoryState state) => states[state.Name] = state;

    /// <summary>No reader finds the repository any more; those who have its state keep it.</summary>
    public void Remove(RepositoryName name) => states.TryRemove(name, out _);
}
