using System.Security.Cryptography;
using MirrorSync.Git.Compression;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>
/// Objects that were asked for by id, as one pack that is complete in itself: as packs store them, or as deltas of one
/// another. One that is too large to be held is a pack by itself, which is made while it is written.
/// </summary>
public sealed class ObjectPack
{
    // Each content is held as it is, deflated, and as a delta that is tried.
    private const int FormsHeld = 4;

    private readonly ObjectStore store;
    private readonly ReadOnlyMemory<byte> made;
    private readonly ObjectId streamed;

    private ObjectPack(ObjectStore store, IReadOnlyList<ObjectId> absent, int objects, ReadOnlyMemory<byte> made, ObjectId streamed)
    {
        this.store = store;
        this.made = made;
        this.streamed = streamed;
        Absent = absent;
        Objects = objects;
    }

    /// <summary>The objects that are not there, or damaged.</summary>
    public IReadOnlyList<ObjectId> Absent { get; }

    /// <summary>How many objects the pack has; 0 when there is none. Fewer than were asked for when they are too much at once.</summary>
    public int Objects { get; }

    /// <summary>Makes the pack of as many of the objects, in their order, as can be held; at least one of those that are there.</summary>
    /// <param name="store">The repository's objects; stays open until the pack is written.</param>
    /// <param name="ids">What is asked for.</param>
    /// <param name="limits">How much is held.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="IOException">The disk failed.</exception>
    public static ObjectPack Make(ObjectStore store, IReadOnlyCollection<ObjectId> ids, PackingLimits limits, CancellationToken cancellation)
    {
        List<ObjectId> absent = [];
        List<PackItem> chosen = [];
        long bytes = 0;
        foreach (ObjectId id in ids.Distinct())
        {
            cancellation.ThrowIfCancellationRequested();
            if (!TryFind(store, id, out ObjectType type, out long size))
            {
                absent.Add(id);
            }
            else if (chosen.Count < limits.MaxObjects && (chosen.Count == 0 || bytes + size <= limits.MaxBytes / FormsHeld))
            {
                chosen.Add(new PackItem(id, type, nameHash: 0, path: null));
                bytes += size;
            }
        }

        // Blobs first: of objects whose first is a commit the search in the packs ends early.
        chosen.Sort(static (a, b) => b.Type.CompareTo(a.Type));
        while (chosen.Count > 0)
        {
            try
            {
                return new ObjectPack(store, absent, chosen.Count, Assemble(store, chosen, limits, cancellation), default);
            }
            catch (PackingLimitException) when (chosen.Count == 1)
            {
                return new ObjectPack(store, absent, 1, default, chosen[0].Id);
            }
            catch (PackingLimitException)
            {
                chosen.RemoveRange(chosen.Count / 2, chosen.Count - (chosen.Count / 2));
            }
            catch (DamagedObjectException damage) when (chosen.RemoveAll(i => i.Id == damage.Id) > 0)
            {
                absent.Add(damage.Id);
            }

            // Entries that were made bear their places in the pack that came to nothing.
            chosen = [.. chosen.Select(static i => new PackItem(i.Id, i.Type, nameHash: 0, path: null))];
        }

        return new ObjectPack(store, absent, 0, default, default);
    }

    /// <summary>Writes the pack; nothing when it has no objects.</summary>
    /// <exception cref="IOException">The receiver went away, or the object turned out to be damaged: what was written is no pack.</exception>
    public async Task WriteAsync(Stream destination, CancellationToken cancellation)
    {
        if (streamed.IsZero)
        {
            await destination.WriteAsync(made, cancellation).ConfigureAwait(false);
            return;
        }

        Stream content = store.OpenRead(streamed, out ObjectType type, out long size)
            ?? throw new IOException($"object {streamed.ToHex(store.Format)} is gone");
        await using (content.ConfigureAwait(false))
        {
            await StreamAsync(content, type, size, destination, cancellation).ConfigureAwait(false);
        }
    }

    private static bool TryFind(ObjectStore store, in ObjectId id, out ObjectType type, out long size)
    {
        try
        {
            return store.TryReadHeader(id, out type, out size);
        }
        catch (DamagedObjectException)
        {
            (type, size) = (default, 0);
            return false;
        }
    }

    private static ReadOnlyMemory<byte> Assemble(ObjectStore store, List<PackItem> items, PackingLimits limits, CancellationToken cancellation)
    {
        PackingBudget budget = new(limits);
        new StoredDeltas(store, budget, []).Find(items, cancellation);
        using DeltaSearch search = new(store, budget);
        search.Run(items, cancellation);
        return new PackAssembly(store.Format).Write(items);
    }

    private async Task StreamAsync(Stream content, ObjectType type, long size, Stream destination, CancellationToken cancellation)
    {
        const int portion = 128 << 10;
        using IncrementalHash hash = store.Format.CreateHash();
        byte[] head = new byte[PackHeader.Length + PackEntryHeader.MaxLength];
        new PackHeader(2, 1).Encode(head);
        int length = PackHeader.Length + PackEntryHeader.EncodeWhole((PackEntryType)type, size, head.AsSpan(PackHeader.Length));
        hash.AppendData(head.AsSpan(0, length));
        await destination.WriteAsync(head.AsMemory(0, length), cancellation).ConfigureAwait(false);

        using MemoryStream room = new();
        byte[] buffer = new byte[portion];
        using (System.IO.Compression.ZLibStream deflating = new(room, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
        {
            int read;
            while ((read = await content.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0)
            {
                await deflating.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
                await FlushAsync(room).ConfigureAwait(false);
            }
        }

        await FlushAsync(room).ConfigureAwait(false);
        await destination.WriteAsync(hash.GetHashAndReset(), cancellation).ConfigureAwait(false);

        async Task FlushAsync(MemoryStream from)
        {
            ReadOnlyMemory<byte> ready = from.GetBuffer().AsMemory(0, (int)from.Length);
            hash.AppendData(ready.Span);
            await destination.WriteAsync(ready, cancellation).ConfigureAwait(false);
            from.SetLength(0);
        }
    }
}
