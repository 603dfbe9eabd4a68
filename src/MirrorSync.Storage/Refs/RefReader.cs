using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Refs;

/// <summary>
/// Reads the refs of one repository from its folder as git does: loose files first, then packed-refs, which must not
/// have changed since before the loose files were read. Files known to be unchanged are not read again. One per
/// repository; not thread-safe.
/// </summary>
/// <remarks>
/// Kept is what <c>git for-each-ref</c> lists, and beside it symbolic refs whose target does not exist. Names that git
/// refuses are left out, as git leaves them out.
/// </remarks>
/// <param name="repository">The repository.</param>
/// <param name="time">The clock that tells whether a file has rested long enough to be known by its stamp.</param>
public sealed class RefReader(Repository repository, TimeProvider? time = null)
{
    // A repository whose table is replaced faster than its refs can be read is read as git itself reads it: the last
    // reading counts, with loose files older than the table.
    private const int MaxAttempts = 8;

    private static readonly RefName PackedRefsName = RefName.FromString("packed-refs");

    private readonly TimeProvider time = time ?? TimeProvider.System;
    private readonly LooseRefs loose = new(repository.Format, repository.Path, time ?? TimeProvider.System);
    private PackedTable packed = PackedTable.Empty;
    private List<LooseRef> lastLoose = [];
    private RefReading? lastReading;
    private PackedTable? lastPacked;

    /// <summary>Reads all refs and HEAD.</summary>
    /// <exception cref="PackedRefsMalformedException">packed-refs is malformed.</exception>
    /// <exception cref="IOException">The folder, refs/, a folder below it or packed-refs cannot be read.</exception>
    public RefReading ReadAll()
    {
        using SafeFileHandle folder = NativeFile.OpenFolder(repository.Path);
        List<LooseRef> found = [];
        bool locked = false;
        ReadStable(folder, () =>
        {
            found.Clear();
            bool seen = IsLocked(folder);
            locked = loose.ReadAll(folder, found) || seen;
        });

        // Nothing but a lock may have changed: a reading is immutable, so the last one serves again.
        if (lastReading is not null && packed == lastPacked && lastLoose.SequenceEqual(found))
        {
            lastReading = lastReading with { Locked = locked };
            return lastReading;
        }

        Dictionary<RefName, RefValue> values = new(packed.Refs.Count + found.Count);
        List<RefProblem> problems = [];
        foreach (PackedRef entry in packed.Refs.Values)
        {
            AddPacked(entry, values, problems);
        }

        foreach (LooseRef entry in found)
        {
            AddLoose(entry, values, problems);
        }

        lastReading = Complete(values, locked, problems);
        lastLoose = found;
        lastPacked = packed;
        return lastReading;
    }

    /// <summary>Reads HEAD and the named refs only.</summary>
    /// <exception cref="IOException">The folder or packed-refs cannot be read.</exception>
    public RefReading ReadSome(IReadOnlyCollection<RefName> names)
    {
        using SafeFileHandle folder = NativeFile.OpenFolder(repository.Path);
        Dictionary<RefName, RefValue> values = new(names.Count);
        List<RefProblem> problems = [];
        bool locked = false;
        ReadStable(folder, () =>
        {
            values.Clear();
            problems.Clear();
            locked = LooseRefs.IsLocked(folder, PackedRefsName);
            foreach (RefName name in names.Append(RefName.Head))
            {
                if (name != RefName.Head && !RefName.IsValid(name.Bytes))
                {
                    continue;
                }

                locked |= LooseRefs.IsLocked(folder, name);
                if (loose.TryRead(folder, name, out LooseRef entry) || name == RefName.Head)
                {
                    AddLoose(entry, values, problems);
                }
            }
        });

        HashSet<RefName> broken = [.. problems.Select(static p => p.Name)];
        foreach (RefName name in names)
        {
            if (!values.ContainsKey(name) && !broken.Contains(name) && packed.Refs.TryGetValue(name, out PackedRef entry))
            {
                AddPacked(entry, values, problems);
            }
        }

        return Complete(values, locked, problems);
    }

    private void ReadStable(SafeFileHandle folder, Action readLoose)
    {
        FileStamp before = PackedTable.StampOf(folder, repository.Path);
        for (int attempt = 0; attempt < MaxAttempts; attempt++)
        {
            readLoose();
            packed = PackedTable.Read(folder, repository.Path, repository.Format, packed, time);
            FileStamp after = PackedTable.StampOf(folder, repository.Path);
            if (before == packed.Stamp && after == packed.Stamp)
            {
                return;
            }

            before = after;
        }
    }

    private static bool IsLocked(SafeFileHandle folder) =>
        LooseRefs.IsLocked(folder, PackedRefsName) || LooseRefs.IsLocked(folder, RefName.Head);

    private static void AddLoose(LooseRef entry, Dictionary<RefName, RefValue> values, List<RefProblem> problems)
    {
        // A loose file hides the packed ref of its name, also when git cannot read the file.
        values.Remove(entry.Name);
        problems.RemoveAll(p => p.Name == entry.Name);
        if (entry.Problem is not null)
        {
            problems.Add(new RefProblem(entry.Name, entry.Problem));
        }
        else
        {
            values[entry.Name] = entry.Value;
        }
    }

    private static void AddPacked(PackedRef entry, Dictionary<RefName, RefValue> values, List<RefProblem> problems)
    {
        if (entry.Id.IsZero)
        {
            problems.Add(new RefProblem(entry.Name, "it holds the id of all zeros in packed-refs"));
        }
        else
        {
            values[entry.Name] = RefValue.Direct(entry.Id);
        }
    }

    private RefReading Complete(Dictionary<RefName, RefValue> values, bool locked, List<RefProblem> problems)
    {
        values.Remove(RefName.Head, out RefValue head);
        Dictionary<ObjectId, ObjectId> known = [];
        HashSet<ObjectId> unknown = [];
        foreach (RefValue value in values.Values)
        {
            if (value.Kind != RefValueKind.Direct)
            {
                continue;
            }

            if (!packed.Peels.TryGetValue(value.Id, out ObjectId peeled))
            {
                unknown.Add(value.Id);
            }
            else if (!peeled.IsZero)
            {
                known[value.Id] = peeled;
            }
        }

        return new RefReading(head, values, known, unknown, locked, problems);
    }
}
