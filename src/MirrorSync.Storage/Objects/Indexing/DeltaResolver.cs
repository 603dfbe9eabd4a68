using MirrorSync.Git.Compression;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>
/// Resolves what the scan left over: deltas whose base came later, is named by id, was no longer in the cache, or is
/// too large for it. Goes down the chains from their roots, so that a base is mostly the content made last.
/// </summary>
internal sealed unsafe class DeltaResolver : IDisposable
{
    // In larger packs hashing ends often enough by itself.
    private const int MostCompared = 256;

    private readonly PackSession session;
    private readonly IEntrySource source;
    private readonly OversizedContents oversized;
    private readonly ThinBases? thinBases;

    // Deferred deltas by offset, as base << 32 | entry, in that order; and by id.
    private readonly long[] byOffset;
    private readonly (ObjectId Base, int Entry)[] byId;
    private readonly Stack<int> pending = [];
    private readonly Stack<int> rebuilding = [];
    private readonly List<int> fresh = [];
    private readonly List<int> resolved = [];
    private byte[] compressed = [];
    private byte[] delta = [];
    private CancellationToken cancellation;
    private int idsOpen;
    private bool searched;

    /// <summary>Ready to resolve what the scan deferred.</summary>
    /// <param name="session">The pack.</param>
    /// <param name="source">Its bytes.</param>
    /// <param name="entriesEnd">Where the last entry ends.</param>
    /// <param name="thinBases">Where bases outside the pack come from; null when there are none.</param>
    /// <param name="folder">A folder for contents that are too large for memory.</param>
    public DeltaResolver(PackSession session, IEntrySource source, long entriesEnd, ThinBases? thinBases, string folder)
    {
        this.session = session;
        this.source = source;
        this.thinBases = thinBases;
        EntriesEnd = entriesEnd;
        oversized = new OversizedContents(session, this, folder);

        // No LINQ: compiling its generics takes longer than all else here for a small pack.
        byId = new (ObjectId Base, int Entry)[session.RefDeltas.Count];
        for (int i = 0; i < byId.Length; i++)
        {
            byId[i] = (session.RefDeltas[i].Base, session.RefDeltas[i].Entry);
        }

        Array.Sort(byId, static (a, b) => a.Base.CompareTo(b.Base) is var order and not 0 ? order : a.Entry.CompareTo(b.Entry));
        idsOpen = byId.Length;
        List<long> offsets = [];
        foreach (int entry in session.Deferred)
        {
            if (session.Entries[entry].Base >= 0)
            {
                offsets.Add(((long)session.Entries[entry].Base << 32) | (uint)entry);
            }
        }

        byOffset = [.. offsets];
        Array.Sort(byOffset);
    }

    /// <summary>What the scan had left over, in the order in which it was resolved.</summary>
    public IReadOnlyList<int> Resolved => resolved;

    /// <summary>Where the last entry ends, appended bases included.</summary>
    public long EntriesEnd { get; private set; }

    /// <summary>Resolves everything; afterwards every entry has its type and its id.</summary>
    /// <exception cref="InvalidPackException">A delta is malformed, or its base is nowhere.</exception>
    public void Run(CancellationToken cancellation)
    {
        this.cancellation = cancellation;
        ResolveByOffset();
        if (idsOpen > 0 && thinBases is null)
        {
            FindBasesInPack();
        }
        else if (idsOpen > 0)
        {
            AppendThinBases(thinBases!);
        }

        int unresolved = 0;
        int first = -1;
        foreach (int entry in session.Deferred)
        {
            if (session.Entries[entry].Type == default)
            {
                unresolved++;
                first = first < 0 ? entry : first;
            }
        }

        if (unresolved > 0)
        {
            InvalidPackException.Throw(PackFault.MissingBase, session.Entries[first].Offset, $"{unresolved} deltas cannot be resolved");
        }
    }

    /// <summary>The content of a resolved entry of ordinary size: from the cache, or made again.</summary>
    public Content Rebuild(int index)
    {
        Content content;
        while (!session.Contents.TryGet(session.Entries[index], out content))
        {
            ref PackEntry entry = ref session.Entries[index];
            if (entry.Base < 0)
            {
                PackEntryHeader head = ReadHead(index, out ReadOnlySpan<byte> bytes);
                content = session.Contents.Reserve(ref entry, (int)head.Size, spared: null);
                InflateWhole(index, bytes, content.Bytes);
                break;
            }

            if (session.Entries[entry.Base].Oversized)
            {
                content = oversized.Load(index);
                break;
            }

            rebuilding.Push(index);
            index = entry.Base;
        }

        while (rebuilding.TryPop(out int next))
        {
            content = session.Apply(next, ReadDelta(next), index, content);
            index = next;
        }

        return content;
    }

