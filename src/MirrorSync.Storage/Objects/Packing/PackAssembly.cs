using System.Buffers;
using System.Security.Cryptography;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Packing;

/// <summary>
/// Puts entries together to a pack (gitformat-pack(5)), in git's order: commits and tags, trees, blobs, each base before
/// its deltas.
/// </summary>
/// <param name="format">Of the ids.</param>
internal sealed class PackAssembly(ObjectFormat format)
{
    private readonly ArrayBufferWriter<byte> pack = new(16 << 10);
    private readonly Stack<PackItem> waiting = [];

    /// <summary>Makes the pack.</summary>
    public ReadOnlyMemory<byte> Write(List<PackItem> items)
    {
        new PackHeader(2, (uint)items.Count).Encode(pack.GetSpan(PackHeader.Length));
        pack.Advance(PackHeader.Length);
        WriteAll(items, static i => i.Type is ObjectType.Commit or ObjectType.Tag);
        WriteAll(items, static i => i.Type == ObjectType.Tree);
        WriteAll(items, static i => i.Type == ObjectType.Blob);
        using IncrementalHash hash = format.CreateHash();
        hash.AppendData(pack.WrittenSpan);
        pack.Advance(hash.GetHashAndReset(pack.GetSpan(format.RawLength())));
        return pack.WrittenMemory;
    }

    private void WriteAll(List<PackItem> items, Predicate<PackItem> chosen)
    {
        foreach (PackItem item in items)
        {
            if (chosen(item))
            {
                Write(item);
            }
        }
    }

    private void Write(PackItem item)
    {
        for (PackItem? at = item; at is { Offset: 0 }; at = at.Base)
        {
            waiting.Push(at);
        }

        while (waiting.TryPop(out PackItem? next))
        {
            WriteEntry(next);
        }
    }

    private void WriteEntry(PackItem item)
    {
        item.Offset = pack.WrittenCount;
        Span<byte> head = pack.GetSpan(PackEntryHeader.MaxLength + ObjectId.Size);
        int length;
        if (item.Base is { } inner)
        {
            length = PackEntryHeader.EncodeOffsetDelta(item.Size, item.Offset - inner.Offset, head);
        }
        else
        {
            length = PackEntryHeader.EncodeWhole(item.EntryType, item.Size, head);
            if (item.IsDelta)
            {
                item.OuterBase.AsSpan(format).CopyTo(head[length..]);
                length += format.RawLength();
            }
        }

        pack.Advance(length);
        pack.Write(item.Data.Span);
    }
}
