using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Objects.Indexing;

/// <summary>Writes a pack's index, version 2, and its reverse index, version 1 (gitformat-pack(5)).</summary>
internal static class PackIndexWriter
{
    /// <summary>Offsets above it go into the table of 64-bit offsets.</summary>
    public const long LargestShortOffset = 0x7fffffff;

    private const uint IndexSignature = 0xff744f63;
    private const uint ReverseSignature = 0x52494458;

    /// <summary>Writes the index.</summary>
    /// <param name="file">An empty file.</param>
    /// <param name="entries">The pack's entries.</param>
    /// <param name="order">The entries in the order of their ids.</param>
    /// <param name="checksum">The pack's checksum.</param>
    /// <param name="largestShortOffset">Larger offsets take 64 bits; tests make it small.</param>
    public static void WriteIndex(
        SafeFileHandle file, EntryTable entries, ReadOnlySpan<int> order, ObjectId checksum, long largestShortOffset = LargestShortOffset)
    {
        using HashedFileWriter writer = new(file, entries.Format);
        writer.Write(IndexSignature);
        writer.Write(2u);
        int reached = 0;
        for (int first = 0; first < 256; first++)
        {
            while (reached < order.Length && entries.Id(order[reached])[0] <= first)
            {
                reached++;
            }

            writer.Write((uint)reached);
        }

        foreach (int index in order)
        {
            writer.Write(entries.Id(index));
        }

        foreach (int index in order)
        {
            writer.Write(entries[index].Crc);
        }

        uint large = 0;
        foreach (int index in order)
        {
            long offset = entries[index].Offset;
            writer.Write(offset > largestShortOffset ? 0x80000000 | large++ : (uint)offset);
        }

        foreach (int index in order)
        {
            if (entries[index].Offset > largestShortOffset)
            {
                writer.Write((ulong)entries[index].Offset);
            }
        }

        writer.Write(checksum.AsSpan(entries.Format));
        writer.End();
    }

    /// <summary>Writes the reverse index: for every entry in pack order its place among the ids.</summary>
    public static void WriteReverseIndex(SafeFileHandle file, ReadOnlySpan<int> order, ObjectFormat format, ObjectId checksum)
    {
        int[] places = GC.AllocateUninitializedArray<int>(order.Length);
        for (int i = 0; i < order.Length; i++)
        {
            places[order[i]] = i;
        }

        using HashedFileWriter writer = new(file, format);
        writer.Write(ReverseSignature);
        writer.Write(1u);
        writer.Write(format == ObjectFormat.Sha256 ? 2u : 1u);
        foreach (int place in places)
        {
            writer.Write((uint)place);
        }

        writer.Write(checksum.AsSpan(format));
        writer.End();
    }
}
