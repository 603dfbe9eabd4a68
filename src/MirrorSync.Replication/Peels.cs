using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication;

/// <summary>What annotated tags finally name: out of packed-refs where it says so, asked of the objects otherwise.</summary>
internal static class Peels
{
    /// <summary>For each of the ids that names a tag object: the object that it finally names. All of them must be there.</summary>
    /// <exception cref="ObjectsMissingException">An id, or what a tag names, is not in the repository.</exception>
    /// <exception cref="IOException">An object is damaged, or the disk failed.</exception>
    public static IReadOnlyDictionary<ObjectId, ObjectId> Find(ObjectStore store, IEnumerable<ObjectId> ids)
    {
        Dictionary<ObjectId, ObjectId> peeled = [];
        foreach (ObjectId id in ids)
        {
            ObjectId target = store.Peel(id);
            if (target != id)
            {
                peeled[id] = target;
            }
        }

        return peeled;
    }

    /// <summary>The same for ids that were read from refs; the objects are opened only when packed-refs does not say all.</summary>
    /// <exception cref="ObjectsMissingException">An id of which packed-refs does not say what it is, is not in the repository.</exception>
    /// <exception cref="IOException">An object is damaged, or the disk failed.</exception>
    public static IReadOnlyDictionary<ObjectId, ObjectId> Find(
        Repository repository, RefReading reading, IReadOnlyCollection<ObjectId> ids)
    {
        Dictionary<ObjectId, ObjectId> peeled = [];
        ObjectId[] unknown = [.. ids.Where(id => !reading.IsPeelKnown(id))];
        if (unknown.Length > 0)
        {
            // Opened anew each time: whoever owns the folder may have put another in its place since.
            using ObjectStore store = ObjectStore.Open(repository.Path, repository.Format);
            peeled = new(Find(store, unknown));
        }

        foreach (ObjectId id in ids)
        {
            if (reading.KnownPeels.TryGetValue(id, out ObjectId target) && !target.IsZero)
            {
                peeled[id] = target;
            }
        }

        return peeled;
    }

    /// <summary>Checks that every id is in the repository or its alternates.</summary>
    /// <exception cref="ObjectsMissingException">One is not; the message names it.</exception>
    /// <exception cref="IOException">An object is damaged, or the disk failed.</exception>
    public static void CheckPresent(Repository repository, IReadOnlyCollection<ObjectId> ids)
    {
        if (ids.Count == 0)
        {
            return;
        }

        using ObjectStore store = ObjectStore.Open(repository.Path, repository.Format);
        ObjectId[] asked = [.. ids];
        bool[] there = new bool[asked.Length];
        // The header, and not the name alone: it shows a pack that is not there behind its index.
        if (store.ReadHeaders(asked, (index, _, _) => there[index] = true) < asked.Length)
        {
            ObjectId missing = asked[Array.IndexOf(there, false)];
            throw new ObjectsMissingException($"{repository.Name}: object {missing.ToHex(repository.Format)} is missing");
        }
    }

    /// <summary>The snapshot of a reading, tags peeled.</summary>
    /// <exception cref="ObjectsMissingException">An id of which packed-refs does not say what it is, is not in the repository.</exception>
    /// <exception cref="IOException">An object is damaged, or the disk failed.</exception>
    public static RefSnapshot Snapshot(Repository repository, RefReading reading)
    {
        IEnumerable<RefEntry> entries = reading.Values.Select(static r => new RefEntry(r.Key, r.Value, default));
        RefSnapshot refs = RefSnapshot.Create(repository.Format, reading.Head, entries);
        return refs.WithPeeled(Find(repository, reading, RefDifference.IdsOf(refs)));
    }
}
