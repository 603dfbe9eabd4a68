using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>What a sound pack holds. Good only as long as the verification that shows it; one thread.</summary>
public sealed class PackContents
{
    private const int WindowBytes = 4096;

    private readonly EntryTable entries;
    private readonly IEntrySource source;
    private readonly long entriesEnd;
    private readonly int[] depths;
    private readonly List<int> chains = [];
    private readonly byte[] window = new byte[WindowBytes];
    private long windowBegin;
    private int windowLength;

    /// <summary>Looks at resolved entries.</summary>
    internal PackContents(EntryTable entries, IEntrySource source, long entriesEnd)
    {
        this.entries = entries;
        this.source = source;
        this.entriesEnd = entriesEnd;
        depths = new int[entries.Count];
        CountChains();
    }

    /// <summary>How many objects are stored whole.</summary>
    public int Whole { get; private set; }

    /// <summary>How many objects take one delta, two, and so on; the last number is not 0.</summary>
    public IReadOnlyList<int> Chains => chains;

    /// <summary>The objects, in pack order.</summary>
    /// <exception cref="IOException">The pack cannot be read again.</exception>
    public IEnumerable<PackedObject> Objects()
    {
        for (int i = 0; i < entries.Count; i++)
        {
            yield return Describe(i);
        }
    }

    private PackedObject Describe(int index)
    {
        ref readonly PackEntry entry = ref entries[index];
        long end = index + 1 < entries.Count ? entries[index + 1].Offset : entriesEnd;
        return new PackedObject(
            ObjectId.FromRaw(entries.Id(index)),
            entry.Type,
            ReadSize(entry.Offset),
            end - entry.Offset,
            entry.Offset,
            depths[index],
            entry.Base < 0 ? ObjectId.Zero : ObjectId.FromRaw(entries.Id(entry.Base)));
    }

    // A base by id may come after its delta, so each depth is found on the way back from the chain's root.
    private void CountChains()
    {
        Stack<int> chain = [];
        for (int i = 0; i < depths.Length; i++)
        {
            int at = i;
            while (entries[at].Base >= 0 && depths[at] == 0)
            {
                chain.Push(at);
                at = entries[at].Base;
            }

            int depth = depths[at];
            while (chain.TryPop(out int next))
            {
                depths[next] = ++depth;
            }

            Count(depths[i]);
        }
    }

    private void Count(int depth)
    {
        if (depth == 0)
        {
            Whole++;
            return;
        }

        while (chains.Count < depth)
        {
            chains.Add(0);
        }

        chains[depth - 1]++;
    }

    // The size stands in the entry's head, which the scan has seen to be sound.
    private long ReadSize(long offset)
    {
        if (offset < windowBegin || offset + PackEntryHeader.MaxLength > windowBegin + windowLength)
        {
            windowBegin = offset;
            windowLength = (int)Math.Min(WindowBytes, entriesEnd - offset);
            source.Read(offset, window.AsSpan(0, windowLength));
        }

        int at = (int)(offset - windowBegin);
        return PackEntryHeader.TryDecode(window.AsSpan(at, windowLength - at), out PackEntryHeader head) == PackFault.None
            ? head.Size
            : throw new InvalidPackException(PackFault.EntryType, offset, $"the pack changed while it was read (at offset {offset})");
    }
}
