using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>Ids in byte order out of several sources, and out of any order.</summary>
internal static class SortedIds
{
    /// <summary>Ids that are sorted in memory at a time: 32 MiB.</summary>
    public const int ChunkIds = 1 << 20;

    /// <summary>Orders a list and takes out what is there twice; returns how many are left.</summary>
    public static int Order(Span<ObjectId> ids)
    {
        ids.Sort();
        int kept = Math.Min(1, ids.Length);
        for (int i = 1; i < ids.Length; i++)
        {
            if (ids[i] != ids[kept - 1])
            {
                ids[kept++] = ids[i];
            }
        }

        return kept;
    }

    /// <summary>The ids of runs and of an ordered list whose first byte is in a range, in byte order, each once.</summary>
    public static IEnumerable<ObjectId> Merge(
        IReadOnlyList<RunFile> runs, ReadOnlyMemory<ObjectId> listed, byte from = byte.MinValue, byte to = byte.MaxValue)
    {
        List<RunCursor> cursors = [];
        foreach (RunFile run in runs)
        {
            RunCursor cursor = new(run, from, to);
            if (cursor.MoveNext())
            {
                cursors.Add(cursor);
            }
        }

        int at = 0;
        while (at < listed.Length && FirstByte(listed.Span[at]) < from)
        {
            at++;
        }

        if (cursors.Count == 1 && at == listed.Length)
        {
            do
            {
                yield return cursors[0].Current;
            }
            while (cursors[0].MoveNext());
            yield break;
        }

        while (true)
        {
            // Few sources: looking at each is as quick as a heap.
            bool fromList = at < listed.Length && FirstByte(listed.Span[at]) <= to;
            ObjectId least = fromList ? listed.Span[at] : default;
            bool any = fromList;
            for (int i = 0; i < cursors.Count; i++)
            {
                if (!any || cursors[i].Current < least)
                {
                    (least, any) = (cursors[i].Current, true);
                }
            }

            if (!any)
            {
                yield break;
            }

            at += fromList && listed.Span[at] == least ? 1 : 0;
            for (int i = cursors.Count - 1; i >= 0; i--)
            {
                if (cursors[i].Current == least && !cursors[i].MoveNext())
                {
                    cursors.RemoveAt(i);
                }
            }

            yield return least;
        }
    }

    /// <summary>Writes ids that come in any order, and more than once, as a run; what does not fit in memory goes through files beside it.</summary>
    /// <param name="path">The run's file.</param>
    /// <param name="number">The run's number.</param>
    /// <param name="ids">All ids.</param>
    /// <param name="format">Of the ids.</param>
    /// <param name="key">The fleet's.</param>
    /// <param name="cancellation">Gives up, and leaves no file.</param>
    /// <returns>Cell 0.</returns>
    public static SketchCell Write(
        string path, ulong number, IEnumerable<ObjectId> ids, ObjectFormat format, SketchKey key, CancellationToken cancellation)
    {
        List<RunFile> parts = [];
        try
        {
            List<ObjectId> chunk = [];
            foreach (ObjectId id in ids)
            {
                if (chunk.Count == ChunkIds)
                {
                    cancellation.ThrowIfCancellationRequested();
                    parts.Add(WritePart($"{path}.{parts.Count}", chunk, format, key));
                    chunk.Clear();
                }

                chunk.Add(id);
            }

            int kept = Order(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(chunk));
            return WriteRun(path, number, Merge(parts, chunk.ToArray().AsMemory(0, kept)), format, key, durable: true, cancellation);
        }
        finally
        {
            foreach (RunFile part in parts)
            {
                part.Release();
                File.Delete(part.Path);
            }
        }
    }

    /// <summary>Writes ids that are in order as a run; returns cell 0.</summary>
    public static SketchCell WriteRun(
        string path, ulong number, IEnumerable<ObjectId> ids, ObjectFormat format, SketchKey key, bool durable, CancellationToken cancellation)
    {
        using RunWriter writer = new(path, number, format, key);
        long written = 0;
        foreach (ObjectId id in ids)
        {
            if ((++written & 0xffff) == 0)
            {
                cancellation.ThrowIfCancellationRequested();
            }

            writer.Add(id);
        }

        writer.Finish(durable);
        return writer.Cell;
    }

    private static RunFile WritePart(string path, List<ObjectId> chunk, ObjectFormat format, SketchKey key)
    {
        Span<ObjectId> ids = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(chunk);
        int kept = Order(ids);
        using RunWriter writer = new(path, 0, format, key);
        foreach (ref readonly ObjectId id in ids[..kept])
        {
            writer.Add(id);
        }

        writer.Finish(durable: false);
        return new RunFile(path, 0, kept, format);
    }

    private static byte FirstByte(in ObjectId id) => id.AsSpan(ObjectFormat.Sha1)[0];
}
