using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects;
using MirrorSync.Storage.Objects.Indexing;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Storage.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Repair;

/// <summary>
/// Sets HEAD and refs back to what the log says. What they were goes into the salvage first, with the objects that only those
/// values reach.
/// </summary>
/// <param name="salvage">Keeps what was there.</param>
/// <param name="time">The clock.</param>
internal sealed class RefsRepair(Salvage salvage, TimeProvider time)
{
    /// <summary>Nobody but this node writes refs here, so a lock of that age is a dead process's.</summary>
    private static readonly TimeSpan StaleLockAfter = TimeSpan.FromSeconds(60);

    /// <summary>What of the folder is not as it is to be; empty when all is.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public IReadOnlyList<SalvagedRef> Find(Repository repository, RefSnapshot wanted)
    {
        RefReading found;
        try
        {
            found = new RefReader(repository, time).ReadAll();
        }
        catch (Exception damage) when (damage is IOException or UnauthorizedAccessException)
        {
            return [new SalvagedRef("packed-refs", null, damage.Message)];
        }

        List<SalvagedRef> differences = [];
        void Compare(RefName name, RefValue now, RefValue expected)
        {
            if (now != expected)
            {
                differences.Add(new SalvagedRef(name.ToString(), Text(now, wanted.Format), Text(expected, wanted.Format)));
            }
        }

        if (wanted.Head.Exists)
        {
            Compare(RefName.Head, found.Head, wanted.Head);
        }

        foreach (RefEntry entry in wanted.Entries)
        {
            RefValue now = found.Values.GetValueOrDefault(entry.Name);
            Compare(entry.Name, now, entry.Value);

            // git believes packed-refs where it says what a tag names.
            if (now == entry.Value && now.Kind == RefValueKind.Direct && found.IsPeelKnown(now.Id)
                && found.KnownPeels.GetValueOrDefault(now.Id) != entry.Peeled)
            {
                differences.Add(new SalvagedRef($"{entry.Name}^{{}}", null, entry.Peeled.ToHex(wanted.Format)));
            }
        }

        foreach ((RefName name, RefValue value) in found.Values)
        {
            if (!wanted.TryFind(name, out _))
            {
                Compare(name, value, RefValue.None);
            }
        }

        differences.AddRange(found.Problems.Where(p => !wanted.TryFind(p.Name, out _) && p.Name != RefName.Head)
            .Select(static p => new SalvagedRef(p.Name.ToString(), null, null)));
        return differences;
    }

    /// <summary>Sets them back. Objects that are missing are no hindrance.</summary>
    /// <exception cref="IOException">The disk failed, or somebody holds a lock.</exception>
    public async Task SetBackAsync(
        Repository repository, RefSnapshot wanted, IReadOnlyList<SalvagedRef> differences, CancellationToken cancellation)
    {
        SalvageEntry entry = salvage.Open(repository.Name, "HEAD or refs were not what the log says", differences);
        string packed = Path.Combine(repository.Path, "packed-refs");
        if (File.Exists(packed))
        {
            File.Copy(packed, Path.Combine(salvage.PathOf(entry), "packed-refs"));
        }

        await KeepObjectsAsync(repository, wanted, differences, salvage.PathOf(entry), cancellation).ConfigureAwait(false);

        // git takes no folder for a repository that has no refs/ or no HEAD.
        Directory.CreateDirectory(Path.Combine(repository.Path, "refs", "heads"));
        RefWriter writer = new(repository);
        writer.ClearLockOlderThan(StaleLockAfter, time);
        writer.Write(wanted, wanted);
        Durable.SyncFolder(repository.Path);
        if (Find(repository, wanted) is { Count: > 0 } left)
        {
            throw new IOException($"{repository.Name}: {left[0].Name} is still not what the log says");
        }
    }

    private static string? Text(RefValue value, ObjectFormat format) => value.Kind switch
    {
        RefValueKind.Direct => value.Id.ToHex(format),
        RefValueKind.Symbolic => $"ref: {value.Target}",
        _ => null,
    };

    /// <summary>A pack of what the foreign values reach and the right ones do not.</summary>
    private static async Task KeepObjectsAsync(
        Repository repository, RefSnapshot wanted, IReadOnlyList<SalvagedRef> differences, string folder, CancellationToken cancellation)
    {
        HashSet<ObjectId> right = RefDifference.IdsOf(wanted);
        List<ObjectId> foreign = [];
        using (ObjectStore store = ObjectStore.Open(repository.Path, repository.Format))
        {
            foreach (SalvagedRef one in differences)
            {
                if (ObjectId.TryParseHex(one.Found ?? string.Empty, repository.Format, out ObjectId id) && !right.Contains(id) && store.Contains(id))
                {
                    foreign.Add(id);
                }
            }

            right.RemoveWhere(id => !store.Contains(id));
        }

        if (foreign.Count == 0)
        {
            return;
        }

        string pack = Path.Combine(folder, "objects.pack");
        try
        {
            uint objects;
            FileStream file = new(pack, FileMode.CreateNew);
            await using (file.ConfigureAwait(false))
            {
                objects = (await new GitPackWriter().WriteAsync(repository, foreign, right, file, cancellation).ConfigureAwait(false)).Objects;
                file.Flush(flushToDisk: true);
            }

            if (objects == 0)
            {
                File.Delete(pack);
            }
        }
        catch (IOException)
        {
            // Something that they reach is not there. The values themselves are kept, and the refs must not stay wrong for it.
            File.Delete(pack);
        }
    }
}
