using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>What a store really has of an object set.</summary>
/// <param name="Sketch">The cells of the ids that are in both.</param>
/// <param name="Present">Cell 0 of the ids that are in both.</param>
/// <param name="AbsentCount">How many ids of the set the store has not.</param>
/// <param name="Absent">Those ids in byte order, as many as were asked for.</param>
/// <param name="OutsideCount">How many ids of the store are not in the set.</param>
public sealed record StoredSketch(
    Sketch Sketch, SketchCell Present, long AbsentCount, IReadOnlyList<ObjectId> Absent, long OutsideCount);

/// <summary>Sketches (object set ∩ ids in the store), in one pass over both in byte order.</summary>
public static class SketchBuilder
{
    // Ranges of first bytes are handed out to threads as they come: one may have more loose objects to list than another.
    private const int Ranges = 16;

    /// <summary>Reads the set and the store's indexes and folders, no objects.</summary>
    /// <param name="set">The set.</param>
    /// <param name="store">The store. What comes into it or goes from it meanwhile may be counted or not.</param>
    /// <param name="key">The fleet's.</param>
    /// <param name="first">The first cell wanted.</param>
    /// <param name="count">How many.</param>
    /// <param name="mostAbsent">So many absent ids are listed, all are counted.</param>
    /// <param name="threads">How many work at it: each holds its own cells (48 bytes each), a 256th of the store's ids and some 100 KiB.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="ObjectSetDamagedException">The set is damaged.</exception>
    /// <exception cref="DamagedObjectException">A pack's index is damaged.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public static StoredSketch Build(
        ObjectSetSnapshot set, ObjectStore store, SketchKey key, int first, int count, int mostAbsent, int threads,
        CancellationToken cancellation)
    {
        StoredPart[] parts = new StoredPart[Ranges];
        List<Sketch> sketches = [];
        try
        {
            Parallel.For(
                0,
                Ranges,
                new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation },
                () => new Sketch(key, first, count),
                (range, _, sketch) =>
                {
                    byte from = (byte)(range * (256 / Ranges));
                    byte to = (byte)(from + (256 / Ranges) - 1);
                    parts[range] = Intersect(set.Enumerate(from, to), store.EnumerateIds(from, to), sketch, mostAbsent, cancellation);
                    return sketch;
                },
                sketch =>
                {
                    lock (sketches)
                    {
                        sketches.Add(sketch);
                    }
                });
        }
        catch (AggregateException e) when (e.InnerExceptions.Count > 0)
        {
            // One file is damaged, not several faults at once: the first says which.
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }

        Sketch whole = sketches[0];
        sketches.Skip(1).ToList().ForEach(whole.Merge);
        SketchCell present = default;
        foreach (StoredPart part in parts)
        {
            present += part.Present;
        }

        return new StoredSketch(
            whole, present, parts.Sum(static p => p.AbsentCount), [.. parts.SelectMany(static p => p.Absent).Take(mostAbsent)],
            parts.Sum(static p => p.OutsideCount));
    }

    /// <summary>Goes through both in step.</summary>
    /// <param name="set">Ids in byte order, each once.</param>
    /// <param name="stored">Ids in byte order, each once.</param>
    /// <param name="sketch">Takes the ids that are in both.</param>
    /// <param name="mostAbsent">So many absent ids are listed.</param>
    /// <param name="cancellation">Gives up.</param>
    internal static StoredPart Intersect(
        IEnumerable<ObjectId> set, IEnumerable<ObjectId> stored, Sketch sketch, int mostAbsent, CancellationToken cancellation)
    {
        const int batchIds = 1024;
        List<ObjectId> absent = [];
        long absentCount = 0;
        long outside = 0;
        SketchCell present = default;
        ObjectId[] batch = new ObjectId[batchIds];
        int batched = 0;
        using IEnumerator<ObjectId> store = stored.GetEnumerator();
        bool more = store.MoveNext();
        foreach (ObjectId id in set)
        {
            while (more && store.Current < id)
            {
                outside++;
                more = store.MoveNext();
            }

            if (!more || store.Current != id)
            {
                absentCount++;
                if (absent.Count < mostAbsent)
                {
                    absent.Add(id);
                }

                continue;
            }

            more = store.MoveNext();
            batch[batched++] = id;
            if (batched == batchIds)
            {
                cancellation.ThrowIfCancellationRequested();
                present += sketch.Add(batch);
                batched = 0;
            }
        }

        present += sketch.Add(batch.AsSpan(0, batched));
        for (; more; more = store.MoveNext())
        {
            outside++;
        }

        return new StoredPart(present, absentCount, absent, outside);
    }

    /// <summary>What <see cref="Intersect"/> found.</summary>
    /// <param name="Present">Cell 0 of the ids that are in both.</param>
    /// <param name="AbsentCount">Ids of the set that the store has not.</param>
    /// <param name="Absent">Some of them.</param>
    /// <param name="OutsideCount">Ids of the store that are not in the set.</param>
    internal readonly record struct StoredPart(SketchCell Present, long AbsentCount, List<ObjectId> Absent, long OutsideCount);
}