    /// <summary>Bytes of an oversized entry's content.</summary>
    public long OversizedLength(int index) => oversized.Keep(index).Length;

    /// <summary>An oversized entry's content, whole all the same; the caller has looked at its length.</summary>
    public byte[] ReadOversized(int index) => oversized.Read(index);

    /// <summary>Whether an oversized entry's content is what the stream holds.</summary>
    public bool IsOversizedContent(int index, Stream expected) => oversized.IsSame(index, expected);

    /// <summary>Whether a delta names the entry's id as its base.</summary>
    public bool IsBaseById(int index)
    {
        ObjectId id = ObjectId.FromRaw(session.Entries.Id(index));
        return FirstById(id) is var at && at < byId.Length && byId[at].Base == id;
    }

    /// <summary>Where an entry begins in the pack, and where its stream begins and ends.</summary>
    public (long Offset, long Begin, long End) Locate(int index)
    {
        long begin = session.Entries[index].Offset;
        long end = EndOf(index);
        Span<byte> bytes = stackalloc byte[(int)Math.Min(PackEntryHeader.MaxLength, end - begin)];
        source.Read(begin, bytes);
        _ = PackEntryHeader.TryDecode(bytes, out PackEntryHeader head);
        return (begin, begin + HeadLength(head), end);
    }

    /// <summary>Reads the pack's bytes again.</summary>
    public void Read(long offset, Span<byte> destination) => source.Read(offset, destination);

    /// <inheritdoc/>
    public void Dispose() => oversized.Dispose();

    private void ResolveByOffset()
    {
        for (int i = 0; i < byOffset.Length; i++)
        {
            // Children of an unresolved base come when that one is resolved.
            int child = (int)byOffset[i];
            if (session.Entries[child].Type == default && session.Entries[(int)(byOffset[i] >> 32)].Type != default)
            {
                Descend(child);
            }
        }
    }

    /// <summary>Resolves what names an object of the pack by its id, as far as that object is resolved itself.</summary>
    private void FindBasesInPack()
    {
        if (!searched)
        {
            searched = true;
            session.Pipeline.Finish();
            fresh.Clear();
            foreach (int index in NamedBases())
            {
                ResolveById(index);
            }
        }

        ResolveFresh();
    }

    // Gathered before any is used: what is resolved meanwhile has no id yet.
    private List<int> NamedBases()
    {
        List<int> named = [];
        for (int i = 0; i < session.Entries.Count; i++)
        {
            if (session.Entries[i].Type != default && IsBaseById(i))
            {
                named.Add(i);
            }
        }

        return named;
    }

    private void ResolveById(int index)
    {
        ObjectId id = ObjectId.FromRaw(session.Entries.Id(index));
        for (int at = FirstById(id); at < byId.Length && byId[at].Base == id; at++)
        {
            ref PackEntry entry = ref session.Entries[byId[at].Entry];
            if (entry.Type == default)
            {
                entry.Base = index;
                idsOpen--;
                Descend(byId[at].Entry);
            }
        }
    }

    // Each round brings ids that further deltas may name as their base.
    private void ResolveFresh()
    {
        while (fresh.Count > 0 && idsOpen > 0)
        {
            session.Pipeline.Finish();
            int[] round = [.. fresh];
            fresh.Clear();
            foreach (int index in round)
            {
                ResolveById(index);
            }
        }
    }

    /// <summary>
    /// Appends the bases that the pack lacks, one after the other, as git does: what hangs on one may hold the base of
    /// the next. What the pack has itself is known by ids, for which hashing has to end; so that is asked only when an
    /// object of the pack may be the one: the store lacks it, or has one of the same type and length.
    /// </summary>
    private void AppendThinBases(ThinBases bases)
    {
        session.FirstAppended = session.Entries.Count;
        foreach ((int entry, ObjectId id) in session.RefDeltas)
        {
            if (session.Entries[entry].Type != default)
            {
                continue;
            }

            bool stored = bases.TryRead(id, out ObjectType type, out byte[]? content);
            if (!stored || MayBeInPack(type, content!.Length))
            {
                FindBasesInPack();
                if (!stored || session.Entries[entry].Type != default)
                {
                    continue;
                }
            }

            int appended = bases.Append(id, type, content!, session, source, EntriesEnd, out long end);
            EntriesEnd = end;
            ResolveById(appended);
        }

        if (idsOpen > 0)
        {
            FindBasesInPack();
        }
    }

