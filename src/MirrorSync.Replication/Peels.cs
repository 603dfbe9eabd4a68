using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication;

/// <summary>What annotated tags finally name: out of packed-refs where it says so, asked of the objects otherwise.</summary>
internal static class Peels
{
    /// <summary>For each of the ids that names a tag object: the object that it finally names.</summary>
    /// <exception cref="ObjectsMissingException">An id of which packed-refs does not say what it is, is not in the repository.</exception>
    public static async Task<IReadOnlyDictionary<ObjectId, ObjectId>> FindAsync(
        Repository repository, RefReading reading, IReadOnlyCollection<ObjectId> ids, CancellationToken cancellation)
    {
        ObjectId[] unknown = [.. ids.Where(id => !reading.IsPeelKnown(id))];
        Dictionary<ObjectId, ObjectId> peeled =
            new(await ObjectQueries.PeelAsync(repository, unknown, cancellation).ConfigureAwait(false));
        foreach (ObjectId id in ids)
        {
            if (reading.KnownPeels.TryGetValue(id, out ObjectId target) && !target.IsZero)
            {
                peeled[id] = target;
            }
        }

        return peeled;
    }

    /// <summary>The snapshot of a reading, tags peeled.</summary>
    public static async Task<RefSnapshot> SnapshotAsync(
        Repository repository, RefReading reading, CancellationToken cancellation)
    {
        IEnumerable<RefEntry> entries = reading.Values.Select(static r => new RefEntry(r.Key, r.Value, default));
        RefSnapshot refs = RefSnapshot.Create(repository.Format, reading.Head, entries);
        IReadOnlyDictionary<ObjectId, ObjectId> peeled =
            await FindAsync(repository, reading, RefDifference.IdsOf(refs), cancellation).ConfigureAwait(false);
        return refs.WithPeeled(peeled);
    }
}
