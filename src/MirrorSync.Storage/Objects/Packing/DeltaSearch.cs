using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Compression;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>
/// Makes the entry of each object that is to be sent: as a pack stores it, or as a delta against what the receiver has at
/// the same path or against an object of a like path in the same pack, or whole, whatever is the smallest.
/// </summary>
/// <remarks>A push arrives as loose objects mostly, which hold no deltas; whole trees would be most of its bytes.</remarks>
internal sealed class DeltaSearch : IDisposable
{
    // As git: how many neighbours are tried, how long chains become, and of how much larger a base a delta may be.
    private const int Window = 10;
    private const int MaxDepth = 50;
    private const int MaxSizeRatio = 32;

    // A delta of so small a part of the object needs no better one.
    private const int GoodPart = 16;

    // Below these bytes a delta that is not good, and above them one of half the size, is held against the whole, both
    // deflated.
    private const int ComparedBytes = 8 << 10;

    private readonly ObjectStore store;
    private readonly PackingBudget budget;
    private readonly DeltaIndex index = new();
    private readonly Compressor compressor = new();
    private readonly Dictionary<ObjectId, byte[]> outerBases = [];

    /// <param name="store">The repository's objects.</param>
    /// <param name="budget">Bounds what is read.</param>
    public DeltaSearch(ObjectStore store, PackingBudget budget) => (this.store, this.budget) = (store, budget);

    /// <summary>Makes the entries; all that is needed of the repository has been read afterwards.</summary>
    /// <exception cref="ObjectsMissingException">An object is not there.</exception>
    /// <exception cref="DamagedObjectException">An object is damaged.</exception>
    /// <exception cref="PackingLimitException">It is too much.</exception>
    public void Run(List<PackItem> items, CancellationToken cancellation)
    {
        foreach (PackItem item in items)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!item.IsDelta)
            {
                item.Content ??= Read(item);
            }
        }

        // Objects of like paths side by side, the larger first: to leave something out takes fewer bytes than to add it.
        PackItem[] sorted = [.. items];
        Array.Sort(sorted, static (a, b) =>
        {
            int order = a.Type.CompareTo(b.Type);
            order = order != 0 ? order : a.NameHash.CompareTo(b.NameHash);
            order = order != 0 ? order : Length(b).CompareTo(Length(a));
            return order != 0 ? order : a.Id.CompareTo(b.Id);
        });

        for (int i = 0; i < sorted.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            PackItem item = sorted[i];
            if (item.IsDelta)
            {
                (item.Data, item.Size) = (item.Stored!.Deflated, item.Stored.Size);
            }
            else
            {
                MakeEntry(item, sorted.AsSpan(Math.Max(0, i - Window), Math.Min(i, Window)));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => compressor.Dispose();

    private static int Length(PackItem item) => item.Content?.Length ?? 0;

    private void MakeEntry(PackItem item, ReadOnlySpan<PackItem> neighbours)
    {
        byte[] content = item.Content!;
        byte[] best = ArrayPool<byte>.Shared.Rent(content.Length);
        byte[] next = ArrayPool<byte>.Shared.Rent(content.Length);
        try
        {
            int length = content.Length;
            if (item.Path is not null)
            {
                foreach (ObjectId old in item.Path.OldOf(item.Type))
                {
                    if (ReadBase(old) is { } source && TryDelta(source, content, next, ref length))
                    {
                        item.Against(old);
                        (best, next) = (next, best);
                    }
                }
            }

            for (int i = neighbours.Length - 1; i >= 0 && length > content.Length / GoodPart; i--)
            {
                PackItem neighbour = neighbours[i];
                if (neighbour.Content is { } source && IsWorthTrying(item, neighbour) && TryDelta(source, content, next, ref length))
                {
                    item.Against(neighbour);
                    (best, next) = (next, best);
                }
            }

            Deflate(item, content, best.AsSpan(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(best);
            ArrayPool<byte>.Shared.Return(next);
        }
    }

    /// <summary>Makes a delta, if it is shorter than what there is.</summary>
    private bool TryDelta(byte[] source, byte[] content, byte[] room, ref int length)
    {
        if (length == 0 || !DeltaEncoder.TryEncode(index, source, content, room.AsSpan(0, length - 1), out int made))
        {
            return false;
        }

        length = made;
        return true;
    }

    private static bool IsWorthTrying(PackItem item, PackItem neighbour)
    {
        int size = item.Content!.Length;
        int other = neighbour.Content!.Length;
        // Whoever made a pack of both tried it already.
        bool tried = item.Stored is { } stored && neighbour.Stored is { } beside && stored.Pack == beside.Pack;
        return item.Type == neighbour.Type && !tried && other <= (long)size * MaxSizeRatio && size <= (long)other * MaxSizeRatio
            && neighbour.Depth < MaxDepth && !item.IsBaseOf(neighbour);
    }

    private void Deflate(PackItem item, byte[] content, ReadOnlySpan<byte> delta)
    {
        ReadOnlyMemory<byte> whole = default;
        int compared = content.Length <= ComparedBytes ? GoodPart : 2;
        if (!item.IsDelta || delta.Length > content.Length / compared)
        {
            whole = item.Stored?.Deflated ?? Deflate(content);
        }

        if (item.IsDelta)
        {
            ReadOnlyMemory<byte> deflated = Deflate(delta);
            int named = item.Base is null ? store.Format.RawLength() : 0;
            if (whole.IsEmpty || deflated.Length + named < whole.Length)
            {
                (item.Data, item.Size) = (deflated, delta.Length);
                return;
            }

            item.MakeWhole();
        }

        (item.Data, item.Size) = (whole, content.Length);
    }

    private ReadOnlyMemory<byte> Deflate(ReadOnlySpan<byte> bytes)
    {
        byte[] room = ArrayPool<byte>.Shared.Rent(compressor.LongestFor(bytes.Length));
        try
        {
            byte[] deflated = room.AsSpan(0, compressor.Compress(bytes, room)).ToArray();
            budget.TakeBytes(deflated.Length);
            return deflated;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(room);
        }
    }

    private byte[] Read(PackItem item)
    {
        if (!budget.TryRead(store, item.Id, item.Type, out byte[]? content))
        {
            ThrowMissing(item.Id);
        }

        return content;
    }

    /// <summary>Reads what a delta could be made against; null when that is not there, or too large.</summary>
    private byte[]? ReadBase(ObjectId id)
    {
        if (!outerBases.TryGetValue(id, out byte[]? content))
        {
            try
            {
                content = store.TryRead(id, Math.Min(budget.Bytes, DeltaIndex.MaxSourceLength), out _, out content) ? content : [];
            }
            catch (ObjectTooLargeException)
            {
                content = [];
            }

            budget.TakeBytes(content.Length);
            outerBases.Add(id, content);
        }

        return content.Length == 0 ? null : content;
    }

    [DoesNotReturn]
    private void ThrowMissing(in ObjectId id) => throw new ObjectsMissingException($"object {id.ToHex(store.Format)} is missing");
}