    private bool MayBeInPack(ObjectType type, int length)
    {
        if (session.FirstAppended > MostCompared)
        {
            return true;
        }

        for (int i = 0; i < session.FirstAppended; i++)
        {
            PackEntry entry = session.Entries[i];
            if (entry.Type == type && (!session.Contents.TryGet(entry, out Content content) || content.Length == length))
            {
                return true;
            }
        }

        return false;
    }

    private void Descend(int top)
    {
        ResolveOne(top);
        pending.Push(top);
        while (pending.TryPop(out int index))
        {
            cancellation.ThrowIfCancellationRequested();

            // All children at once, while their base is at hand; then their children in turn.
            for (int at = FirstByOffset(index); at < byOffset.Length && (int)(byOffset[at] >> 32) == index; at++)
            {
                int child = (int)byOffset[at];
                ResolveOne(child);
                if (HasChildren(child))
                {
                    pending.Push(child);
                }
            }
        }
    }

    private void ResolveOne(int index)
    {
        resolved.Add(index);
        if (idsOpen > 0)
        {
            fresh.Add(index);
        }

        ref PackEntry entry = ref session.Entries[index];
        int from = entry.Base;
        if (!entry.Oversized && !session.Entries[from].Oversized)
        {
            // The base first: making it again uses the same buffers.
            Content content = Rebuild(from);
            Delta decoded = ReadDelta(index);
            if (decoded.ResultSize <= session.Options.StreamAboveBytes)
            {
                session.MadeFrom(from, content, index, session.Apply(index, decoded, from, content));
                return;
            }
        }

        oversized.Resolve(index);
    }

    private Delta ReadDelta(int index)
    {
        ReadOnlySpan<byte> inflated = session.KeptDeltas.Find(index);
        if (inflated.IsEmpty)
        {
            PackEntryHeader head = ReadHead(index, out ReadOnlySpan<byte> bytes);
            Grow(ref delta, head.Size);
            Span<byte> destination = delta.AsSpan(0, (int)head.Size);
            InflateWhole(index, bytes, destination);
            inflated = destination;
        }

        if (!Delta.TryDecode(inflated, out Delta decoded))
        {
            InvalidPackException.Throw(PackFault.Delta, session.Entries[index].Offset);
        }

        return decoded;
    }

    // The scan has seen these bytes and their lengths: what does not inflate now has changed since.
    private void InflateWhole(int index, ReadOnlySpan<byte> bytes, Span<byte> destination)
    {
        if (!session.InflateWhole(bytes, destination))
        {
            InvalidPackException.Throw(PackFault.Deflate, session.Entries[index].Offset, "it changed while it was read");
        }
    }

    private PackEntryHeader ReadHead(int index, out ReadOnlySpan<byte> stream)
    {
        long begin = session.Entries[index].Offset;
        int length = (int)(EndOf(index) - begin);
        Grow(ref compressed, length);
        source.Read(begin, compressed.AsSpan(0, length));
        if (PackEntryHeader.TryDecode(compressed.AsSpan(0, length), out PackEntryHeader head) != PackFault.None || head.Size > Array.MaxLength)
        {
            InvalidPackException.Throw(PackFault.EntrySize, begin, "it changed while it was read");
        }

        stream = compressed.AsSpan(HeadLength(head), length - HeadLength(head));
        return head;
    }

    private int HeadLength(in PackEntryHeader head) =>
        head.Length + (head.Type == PackEntryType.RefDelta ? session.Format.RawLength() : 0);

    private long EndOf(int index) => index + 1 < session.Entries.Count ? session.Entries[index + 1].Offset : EntriesEnd;

    private int FirstById(in ObjectId id)
    {
        int low = 0;
        int high = byId.Length;
        while (low < high)
        {
            int middle = (low + high) >> 1;
            if (byId[middle].Base.CompareTo(id) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private int FirstByOffset(int index)
    {
        int at = Array.BinarySearch(byOffset, (long)index << 32);
        return at < 0 ? ~at : at;
    }

    private bool HasChildren(int index) =>
        FirstByOffset(index) is var at && at < byOffset.Length && (int)(byOffset[at] >> 32) == index;

    private static void Grow(ref byte[] buffer, long needed)
    {
        if (buffer.Length < needed)
        {
            buffer = GC.AllocateUninitializedArray<byte>((int)Math.Max(needed, Math.Min(2L * buffer.Length, 1 << 24)));
        }
    }
}
