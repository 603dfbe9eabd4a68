using MirrorSync.Git.Compression;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>What scanning and resolving one pack share: its entries, the contents at hand, and the hashers.</summary>
internal sealed unsafe class PackSession : IDisposable
{
    /// <summary>What has to be walked is held even above the streaming threshold, up to so many bytes.</summary>
    public const int LargestWalked = 256 << 20;

    /// <summary>Sets up for a pack of the format.</summary>
    public PackSession(ObjectFormat format, PackIndexOptions options, PackProgress progress)
    {
        Format = format;
        Options = options;
        Entries = new EntryTable(format);
        Links = options.Checks == ObjectChecks.None ? null : new LinkCollector(Entries);
        Progress = progress;
        KeptDeltas = new KeptDeltas(options.CacheBytes / 4);
        Pipeline = new HashPipeline(
            options.Threads,
            () => MessageHasher.Create(format, options.DetectCollisions),
            options.Checks == ObjectChecks.None ? null : () => new ContentChecks(format, options.Checks == ObjectChecks.Strict));
        Contents = new ContentCache(options.CacheBytes) { HashersFinish = Pipeline.Finish };
    }

    /// <summary>The pack's object format.</summary>
    public ObjectFormat Format { get; }

    /// <summary>How it is indexed.</summary>
    public PackIndexOptions Options { get; }

    /// <summary>The entries so far.</summary>
    public EntryTable Entries { get; }

    /// <summary>The contents at hand.</summary>
    public ContentCache Contents { get; }

    /// <summary>Hashes and checks contents.</summary>
    public HashPipeline Pipeline { get; }

    /// <summary>For whole streams.</summary>
    public Inflater Inflater { get; } = new();

    /// <summary>The bases of entries stored as deltas against an id, by their place in the pack.</summary>
    public List<(int Entry, ObjectId Base)> RefDeltas { get; } = [];

    /// <summary>Entries whose delta could not be resolved when they came, in pack order.</summary>
    public List<int> Deferred { get; } = [];

    /// <summary>What was kept of their deltas.</summary>
    public KeptDeltas KeptDeltas { get; }

    /// <summary>Entries from here on are the store's, appended to complete the pack.</summary>
    public int FirstAppended { get; set; } = int.MaxValue;

    /// <summary>What a watcher of a long indexing sees.</summary>
    public PackProgress Progress { get; }

    /// <summary>Collects what the objects name; null when nobody asks.</summary>
    public LinkCollector? Links { get; }

    /// <summary>Makes an object known whose content was just made: hash and checks follow.</summary>
    public void Made(int index, ObjectType type, in Content content)
    {
        Links?.Add(index, type, content.Bytes);
        Take(index, type, content);
    }

    /// <summary>Makes an object known whose content was just made by a delta.</summary>
    public void MadeFrom(int from, in Content source, int index, in Content content)
    {
        ObjectType type = Entries[from].Type;
        if (from >= FirstAppended && Options.Checks == ObjectChecks.Strict)
        {
            // git asks for all that a new tree names: a base that the store has may be left over from a prune.
            Links?.Add(index, type, content.Bytes);
        }
        else
        {
            // A base of the store lies in the trees of commits that its refs reach, so all it names is there; to ask for
            // each of its entries again would take longer than all the rest of a small push.
            Links?.AddDifference(index, type, source.Bytes, content.Bytes);
        }

        Take(index, type, content);
    }

    /// <summary>Inflates a stream that is all there; false when it is damaged or not as long as the destination.</summary>
    public bool InflateWhole(ReadOnlySpan<byte> stream, Span<byte> destination)
    {
        if (Inflater.Inflate(stream, destination, out _) == InflateResult.Done)
        {
            return true;
        }

        // zlib has the last word, as in the scan.
        using StreamInflater slow = new();
        return slow.Inflate(stream, destination, out _, out int produced) == InflateStep.End && produced == destination.Length;
    }

    /// <summary>Applies a delta to its base's content, and makes the result the entry's content.</summary>
    /// <param name="index">The delta's entry.</param>
    /// <param name="delta">The delta; its result is at most <see cref="PackIndexOptions.StreamAboveBytes"/> long.</param>
    /// <param name="from">The base's entry.</param>
    /// <param name="source">The base's content.</param>
    /// <returns>The content; the base's is still there.</returns>
    /// <exception cref="InvalidPackException">The delta is not one for this base.</exception>
    public Content Apply(int index, Delta delta, int from, in Content source)
    {
        ref PackEntry entry = ref Entries[index];
        if (delta.BaseSize != source.Length)
        {
            InvalidPackException.Throw(PackFault.Delta, entry.Offset, $"it is for a base of {delta.BaseSize} bytes, not {source.Length}");
        }

        Content result = Contents.Reserve(ref entry, (int)delta.ResultSize, spared: Entries[from].Slab);
        if (!delta.TryApply(source.Bytes, result.Bytes))
        {
            InvalidPackException.Throw(PackFault.Delta, entry.Offset);
        }

        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The hashers first: they read contents and write ids.
        Pipeline.Dispose();
        Contents.Dispose();
        Entries.Dispose();
        Inflater.Dispose();
    }

    private void Take(int index, ObjectType type, in Content content)
    {
        Entries[index].Type = type;
        Pipeline.Add(type, content, Entries.IdAddress(index), index);
        Progress.CountResolved();
    }
}
