using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Refs;

namespace MirrorSync.Replication;

/// <summary>What changed between the refs as last captured and a reading of the disk.</summary>
internal static class RefDifference
{
    /// <summary>The updates of the named refs only.</summary>
    public static List<RefUpdate> OfNames(RefSnapshot captured, RefReading reading, IEnumerable<RefName> names)
    {
        List<RefUpdate> updates = [];
        foreach (RefName name in names)
        {
            Add(updates, name, captured.ValueOf(name), reading.Values.GetValueOrDefault(name));
        }

        return updates;
    }

    /// <summary>The updates of all refs and HEAD, but for those that <paramref name="leaveOut"/> picks.</summary>
    public static List<RefUpdate> OfAll(RefSnapshot captured, RefReading reading, Func<RefName, bool> leaveOut)
    {
        List<RefUpdate> updates = [];
        Add(updates, RefName.Head, captured.Head, reading.Head);
        foreach ((RefName name, RefValue value) in reading.Values)
        {
            Add(updates, name, captured.ValueOf(name), value);
        }

        foreach (RefEntry entry in captured.Entries)
        {
            if (!reading.Values.ContainsKey(entry.Name))
            {
                Add(updates, entry.Name, entry.Value, RefValue.None);
            }
        }

        updates.RemoveAll(update => leaveOut(update.Name));
        return updates;
    }

    /// <summary>The distinct ids that the updates bring.</summary>
    public static HashSet<ObjectId> NewIds(IReadOnlyList<RefUpdate> updates) =>
        [.. updates.Where(static u => u.New.Kind == RefValueKind.Direct).Select(static u => u.New.Id)];

    /// <summary>
    /// The distinct new ids of refs that may name tag objects. Branches are not among them: git puts nothing but commits
    /// there, and packed-refs keeps nothing of HEAD.
    /// </summary>
    public static HashSet<ObjectId> NewIdsToPeel(IReadOnlyList<RefUpdate> updates) =>
        NewIds([.. updates.Where(static u => u.Name != RefName.Head && !u.Name.Bytes.StartsWith("refs/heads/"u8))]);

    /// <summary>The distinct ids that a snapshot's refs hold, a detached HEAD's too.</summary>
    public static HashSet<ObjectId> IdsOf(RefSnapshot refs)
    {
        HashSet<ObjectId> ids = [.. refs.Entries.Where(static e => e.Value.Kind == RefValueKind.Direct).Select(static e => e.Value.Id)];
        if (refs.Head.Kind == RefValueKind.Direct)
        {
            ids.Add(refs.Head.Id);
        }

        return ids;
    }

    private static void Add(List<RefUpdate> updates, RefName name, RefValue before, RefValue after)
    {
        if (before != after)
        {
            updates.Add(new RefUpdate(name, before, after));
        }
    }
}
