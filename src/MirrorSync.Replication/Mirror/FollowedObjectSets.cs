using Microsoft.Extensions.Logging;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Replication.Convergence;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror;

/// <summary>
/// The object sets of a mirror's repositories: added to by what is applied, and compared with what the log says. One that
/// is not here, or is damaged, comes from the primary; until then nothing is proven by it, and nothing waits for it.
/// </summary>
/// <param name="sets">The node's.</param>
/// <param name="logger">Where it reports.</param>
internal sealed partial class FollowedObjectSets(FleetObjectSets sets, ILogger logger)
{
    /// <summary>True when a repository's set is not here, and could be used if it were.</summary>
    public bool IsWanted(Repository repository) => SetOf(repository) is { Exists: false };

    /// <summary>Adds what a record brought, and compares.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="record">The record, or the last of several that are applied as one.</param>
    /// <param name="ids">The objects that came; some may be in the set already.</param>
    /// <returns>Cell 0 after it; null while there is no set, or one of a later record.</returns>
    /// <exception cref="DivergedException">It is not what the record says.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public SketchCell? Add(Repository repository, LogRecord record, ReadOnlySpan<ObjectId> ids)
    {
        if (SetOf(repository) is not { Exists: true } set)
        {
            return null;
        }

        try
        {
            ulong known = set.Sequence;
            if (record.Sequence > known && record.Kind == LogRecordKind.Delta)
            {
                set.Add(record.Sequence, ids);
            }
            else if (record.Sequence < known)
            {
                return null;
            }

            SketchCell cell = set.Cell;
            return record.After.ObjectSet is not { } expected || cell == expected ? cell
                : throw new DivergedException($"after record {record.Sequence} the object set has {cell.Count} ids that are not the primary's {expected.Count}");
        }
        catch (ObjectSetDamagedException damage)
        {
            Forget(repository.Name, damage.Message);
            return null;
        }
    }

    /// <summary>Makes the set of a Baseline, all that its refs reach, and compares.</summary>
    /// <exception cref="DivergedException">It is not what the record says.</exception>
    /// <exception cref="IOException">An object is missing, or the disk failed.</exception>
    public async Task<SketchCell?> ReplaceAsync(
        Repository repository, LogRecord record, IReadOnlyCollection<ObjectId> tips, CancellationToken cancellation)
    {
        if (SetOf(repository) is { } set && !(set.Exists && IsLater(set, record.Sequence)))
        {
            await ClosureSets.ReplaceAsync(set, record.Sequence, repository, tips, cancellation).ConfigureAwait(false);
        }

        return Add(repository, record, []);
    }

    /// <summary>Cell 0 of a copy that is applied up to a sequence; null when its set does not speak of it.</summary>
    public SketchCell? CellAt(Repository repository, ulong applied)
    {
        try
        {
            return SetOf(repository) is { Exists: true } set && set.Sequence <= applied ? set.Cell : null;
        }
        catch (IOException damage)
        {
            Forget(repository.Name, damage.Message);
            return null;
        }
    }

    /// <summary>Takes a copy of the primary's set. By the repository's worker.</summary>
    /// <param name="state">Its state.</param>
    /// <param name="file">The copy, as of some record.</param>
    /// <param name="cancellation">Leaves everything as it was.</param>
    /// <returns>False when the copy is older than what is applied: another is to be fetched.</returns>
    /// <exception cref="InvalidDataException">It is no such copy.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public async Task<bool> TakeAsync(RepositoryState state, string file, CancellationToken cancellation)
    {
        if (SetOf(state.Repository) is not { } set)
        {
            return false;
        }

        FileStream copy = File.OpenRead(file);
        await using (copy.ConfigureAwait(false))
        {
            await set.ReplaceFromAsync(copy, cancellation).ConfigureAwait(false);
        }

        bool covers = set.Sequence >= state.Applied.Sequence;
        if (!covers)
        {
            Delete(state.Name);
        }

        return covers;
    }

    /// <summary>The repository bears another name.</summary>
    public void Move(RepositoryName from, RepositoryName to) => sets.Current?.Move(from, to);

    /// <summary>The repository is gone, or another copy has taken its place.</summary>
    public void Delete(RepositoryName name) => sets.Current?.Delete(name);

    private static bool IsLater(ObjectSet set, ulong sequence)
    {
        try
        {
            return set.Sequence > sequence;
        }
        catch (ObjectSetDamagedException)
        {
            return false;
        }
    }

    private ObjectSet? SetOf(Repository repository) => sets.Current?.Open(repository.Name, repository.Format);

    private void Forget(RepositoryName name, string reason)
    {
        LogLost(logger, name, reason);
        Delete(name);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Repository}: its object set is damaged and will be fetched from the primary: {Reason}")]
    private static partial void LogLost(ILogger logger, RepositoryName repository, string reason);
}
