using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>What of an object set is in memory while it is used: its manifest, its journal's ids and its runs' descriptors. Not thread-safe.</summary>
internal sealed class OpenSet : IDisposable
{
    private readonly string folder;
    private readonly ObjectFormat format;
    private RunFile[]? runs;

    /// <summary>Reads the journal; of the runs only how long they are.</summary>
    /// <exception cref="ObjectSetDamagedException">A run is missing or cut off.</exception>
    public OpenSet(string folder, SetManifest manifest, ObjectFormat format, SketchKey key)
    {
        this.folder = folder;
        this.format = format;
        Manifest = manifest;
        foreach (SetRun run in manifest.Runs)
        {
            FileInfo file = new(PathOf(run));
            if (!file.Exists || file.Length != RunLayout.FileBytes(run.Count, format))
            {
                throw new ObjectSetDamagedException(file.FullName, file.Exists ? "the run is not as long as it should be" : "the run is missing");
            }
        }

        Journal = new SetJournal(folder, manifest.Journal, format, manifest.Sequence);
        Cell = manifest.Cell;
        foreach (ObjectId id in Journal.Ids)
        {
            Cell = Cell.With(key, id);
        }
    }

    /// <summary>What the set consists of.</summary>
    public SetManifest Manifest { get; }

    /// <summary>What came after the runs.</summary>
    public SetJournal Journal { get; }

    /// <summary>The last record whose ids are all here.</summary>
    public ulong Sequence => Journal.Sequence;

    /// <summary>Cell 0.</summary>
    public SketchCell Cell { get; private set; }

    /// <summary>Whether an id is in the set.</summary>
    public bool Contains(in ObjectId id, RunBlock block)
    {
        if (Journal.Ids.Contains(id))
        {
            return true;
        }

        foreach (RunFile run in Runs())
        {
            if (run.Contains(id, block))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Which ids are new, and cell 0 with them.</summary>
    public ObjectSetChange Prepare(ReadOnlySpan<ObjectId> ids, in SketchKey key, object basis)
    {
        ObjectId[] wanted = ids.ToArray();
        int left = SortedIds.Order(wanted);
        left = Without(wanted.AsSpan(0, left), Journal.Ids.Contains);
        foreach (RunFile run in left == 0 ? [] : Runs())
        {
            // One after the other in byte order: a block that holds several is read once.
            RunBlock block = new();
            left = Without(wanted.AsSpan(0, left), id => run.Contains(id, block));
        }

        SketchCell after = Cell;
        for (int i = 0; i < left; i++)
        {
            after = after.With(key, wanted[i]);
        }

        return new ObjectSetChange(wanted.AsMemory(0, left), Cell, after, basis);
    }

    /// <summary>Adds an entry to the journal.</summary>
    public void Append(ulong sequence, ObjectSetChange change)
    {
        Journal.Append(sequence, change.NewIds.Span);
        Cell = change.After;
    }

    /// <summary>Everything as it is now.</summary>
    public ObjectSetSnapshot Snapshot()
    {
        ObjectId[] ids = [.. Journal.Ids];
        return new ObjectSetSnapshot(Sequence, Cell, format, Held(0), ids.AsMemory(0, SortedIds.Order(ids)));
    }

    /// <summary>The runs from a place on.</summary>
    public ObjectSetSnapshot Pin(int first) => new(Sequence, Cell, format, Held(first), default);

    /// <inheritdoc/>
    public void Dispose()
    {
        Journal.Dispose();
        foreach (RunFile run in runs ?? [])
        {
            run.Release();
        }
    }

    private static int Without(Span<ObjectId> ids, Func<ObjectId, bool> known)
    {
        int kept = 0;
        foreach (ref readonly ObjectId id in ids)
        {
            if (!known(id))
            {
                ids[kept++] = id;
            }
        }

        return kept;
    }

    private RunFile[] Held(int first)
    {
        RunFile[] held = Runs()[first..];
        foreach (RunFile run in held)
        {
            run.Hold();
        }

        return held;
    }

    /// <summary>The runs, opened when the first id is looked for.</summary>
    private RunFile[] Runs()
    {
        if (runs is null)
        {
            List<RunFile> opened = [];
            try
            {
                foreach (SetRun run in Manifest.Runs)
                {
                    opened.Add(new RunFile(PathOf(run), run.Number, run.Count, format));
                }

                runs = [.. opened];
                opened.Clear();
            }
            finally
            {
                opened.ForEach(static r => r.Release());
            }
        }

        return runs;
    }

    private string PathOf(SetRun run) => Path.Combine(folder, SetFolder.RunPrefix + run.Number);
}
