using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Maintenance;

/// <summary>
/// Which stored form of each object goes into the pack that some packs are folded into: the smallest, as long as no chain
/// of deltas becomes longer than the limit or leads back to itself. A thin pack's appended base is an object that an older
/// pack has too, mostly as a delta; of the two forms one is left.
/// </summary>
internal sealed class CopyPlan
{
    /// <summary>The chosen form of an object that is to be written whole, though no pack has it so.</summary>
    public const int WriteWhole = -1;

    private readonly List<StoredEntry> entries = [];
    private readonly int[] first;
    private readonly int[] chosen;
    private readonly ushort[] depths;
    private readonly byte[] states;

    /// <summary>Chooses.</summary>
    /// <param name="packs">The packs; each is complete in itself.</param>
    /// <param name="format">Of their ids.</param>
    /// <param name="maxDepth">The longest chain of deltas.</param>
    /// <param name="whole">Objects that are to be there too, written whole when no pack has an entry of them.</param>
    /// <exception cref="InvalidDataException">A pack is damaged.</exception>
    public CopyPlan(IReadOnlyList<PackEntries> packs, ObjectFormat format, int maxDepth, IReadOnlyCollection<ObjectId>? whole = null)
    {
        Dictionary<ObjectId, int> places = new(packs.Sum(static p => p.Ids.Length) + (whole?.Count ?? 0));
        foreach (PackEntries pack in packs)
        {
            foreach (ObjectId id in pack.Ids)
            {
                places.TryAdd(id, places.Count);
            }
        }

        foreach (ObjectId id in whole ?? [])
        {
            places.TryAdd(id, places.Count);
        }

        Ids = new ObjectId[places.Count];
        foreach ((ObjectId id, int place) in places)
        {
            Ids[place] = id;
        }

        first = new int[Ids.Length];
        Array.Fill(first, -1);
        for (int i = 0; i < packs.Count; i++)
        {
            AddEntries(packs[i], i, places, format);
        }

        chosen = new int[Ids.Length];
        depths = new ushort[Ids.Length];
        states = new byte[Ids.Length];
        Stack<int> path = new();
        for (int place = 0; place < Ids.Length; place++)
        {
            Choose(place, maxDepth, path);
        }
    }

    /// <summary>The objects, each once: the places that all else counts by.</summary>
    public ObjectId[] Ids { get; }

    /// <summary>The form that was chosen; null when the object is to be written whole.</summary>
    public StoredEntry? Entry(int place) => chosen[place] == WriteWhole ? null : entries[chosen[place]];

    private void AddEntries(PackEntries pack, int number, Dictionary<ObjectId, int> places, ObjectFormat format)
    {
        for (int i = 0; i < pack.Ids.Length; i++)
        {
            long offset = pack.Offsets[i];
            long end = pack.End(i);
            int headRoom = (int)Math.Min(PackEntryHeader.MaxLength + ObjectId.Size, end - offset);
            ReadOnlySpan<byte> head = pack.Read(offset, headRoom);
            PackFault fault = PackEntryHeader.TryDecode(head, out PackEntryHeader header);
            int baseLength = header.Type == PackEntryType.RefDelta ? format.RawLength() : 0;
            if (fault != PackFault.None || offset + header.Length + baseLength > end)
            {
                throw Damage(pack, offset);
            }

            int basePlace = -1;
            if (header.Type == PackEntryType.OffsetDelta)
            {
                bool known = pack.TryFind(offset - header.BaseDistance, out ObjectId inner);
                basePlace = known && places.TryGetValue(inner, out int place) ? place : throw Damage(pack, offset);
            }
            else if (header.Type == PackEntryType.RefDelta
                && !places.TryGetValue(ObjectId.FromRaw(head.Slice(header.Length, baseLength)), out basePlace))
            {
                throw Damage(pack, offset);
            }

            ref int last = ref first[places[pack.Ids[i]]];
            entries.Add(new StoredEntry(number, header.Type, header.Size, offset + header.Length + baseLength, end, basePlace, last));
            last = entries.Count - 1;
        }
    }

    /// <summary>
    /// Chooses for an object, and before it for all bases that its forms are for: depth first, without recursion, for
    /// chains in packs from elsewhere may be thousands long.
    /// </summary>
    private void Choose(int place, int maxDepth, Stack<int> path)
    {
        const byte onPath = 1;
        const byte done = 2;
        if (states[place] == done)
        {
            return;
        }

        path.Push(place);
        states[place] = onPath;
        while (path.TryPeek(out int at))
        {
            int open = -1;
            int best = WriteWhole;
            for (int i = first[at]; i >= 0; i = entries[i].Other)
            {
                StoredEntry entry = entries[i];
                if (entry.Base >= 0 && states[entry.Base] == 0)
                {
                    open = entry.Base;
                    break;
                }

                // A base on the path is one that waits for this very object.
                bool usable = entry.Base < 0 || (states[entry.Base] == done && depths[entry.Base] < maxDepth);
                if (usable && (best == WriteWhole || entry.End - entry.Data < entries[best].End - entries[best].Data))
                {
                    best = i;
                }
            }

            if (open >= 0)
            {
                states[open] = onPath;
                path.Push(open);
                continue;
            }

            chosen[at] = best;
            depths[at] = best == WriteWhole || entries[best].Base < 0 ? (ushort)0 : (ushort)(depths[entries[best].Base] + 1);
            states[at] = done;
            path.Pop();
        }
    }

    private static InvalidDataException Damage(PackEntries pack, long offset) => new($"{pack.Path} is damaged at offset {offset}");
}
