using System.Buffers;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Compression;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>
/// Reads an object's entry as it lies in a pack, for copying it into another. Its end is found by inflating it, and all
/// its bytes are checked against the CRC-32 in the pack's index, so that no damage is passed on.
/// </summary>
internal static class StoredObjectReader
{
    // Most entries are shorter.
    private const int WindowBytes = 4096;

    /// <summary>
    /// Reads one entry. What cannot be copied safely is "absent": indexes of version 1 hold no CRC, and larger entries are
    /// not wanted.
    /// </summary>
    /// <exception cref="DamagedObjectException">Entry or index are damaged.</exception>
    public static StoreAnswer Read(Pack pack, in ObjectId id, long maxBytes, ReadScratch scratch, out StoredObject? stored)
    {
        stored = null;
        StoreAnswer answer = pack.FindOffset(id, out long offset);
        if (answer == StoreAnswer.Found)
        {
            answer = pack.FindCrc(id, out uint crc);
            if (answer == StoreAnswer.Found)
            {
                if (!pack.TryCheck(id) || !pack.TryAcquire(out SafeFileHandle file))
                {
                    return StoreAnswer.Gone;
                }

                try
                {
                    stored = ReadEntry(pack, file, id, offset, maxBytes, crc, scratch);
                    return stored is null ? StoreAnswer.Absent : StoreAnswer.Found;
                }
                finally
                {
                    pack.Release();
                }
            }
        }

        return answer;
    }

    private static StoredObject? ReadEntry(
        Pack pack, SafeFileHandle file, in ObjectId id, long offset, long maxBytes, uint crc, ReadScratch scratch)
    {
        int idLength = pack.Format.RawLength();
        long available = pack.EntriesEnd - offset;
        if (offset < PackHeader.Length || available <= 0)
        {
            throw Damage(pack, id, offset, PackFault.BaseOffset);
        }

        Span<byte> window = stackalloc byte[WindowBytes];
        window = window[..FileBytes.Read(file, window[..(int)Math.Min(WindowBytes, available)], offset)];
        PackFault fault = PackEntryHeader.TryDecode(window, out PackEntryHeader entry);
        if (fault != PackFault.None)
        {
            throw Damage(pack, id, offset, fault);
        }

        if (entry.Size > maxBytes)
        {
            return null;
        }

        int head = entry.Length;
        ObjectId baseId = default;
        if (entry.Type == PackEntryType.RefDelta)
        {
            head += idLength;
            if (window.Length < head)
            {
                throw Damage(pack, id, offset, PackFault.Truncated);
            }

            baseId = ObjectId.FromRaw(window[entry.Length..head]);
        }

        // How long the stream is stands nowhere: this bounds what a sensible compressor makes of incompressible bytes.
        int likely = (int)Math.Min(available, head + entry.Size + (entry.Size >> 3) + 64);
        byte[] inflated = ArrayPool<byte>.Shared.Rent((int)entry.Size);
        byte[]? longer = likely > window.Length ? ArrayPool<byte>.Shared.Rent(likely) : null;
        try
        {
            ReadOnlySpan<byte> bytes = longer is null ? window : longer.AsSpan(0, FileBytes.Read(file, longer.AsSpan(0, likely), offset));
            InflateResult result = scratch.Inflater.Inflate(bytes[head..], inflated.AsSpan(0, (int)entry.Size), out int consumed);
            if (result != InflateResult.Done)
            {
                // A stream that is longer than anything sensible is not copied; reading the object tells whether it is sound.
                return null;
            }

            if (Crc32.Append(0, bytes[..(head + consumed)]) != crc)
            {
                throw new DamagedObjectException(id, pack.File.Path, offset, "its bytes are not those of the pack's index");
            }

            return new StoredObject(
                pack.Number,
                offset,
                entry.Type,
                entry.Size,
                entry.Type == PackEntryType.OffsetDelta ? offset - entry.BaseDistance : 0,
                baseId,
                bytes.Slice(head, consumed).ToArray());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(inflated);
            if (longer is not null)
            {
                ArrayPool<byte>.Shared.Return(longer);
            }
        }
    }

    private static DamagedObjectException Damage(Pack pack, in ObjectId id, long offset, PackFault fault) =>
        new(id, pack.File.Path, offset, fault.Describe());
}
