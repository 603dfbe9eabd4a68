using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Refs;

/// <summary>
/// Makes the folder of a mirror's repository show a set of refs. Every direct ref lives in packed-refs and nowhere else,
/// so that all of one delta change by one rename; symbolic refs and HEAD are files, as git keeps them. Nothing is
/// fsynced: the log is the durability point. One per repository; not thread-safe.
/// </summary>
/// <remarks>
/// Only HEAD and symbolic refs need more than that one rename. Then no ref that exists before and after is missing or
/// dangling in between, and each shows what its old or its new target held before or holds after:
/// <list type="number">
/// <item>a symbolic value whose target is there already is written before the table;</item>
/// <item>the table is replaced; it still holds the refs that a file not yet written is about to replace, or that a
/// symbolic value not yet replaced points to;</item>
/// <item>files of refs that live in the table now, and files that somebody made by hand, are removed;</item>
/// <item>the other symbolic values are written, new refs first, then changed ones, HEAD last;</item>
/// <item>the files of deleted symbolic refs are removed, with the folders that become empty;</item>
/// <item>if step 2 kept anything, the table is replaced once more without it.</item>
/// </list>
/// </remarks>
/// <param name="repository">The repository.</param>
public sealed class RefWriter(Repository repository)
{
    private readonly LooseRefs loose = new(repository.Format, repository.Path, TimeProvider.System);

    /// <summary>Called with the file's path before each change that a reader could see: a seam for tests.</summary>
    internal Action<RefName>? BeforeStep { get; init; }

    /// <summary>Makes the folder show the refs, whatever it showed before.</summary>
    /// <param name="current">What the folder shows, as far as is known; decides the order of the steps only.</param>
    /// <param name="next">What it is to show. Without HEAD, the folder's HEAD stays.</param>
    /// <exception cref="ArgumentException">A symbolic ref or its target is no ref's name.</exception>
    /// <exception cref="IOException">A file cannot be written, or a lock stays taken; the message names it.</exception>
    public void Write(RefSnapshot current, RefSnapshot next)
    {
        using SafeFileHandle handle = NativeFile.OpenFolder(repository.Path);
        RefFolder folder = new(repository.Path, handle, BeforeStep);
        List<LooseRef> found = [];
        loose.ReadAll(handle, found);
        List<RefUpdate> early = [];
        List<RefUpdate> late = [];
        PlanFiles(current, next, found, early, late);

        // 1
        WriteFiles(folder, early);

        // 2
        RefSnapshot? withKept = WithKept(current, next, late);
        folder.ReplaceTable(withKept ?? next);

        // 3
        foreach (LooseRef file in found)
        {
            RefValueKind wanted = next.ValueOf(file.Name).Kind;
            bool symbolicToDelete = wanted == RefValueKind.None && file.Value.Kind == RefValueKind.Symbolic;
            if (file.Name != RefName.Head && wanted != RefValueKind.Symbolic && !symbolicToDelete)
            {
                folder.RemoveFile(file.Name);
            }
        }

        // 4
        WriteFiles(folder, late);

        // 5
        foreach (LooseRef file in found)
        {
            if (file.Name != RefName.Head && !next.ValueOf(file.Name).Exists)
            {
                folder.RemoveFile(file.Name);
            }
        }

        // 6
        if (withKept is not null)
        {
            folder.ReplaceTable(next);
        }
    }

    /// <summary>
    /// Removes the locks that an ended process left in the folder: of packed-refs, HEAD and refs. For recovery only, when
    /// nobody else writes there.
    /// </summary>
    /// <exception cref="IOException">One cannot be removed.</exception>
    public void ClearStaleLock()
    {
        using SafeFileHandle handle = NativeFile.OpenFolder(repository.Path);
        new RefFolder(repository.Path, handle, BeforeStep).RemoveLocks();
    }

