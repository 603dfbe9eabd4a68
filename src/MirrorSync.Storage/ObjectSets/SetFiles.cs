using System.Diagnostics;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>
/// The files of a set, and what of them is in memory while it is used. Under the set's gate, but for
/// <see cref="PathOf"/>; of those who rewrite runs outside it there is one at a time.
/// </summary>
internal sealed class SetFiles(string folder, ObjectFormat format, SketchKey key)
{
    // Runs up to this size are merged where an addition fills the journal, larger ones in the background.
    private const int InlineIds = 1 << 17;

    private OpenSet? open;

    // What the set was when it was put away: it must be that when it is read again.
    private (ulong Sequence, SketchCell Cell)? remembered;
    private ulong nextNumber;
    private ulong? rewritten;

    /// <summary>Where they are.</summary>
    public string Folder { get; private set; } = folder;

    /// <summary>Whether there are any, sound or not.</summary>
    public bool Exist => open is not null || Directory.Exists(Folder);

    /// <summary>The file of a run.</summary>
    public string PathOf(ulong number) => Path.Combine(Folder, SetFolder.RunPrefix + number);

    /// <summary>Brings manifest and journal into memory.</summary>
    /// <exception cref="ObjectSetDamagedException">There is no set, or it is damaged.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public OpenSet Load()
    {
        if (open is null)
        {
            SetManifest manifest = SetManifest.Read(Folder, format, key)
                ?? throw new ObjectSetDamagedException(Folder, "the object set is missing");
            nextNumber = Math.Max(nextNumber, manifest.NextNumber);
            SetFolder.RemoveStrays(Folder, manifest, rewritten);
            OpenSet loaded = new(Folder, manifest, format, key);
            if (remembered is { } before && (before.Sequence != loaded.Sequence || before.Cell != loaded.Cell))
            {
                loaded.Dispose();
                throw new ObjectSetDamagedException(
                    Path.Combine(Folder, SetJournal.NamePrefix + manifest.Journal), $"additions up to {before.Sequence} were in it");
            }

            open = loaded;
        }

        return open;
    }

    /// <summary>Gives memory and descriptors back.</summary>
    public void Unload()
    {
        if (open is not null)
        {
            remembered = (open.Sequence, open.Cell);
            open.Dispose();
            open = null;
        }
    }

    /// <summary>As <see cref="Unload"/>, and whatever is found next is right.</summary>
    public void Forget()
    {
        Unload();
        remembered = null;
    }

    /// <summary>Puts them into another folder, where none may be.</summary>
    public void MoveTo(string target)
    {
        Unload();
        if (Directory.Exists(Folder))
        {
            Directory.Move(Folder, target);
        }

        Folder = target;
    }

    /// <summary>Gives the number of a run that is written outside the gate; until <see cref="EndRewrite"/> nobody touches its file.</summary>
    public ulong BeginRewrite()
    {
        rewritten = nextNumber;
        return nextNumber++;
    }

    /// <summary>As <see cref="BeginRewrite"/>, for a run that replaces all: the set need not be there nor be readable.</summary>
    public ulong BeginReplace()
    {
        Directory.CreateDirectory(Folder);
        // A set that cannot be read has files all the same.
        nextNumber = Math.Max(nextNumber, SetFolder.HighestNumber(Folder) + 1);
        return BeginRewrite();
    }

    /// <summary>The run is written and named, or given up.</summary>
    public void EndRewrite() => rewritten = null;

    /// <summary>Makes one run all there is.</summary>
    public void Replace(ulong sequence, SetRun run, SketchCell cell)
    {
        ulong journal = nextNumber++;
        Install(new SetManifest(sequence, journal, nextNumber, cell, run.Count == 0 ? [] : [run]), sequence, cell);
    }

    /// <summary>Puts one run in the place of several that it was merged of.</summary>
    public void Exchange(OpenSet set, IReadOnlyList<RunFile> merged, SetRun run)
    {
        IReadOnlyList<SetRun> runs = set.Manifest.Runs;
        SetRun first = new(merged[0].Number, merged[0].Count);
        SetRun last = new(merged[^1].Number, merged[^1].Count);
        Install(set.Manifest with
        {
            NextNumber = nextNumber,
            Runs = [.. runs.TakeWhile(r => r != first), run, .. runs.SkipWhile(r => r != last).Skip(1)],
        }, set.Sequence, set.Cell);
    }

    /// <summary>Writes journal and new ids as a run, together with small runs before it.</summary>
    public void Fold(OpenSet set, ulong sequence, ObjectSetChange change)
    {
        ObjectId[] ids = [.. set.Journal.Ids, .. change.NewIds.Span];
        int kept = SortedIds.Order(ids);
        Debug.Assert(kept == ids.Length, "what is new is in no journal");
        // Who rewrites the set has his hands on its runs.
        int first = rewritten is null ? RunPlan.FirstToMerge(set.Manifest.Runs, ids.Length, InlineIds) : set.Manifest.Runs.Count;
        ulong number = nextNumber++;
        SketchCell cell;
        using (ObjectSetSnapshot merged = set.Pin(first))
        {
            cell = SortedIds.WriteRun(
                PathOf(number), number, SortedIds.Merge(merged.Runs, ids), format, key, durable: true, CancellationToken.None);
        }

        ulong journal = nextNumber++;
        // Records that bring nothing fill a journal too.
        SetRun[] runs = [.. set.Manifest.Runs.Take(first), .. cell.Count == 0 ? [] : (SetRun[])[new SetRun(number, cell.Count)]];
        Install(new SetManifest(sequence, journal, nextNumber, change.After, runs), sequence, change.After);
    }

    /// <summary>
    /// Puts a manifest in place. What is open is let go: it is read again when it is needed, and files that are not named
    /// any more are removed then.
    /// </summary>
    private void Install(SetManifest manifest, ulong sequence, SketchCell cell)
    {
        // Should writing fail, only the disk knows which of the two it is.
        Forget();
        manifest.Write(Folder, format, key);
        remembered = (sequence, cell);
    }
}
