using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Maintenance;

/// <summary>Compares the objects of packs by their indexes, all read once from start to end, whatever their size.</summary>
internal static class IndexUnion
{
    /// <summary>Checks that every object of some packs is in at least one of some others.</summary>
    /// <exception cref="InvalidDataException">One is not; the message names it and its index.</exception>
    public static void CheckHolds(
        IReadOnlyList<string> wanted, IReadOnlyList<string> holders, ObjectFormat format, CancellationToken cancellation)
    {
        foreach ((ObjectId id, int index) in Without(wanted, holders, format, cancellation))
        {
            throw new InvalidDataException($"object {id.ToHex(format)} of {wanted[index]} would be lost");
        }
    }

    /// <summary>The objects of some packs that are in none of some others, in byte order, each once, with the place of a pack that has it.</summary>
    public static IEnumerable<(ObjectId Id, int Index)> Without(
        IReadOnlyList<string> wanted, IReadOnlyList<string> holders, ObjectFormat format, CancellationToken cancellation)
    {
        List<IndexCursor> opened = [];
        try
        {
            PriorityQueue<int, ObjectId> next = new();
            Open(wanted, opened, next, format);
            PriorityQueue<int, ObjectId> have = new();
            Open(holders, opened, have, format);
            int holderStart = wanted.Count;
            ObjectId last = default;
            bool any = false;
            while (next.TryDequeue(out int index, out ObjectId id))
            {
                if (opened[index].MoveNext())
                {
                    next.Enqueue(index, opened[index].Current);
                }

                if (any && id == last)
                {
                    continue;
                }

                (last, any) = (id, true);
                cancellation.ThrowIfCancellationRequested();
                while (have.TryPeek(out int holder, out ObjectId held) && held < id)
                {
                    have.Dequeue();
                    if (opened[holderStart + holder].MoveNext())
                    {
                        have.Enqueue(holder, opened[holderStart + holder].Current);
                    }
                }

                if (!have.TryPeek(out _, out ObjectId at) || at != id)
                {
                    yield return (id, index);
                }
            }
        }
        finally
        {
            opened.ForEach(static c => c.Dispose());
        }
    }

    private static void Open(
        IReadOnlyList<string> indexes, List<IndexCursor> opened, PriorityQueue<int, ObjectId> queue, ObjectFormat format)
    {
        for (int i = 0; i < indexes.Count; i++)
        {
            IndexCursor cursor = new(indexes[i], format);
            opened.Add(cursor);
            if (cursor.MoveNext())
            {
                queue.Enqueue(i, cursor.Current);
            }
        }
    }
}