    /// <summary>Removes the locks when that of packed-refs is older than the given age: nobody holds it for so long.</summary>
    /// <exception cref="IOException">One cannot be removed.</exception>
    public void ClearLockOlderThan(TimeSpan age, TimeProvider time)
    {
        FileInfo table = new(Path.Combine(repository.Path, "packed-refs.lock"));
        if (table.Exists && time.GetUtcNow() - table.LastWriteTimeUtc > age)
        {
            ClearStaleLock();
        }
    }

    /// <summary>Writes the refs of a new repository folder.</summary>
    /// <inheritdoc cref="Write" path="/exception"/>
    public static void WriteInitial(string path, RefSnapshot refs) =>
        new RefWriter(new Repository(default, path, refs.Format)).Write(RefSnapshot.Empty(refs.Format), refs);

    /// <summary>Tells which files are to be written before the table, and which behind it, in order.</summary>
    private static void PlanFiles(
        RefSnapshot current, RefSnapshot next, List<LooseRef> found, List<RefUpdate> early, List<RefUpdate> late)
    {
        Dictionary<RefName, RefValue> onDisk = [];
        foreach (LooseRef file in found)
        {
            onDisk[file.Name] = file.Value;
        }

        int created = 0;
        foreach (RefEntry entry in next.Entries.AsSpan())
        {
            if (entry.Value.Kind == RefValueKind.Symbolic)
            {
                Plan(entry.Name, entry.Value);
            }
        }

        if (next.Head.Exists)
        {
            Plan(RefName.Head, next.Head);
        }

        void Plan(RefName name, RefValue wanted)
        {
            bool isHead = name == RefName.Head;
            bool nameGood = isHead || RefName.IsValid(name.Bytes);
            if (!nameGood || (wanted.Kind == RefValueKind.Symbolic && !RefName.IsValid(wanted.Target.Bytes)))
            {
                throw new ArgumentException($"the symbolic ref {name} or its target {wanted.Target} is no ref's name");
            }

            if (onDisk.GetValueOrDefault(name) == wanted)
            {
                return;
            }

            RefUpdate update = new(name, current.ValueOf(name), wanted);
            bool resolves = wanted.Kind == RefValueKind.Direct || current.TryResolve(wanted, out _);
            if (resolves && update.Old.Exists)
            {
                early.Add(update);
            }
            else if (update.Old.Exists)
            {
                late.Add(update);
            }
            else
            {
                late.Insert(created++, update);
            }
        }
    }

    /// <summary>The next refs and the old ones that must outlive the table's change; null when there are none.</summary>
    private static RefSnapshot? WithKept(RefSnapshot current, RefSnapshot next, List<RefUpdate> late)
    {
        Dictionary<RefName, RefUpdate> kept = [];
        Dictionary<ObjectId, ObjectId> peeled = [];
        foreach (RefUpdate update in late)
        {
            Keep(update.Name, update.Old);
        }

        foreach (RefEntry entry in current.Entries.AsSpan())
        {
            // Turned from symbolic to direct: its file shows the old target until it is removed.
            if (entry.Value.Kind == RefValueKind.Symbolic && next.ValueOf(entry.Name).Kind == RefValueKind.Direct)
            {
                Keep(entry.Name, entry.Value);
            }
        }

        if (kept.Count == 0)
        {
            return null;
        }

        return next.TryApply([.. kept.Values], peeled, out RefUpdate mismatch)
            ?? throw new InvalidOperationException($"{mismatch.Name} does not have its own value");

        void Keep(RefName name, RefValue old)
        {
            bool shown = old.Kind == RefValueKind.Direct
                ? current.TryFind(name, out RefEntry entry)
                : current.TryResolve(old, out entry);
            if (shown && next.ValueOf(entry.Name).Kind != RefValueKind.Direct)
            {
                kept[entry.Name] = new RefUpdate(entry.Name, next.ValueOf(entry.Name), entry.Value);
                peeled[entry.Value.Id] = entry.Peeled;
            }
        }
    }

    private void WriteFiles(RefFolder folder, List<RefUpdate> updates)
    {
        foreach (RefUpdate update in updates)
        {
            folder.ReplaceFile(update.Name, RefFolder.ContentOf(update.New, repository.Format));
        }
    }
}
