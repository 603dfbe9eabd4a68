using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>
/// A repository's object set: the ids that the log brought into it since its last Baseline, each once, with cell 0 of
/// their sketch. On disk it is a few sorted runs and a journal of what came after them; in memory it is next to nothing
/// while nobody uses it. Any thread.
/// </summary>
/// <remarks>
/// 1. <see cref="Prepare"/> says which ids are new and what cell 0 becomes: for the record that is about to be appended.
/// 2. <see cref="Commit"/> makes it so, once the record is durable: a set is never ahead of its node's log.
/// Additions are not synced: after a power loss <see cref="Sequence"/> says from where the log is to be replayed, which may
/// always begin too early. What replaces files (<see cref="Replace"/>, and what an addition or <see cref="Compact"/> merges)
/// is on the disk before it takes the place of the old.
/// </remarks>
#pragma warning disable CA1001 // A semaphore whose wait handle nobody asks for holds nothing.
public sealed class ObjectSet
#pragma warning restore CA1001
{
    private readonly NodeObjectSets owner;
    private readonly SketchKey key;
    private readonly Lock gate = new();
    private readonly SemaphoreSlim rewriting = new(1, 1);
    private readonly SetFiles files;

    // Another object after each change: a prepared change outlives what is in memory.
    private object basis = new();

    internal ObjectSet(NodeObjectSets owner, string folder, ObjectFormat format, SketchKey key)
    {
        this.owner = owner;
        this.key = key;
        files = new SetFiles(folder, format, key);
        Format = format;
    }

    /// <summary>Of its ids.</summary>
    public ObjectFormat Format { get; }

    /// <summary>Whether there is a set on disk, sound or not.</summary>
    public bool Exists
    {
        get
        {
            lock (gate)
            {
                return files.Exist;
            }
        }
    }

    /// <summary>The sequence of the last record whose ids are all in the set.</summary>
    /// <exception cref="ObjectSetDamagedException">The set is missing or damaged; so with every other member.</exception>
    /// <exception cref="IOException">The disk failed; so with every other member.</exception>
    public ulong Sequence
    {
        get
        {
            lock (gate)
            {
                return Load().Sequence;
            }
        }
    }

    /// <summary>Cell 0 of the sketch; its count is the number of ids.</summary>
    public SketchCell Cell
    {
        get
        {
            lock (gate)
            {
                return Load().Cell;
            }
        }
    }

    /// <summary>Bytes that were cut off the journal when it was read last, because they were no whole entry.</summary>
    public long TornBytes
    {
        get
        {
            lock (gate)
            {
                return Load().Journal.TornBytes;
            }
        }
    }

    /// <summary>Whether <see cref="Compact"/> has work.</summary>
    public bool NeedsCompaction
    {
        get
        {
            lock (gate)
            {
                OpenSet set = Load();
                return RunPlan.FirstToMerge(set.Manifest.Runs, 0, long.MaxValue) < set.Manifest.Runs.Count;
            }
        }
    }

    /// <summary>Whether an id is in the set.</summary>
    public bool Contains(in ObjectId id)
    {
        lock (gate)
        {
            return Load().Contains(id, new RunBlock());
        }
    }

    /// <summary>Says which ids the set has not, and what cell 0 is with them. Changes nothing.</summary>
    /// <param name="ids">In any order, and as often as one likes.</param>
    public ObjectSetChange Prepare(ReadOnlySpan<ObjectId> ids)
    {
        lock (gate)
        {
            return Load().Prepare(ids, key, basis);
        }
    }

    /// <summary>Adds what was prepared.</summary>
    /// <param name="sequence">Of the record that brought it, above <see cref="Sequence"/>.</param>
    /// <param name="change">What <see cref="Prepare"/> gave; the set must not have changed since.</param>
    /// <exception cref="InvalidOperationException">The set has changed since.</exception>
    public void Commit(ulong sequence, ObjectSetChange change)
    {
        lock (gate)
        {
            OpenSet set = Load();
            if (change.Basis != basis || sequence <= set.Sequence)
            {
                throw new InvalidOperationException($"{files.Folder}: record {sequence} was not prepared for the set as it is after {set.Sequence}");
            }

            if (set.Journal.HasRoomFor(change.NewIds.Length))
            {
                set.Append(sequence, change);
            }
            else
            {
                files.Fold(set, sequence, change);
            }

            basis = new object();
        }
    }

    /// <summary>
    /// <see cref="Prepare"/> and <see cref="Commit"/> in one. A record that the set has already, as when the log is replayed,
    /// changes nothing.
    /// </summary>
    public ObjectSetChange Add(ulong sequence, ReadOnlySpan<ObjectId> ids)
    {
        lock (gate)
        {
            OpenSet set = Load();
            if (sequence <= set.Sequence)
            {
                return new ObjectSetChange(default, set.Cell, set.Cell, null);
            }

            ObjectSetChange change = set.Prepare(ids, key, basis);
            Commit(sequence, change);
            return change;
        }
    }

    /// <summary>
    /// Replaces the whole set, which need not be there nor be sound: for a Baseline, or when it is made anew. The set of
    /// before is there until the new one is on the disk, but what is added to it meanwhile is lost with it. Memory is bounded
    /// however many ids come.
    /// </summary>
    /// <param name="sequence">Of the record after which the set is this.</param>
    /// <param name="ids">In any order, and as often as one likes.</param>
    /// <param name="cancellation">Leaves the set as it was.</param>
    /// <returns>Cell 0 of the new set.</returns>
    public SketchCell Replace(ulong sequence, IEnumerable<ObjectId> ids, CancellationToken cancellation)
    {
        rewriting.Wait(cancellation);
        try
        {
            ulong number = BeginReplace();
            SketchCell cell = SortedIds.Write(files.PathOf(number), number, ids, Format, key, cancellation);
            return EndReplace(sequence, number, cell);
        }
        finally
        {
            EndRewrite();
        }
    }

    /// <summary>As <see cref="Replace"/>, with a copy that <see cref="ObjectSetSnapshot.CopyToAsync"/> wrote.</summary>
    /// <param name="stream">Stands at the copy's first byte, and behind its last afterwards.</param>
    /// <param name="cancellation">Leaves the set as it was.</param>
    /// <exception cref="InvalidDataException">This is no copy of a set of this format and key; the set is as it was.</exception>
    public async Task ReplaceFromAsync(Stream stream, CancellationToken cancellation)
    {
        await rewriting.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            ulong number = BeginReplace();
            using RunWriter writer = new(files.PathOf(number), number, Format, key);
            ulong sequence = await SetCopy.ReadAsync(stream, Format, writer, cancellation).ConfigureAwait(false);
            writer.Finish(durable: true);
            EndReplace(sequence, number, writer.Cell);
        }
        finally
        {
            EndRewrite();
        }
    }

    /// <summary>The set as it is now, for reading at leisure; additions that come meanwhile do not show in it.</summary>
    public ObjectSetSnapshot Snapshot()
    {
        lock (gate)
        {
            return Load().Snapshot();
        }
    }

    /// <summary>
    /// Merges runs, so that each has at least three times the ids of all younger ones and few are asked for an id. Takes as
    /// long as it takes to write them; additions go on meanwhile. False when there was nothing to do.
    /// </summary>
    public bool Compact(CancellationToken cancellation)
    {
        rewriting.Wait(cancellation);
        try
        {
            ulong number;
            ObjectSetSnapshot merged;
            lock (gate)
            {
                OpenSet set = Load();
                int first = RunPlan.FirstToMerge(set.Manifest.Runs, 0, long.MaxValue);
                if (first == set.Manifest.Runs.Count)
                {
                    return false;
                }

                number = files.BeginRewrite();
                merged = set.Pin(first);
            }

            using (merged)
            {
                SketchCell cell = SortedIds.WriteRun(files.PathOf(number), number, merged.Enumerate(), Format, key, durable: true, cancellation);
                lock (gate)
                {
                    files.Exchange(Load(), merged.Runs, new SetRun(number, cell.Count));
                }
            }

            return true;
        }
        finally
        {
            EndRewrite();
        }
    }

    /// <summary>Removes the set.</summary>
    internal void Delete()
    {
        rewriting.Wait();
        try
        {
            lock (gate)
            {
                files.Forget();
                owner.DeleteFolder(files.Folder);
            }
        }
        finally
        {
            rewriting.Release();
        }
    }

    /// <summary>The set goes on in another folder, where none may be.</summary>
    internal void MoveTo(string target)
    {
        rewriting.Wait();
        try
        {
            lock (gate)
            {
                files.MoveTo(target);
            }
        }
        finally
        {
            rewriting.Release();
        }
    }

    /// <summary>Gives memory and descriptors back, unless somebody is at work in it right now.</summary>
    internal void TryUnload()
    {
        if (gate.TryEnter())
        {
            try
            {
                files.Unload();
            }
            finally
            {
                gate.Exit();
            }
        }
    }

    private OpenSet Load()
    {
        OpenSet set = files.Load();
        owner.Used(this);
        return set;
    }

    private ulong BeginReplace()
    {
        lock (gate)
        {
            return files.BeginReplace();
        }
    }

    private SketchCell EndReplace(ulong sequence, ulong number, SketchCell cell)
    {
        lock (gate)
        {
            files.Replace(sequence, new SetRun(number, cell.Count), cell);
            basis = new object();
            return cell;
        }
    }

    private void EndRewrite()
    {
        lock (gate)
        {
            files.EndRewrite();
        }

        rewriting.Release();
    }
}
