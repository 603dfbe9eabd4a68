using System.Collections.Immutable;
using System.Runtime.InteropServices;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Refs;

/// <summary>
/// All refs of a repository at one moment, HEAD included. Immutable: readers keep one as long as they like, the owner
/// swaps in the next by one volatile write.
/// </summary>
public sealed class RefSnapshot
{
    /// <summary>git reads no more refs than this to resolve one, itself included (refs.c, SYMREF_MAXDEPTH).</summary>
    public const int MaxSymbolicDepth = 5;

    private readonly RefsHash hash;

    private RefSnapshot(ObjectFormat format, RefValue head, ImmutableArray<RefEntry> entries, RefsHash hash)
    {
        Format = format;
        Head = head;
        Entries = entries;
        this.hash = hash;
    }

    /// <summary>The repository's object format.</summary>
    public ObjectFormat Format { get; }

    /// <summary>HEAD: symbolic as a rule, direct when detached, none in a repository not yet known.</summary>
    public RefValue Head { get; }

    /// <summary>All refs below <c>refs/</c> in byte order of their names.</summary>
    public ImmutableArray<RefEntry> Entries { get; }

    /// <summary>The digest of all refs and HEAD.</summary>
    public RefsDigest Digest => hash.Digest;

    /// <summary>A snapshot without refs and without HEAD: what a repository is before its Baseline.</summary>
    public static RefSnapshot Empty(ObjectFormat format) => new(format, RefValue.None, [], RefsHash.Empty);

    /// <summary>Builds a snapshot; entries may come in any order, a name that comes twice is the caller's error.</summary>
    public static RefSnapshot Create(ObjectFormat format, RefValue head, IEnumerable<RefEntry> entries)
    {
        RefEntry[] sorted = [.. entries];
        Array.Sort(sorted, static (a, b) => a.Name.CompareTo(b.Name));
        List<RefUpdate> all = new(sorted.Length + 1) { new(RefName.Head, RefValue.None, head) };
        for (int i = 0; i < sorted.Length; i++)
        {
            if (i > 0 && sorted[i].Name == sorted[i - 1].Name)
            {
                throw new ArgumentException($"the ref {sorted[i].Name} is named twice", nameof(entries));
            }

            all.Add(new RefUpdate(sorted[i].Name, RefValue.None, sorted[i].Value));
        }

        RefsHash hash = RefsHash.Empty.With(format, CollectionsMarshal.AsSpan(all));
        return new RefSnapshot(format, head, ImmutableCollectionsMarshal.AsImmutableArray(sorted), hash);
    }

    /// <summary>The value of a ref, or of HEAD; <see cref="RefValue.None"/> when there is no such ref.</summary>
    public RefValue ValueOf(RefName name)
    {
        if (name == RefName.Head)
        {
            return Head;
        }

        int index = IndexOf(name);
        return index >= 0 ? Entries[index].Value : RefValue.None;
    }

    /// <summary>The ref's entry; false when there is none.</summary>
    public bool TryFind(RefName name, out RefEntry entry)
    {
        int index = IndexOf(name);
        entry = index >= 0 ? Entries[index] : default;
        return index >= 0;
    }

    /// <summary>
    /// Follows symbolic refs from a value to the entry that holds an id. False for a dangling or too deep chain, and
    /// for a detached HEAD's value, which names no entry.
    /// </summary>
    public bool TryResolve(RefValue value, out RefEntry entry)
    {
        entry = default;

        // The ref that holds the value is the first that git reads.
        for (int read = 1; read < MaxSymbolicDepth && value.Kind == RefValueKind.Symbolic; read++)
        {
            if (!TryFind(value.Target, out entry))
            {
                return false;
            }

            value = entry.Value;
            if (value.Kind == RefValueKind.Direct)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// The snapshot after the updates, or null when an update's old value is not the present one (or a name comes
    /// twice); then <paramref name="mismatch"/> names the first such update.
    /// </summary>
    /// <param name="updates">In any order.</param>
    /// <param name="peeled">For each new id that names a tag object: the object that the tag finally names.</param>
    /// <param name="mismatch">The update whose old value is wrong.</param>
    public RefSnapshot? TryApply(
        IReadOnlyList<RefUpdate> updates, IReadOnlyDictionary<ObjectId, ObjectId> peeled, out RefUpdate mismatch)
    {
        RefUpdate[] sorted = [.. updates];
        Array.Sort(sorted, static (a, b) => a.Name.CompareTo(b.Name));
        mismatch = default;
        RefValue head = Head;
        ImmutableArray<RefEntry>.Builder next = ImmutableArray.CreateBuilder<RefEntry>(Entries.Length + sorted.Length);
        int from = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            RefUpdate update = sorted[i];
            bool twice = i > 0 && sorted[i - 1].Name == update.Name;
            if (twice || ValueOf(update.Name) != update.Old)
            {
                mismatch = update;
                return null;
            }

            if (update.Name == RefName.Head)
            {
                head = update.New;
                continue;
            }

            int index = IndexOf(update.Name);
            int until = index >= 0 ? index : ~index;
            next.AddRange(Entries.AsSpan()[from..until]);
            from = index >= 0 ? index + 1 : until;
            if (update.New.Exists)
            {
                next.Add(new RefEntry(update.Name, update.New, peeled.GetValueOrDefault(update.New.Id)));
            }
        }

        next.AddRange(Entries.AsSpan()[from..]);
        return new RefSnapshot(Format, head, next.DrainToImmutable(), hash.With(Format, sorted));
    }

    /// <summary>The same refs with what their tags finally name filled in; the digest does not speak of it.</summary>
    public RefSnapshot WithPeeled(IReadOnlyDictionary<ObjectId, ObjectId> peeled) => new(
        Format,
        Head,
        ImmutableArray.CreateRange(Entries, e => e with { Peeled = peeled.GetValueOrDefault(e.Value.Id) }),
        hash);

    /// <summary>The updates that lead from this snapshot to a later one of the same format, in byte order.</summary>
    public IReadOnlyList<RefUpdate> UpdatesTo(RefSnapshot later)
    {
        List<RefUpdate> updates = [];
        if (Head != later.Head)
        {
            updates.Add(new RefUpdate(RefName.Head, Head, later.Head));
        }

        int mine = 0;
        int theirs = 0;
        while (mine < Entries.Length || theirs < later.Entries.Length)
        {
            int order = mine == Entries.Length ? 1
                : theirs == later.Entries.Length ? -1
                : Entries[mine].Name.CompareTo(later.Entries[theirs].Name);
            if (order < 0)
            {
                updates.Add(new RefUpdate(Entries[mine].Name, Entries[mine].Value, RefValue.None));
                mine++;
            }
            else if (order > 0)
            {
                updates.Add(new RefUpdate(later.Entries[theirs].Name, RefValue.None, later.Entries[theirs].Value));
                theirs++;
            }
            else
            {
                if (Entries[mine].Value != later.Entries[theirs].Value)
                {
                    updates.Add(new RefUpdate(Entries[mine].Name, Entries[mine].Value, later.Entries[theirs].Value));
                }

                mine++;
                theirs++;
            }
        }

        return updates;
    }

    private int IndexOf(RefName name)
    {
        int low = 0;
        int high = Entries.Length - 1;
        while (low <= high)
        {
            int middle = (int)((uint)(low + high) >> 1);
            int order = Entries[middle].Name.CompareTo(name);
            if (order == 0)
            {
                return middle;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return ~low;
    }
}
