using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Compression;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Maintenance;

/// <summary>
/// Writes the pack that some packs are folded into, by copying entries as they are: commits, then tags, trees and blobs, those
/// of the newest pack first, each base before what is a delta of it. Nothing is inflated. Not thread-safe.
/// </summary>
/// <remarks>
/// It starts no process: <c>git pack-objects --stdin-packs</c> takes ten milliseconds for the packs of ten pushes, most of it
/// to start.
/// </remarks>
internal sealed class CopiedPack : IDisposable
{
    private const int BufferBytes = 64 * 1024;
    private const int CopyBytes = 1 << 20;
    private const int DeflateLevel = 6;
    private const long MaxWhole = 512L << 20;

    private readonly SafeFileHandle file;
    private readonly ObjectFormat format;
    private readonly IncrementalHash hash;
    private readonly byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
    private int used;
    private long flushed;

    private CopiedPack(SafeFileHandle file, ObjectFormat format)
    {
        this.file = file;
        this.format = format;
        hash = format.CreateHash();
    }

    /// <summary>Writes the pack.</summary>
    /// <param name="packs">What is folded, the newest first.</param>
    /// <param name="plan">Which entries are copied.</param>
    /// <param name="store">Reads an object that no pack has in a form that can be copied.</param>
    /// <param name="file">An empty file.</param>
    /// <param name="format">Of the ids.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="InvalidDataException">An object that is to be written whole is missing.</exception>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void Write(
        IReadOnlyList<PackEntries> packs,
        CopyPlan plan,
        Lazy<ObjectStore> store,
        SafeFileHandle file,
        ObjectFormat format,
        CancellationToken cancellation)
    {
        using CopiedPack pack = new(file, format);
        pack.Write(packs, plan, store, cancellation);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        hash.Dispose();
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private long Position => flushed + used;

    private void Write(IReadOnlyList<PackEntries> packs, CopyPlan plan, Lazy<ObjectStore> store, CancellationToken cancellation)
    {
        Span<byte> header = stackalloc byte[PackHeader.Length];
        new PackHeader(2, (uint)plan.Ids.Length).Encode(header);
        Append(header);
        ObjectType[] types = TypesOf(plan, store);
        long[] offsets = new long[plan.Ids.Length];
        Stack<int> chain = new();
        foreach (ObjectType type in (ReadOnlySpan<ObjectType>)[ObjectType.Commit, ObjectType.Tag, ObjectType.Tree, ObjectType.Blob])
        {
            foreach (int first in InOrder(packs, plan))
            {
                if (types[first] != type || offsets[first] != 0)
                {
                    continue;
                }

                cancellation.ThrowIfCancellationRequested();
                for (int place = first; place >= 0 && offsets[place] == 0; place = plan.Entry(place)?.Base ?? -1)
                {
                    chain.Push(place);
                }

                while (chain.TryPop(out int place))
                {
                    offsets[place] = Position;
                    if (plan.Entry(place) is { } entry)
                    {
                        Copy(packs[entry.Pack], entry, entry.Base < 0 ? 0 : Position - offsets[entry.Base]);
                    }
                    else
                    {
                        AppendWhole(plan.Ids[place], store);
                    }
                }
            }
        }

        Flush();
        Span<byte> checksum = stackalloc byte[format.RawLength()];
        hash.GetHashAndReset(checksum);
        RandomAccess.Write(file, checksum, flushed);
    }

    /// <summary>Every object once for each pack that chose it, in pack order.</summary>
    private static int[] InOrder(IReadOnlyList<PackEntries> packs, CopyPlan plan)
    {
        int[] order = new int[plan.Ids.Length];
        (int Pack, long Data)[] keys = new (int, long)[order.Length];
        for (int place = 0; place < order.Length; place++)
        {
            order[place] = place;
            StoredEntry? entry = plan.Entry(place);
            keys[place] = entry is { } known ? (known.Pack, known.Data) : (packs.Count, place);
        }

        Array.Sort(keys, order);
        return order;
    }

    private static ObjectType[] TypesOf(CopyPlan plan, Lazy<ObjectStore> store)
    {
        ObjectType[] types = new ObjectType[plan.Ids.Length];
        Stack<int> chain = new();
        for (int first = 0; first < types.Length; first++)
        {
            int place = first;
            while (types[place] == default && plan.Entry(place) is { Base: >= 0 } delta)
            {
                chain.Push(place);
                place = delta.Base;
            }

            if (types[place] == default)
            {
                types[place] = plan.Entry(place) is { } whole ? (ObjectType)whole.Type
                    : store.Value.TryReadHeader(plan.Ids[place], out ObjectType found, out _) ? found
                    : throw Missing(plan.Ids[place]);
            }

            while (chain.TryPop(out int above))
            {
                types[above] = types[place];
            }
        }

        return types;
    }

    private void Copy(PackEntries from, in StoredEntry entry, long distance)
    {
        Span<byte> head = stackalloc byte[PackEntryHeader.MaxLength];
        int length = PackEntryHeader.EncodeWhole(distance == 0 ? entry.Type : PackEntryType.OffsetDelta, entry.Size, head);
        if (distance != 0)
        {
            length += EncodeDistance(distance, head[length..]);
        }

        Append(head[..length]);
        for (long at = entry.Data; at < entry.End; at += CopyBytes)
        {
            Append(from.Read(at, (int)Math.Min(CopyBytes, entry.End - at)));
        }
    }

    private void AppendWhole(ObjectId id, Lazy<ObjectStore> store)
    {
        if (!store.Value.TryRead(id, MaxWhole, out ObjectType type, out byte[]? content))
        {
            throw Missing(id);
        }

        Span<byte> head = stackalloc byte[PackEntryHeader.MaxLength];
        Append(head[..PackEntryHeader.EncodeWhole((PackEntryType)type, content.Length, head)]);
        Append(Deflater.Deflate(content, DeflateLevel).Span);
    }

    // Highest 7 bits first, each step adding 1 (gitformat-pack(5)).
    private static int EncodeDistance(long distance, Span<byte> destination)
    {
        Span<byte> reversed = stackalloc byte[PackEntryHeader.MaxLength];
        int length = 0;
        reversed[length++] = (byte)(distance & 0x7f);
        while ((distance >>= 7) != 0)
        {
            reversed[length++] = (byte)(0x80 | (--distance & 0x7f));
        }

        for (int i = 0; i < length; i++)
        {
            destination[i] = reversed[length - 1 - i];
        }

        return length;
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (used == buffer.Length)
            {
                Flush();
            }

            int count = Math.Min(bytes.Length, buffer.Length - used);
            bytes[..count].CopyTo(buffer.AsSpan(used));
            used += count;
            bytes = bytes[count..];
        }
    }

    private void Flush()
    {
        hash.AppendData(buffer.AsSpan(0, used));
        RandomAccess.Write(file, buffer.AsSpan(0, used), flushed);
        flushed += used;
        used = 0;
    }

    private static InvalidDataException Missing(ObjectId id) => new($"object {id} is missing from the pack that is to be folded");
}
