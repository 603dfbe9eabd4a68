using System.Buffers.Binary;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>Compares a pack's reverse index (gitformat-pack(5)) with the order of its entries.</summary>
/// <remarks>
/// <code>
/// "RIDX" | version 4 | hash function 4 | place among the ids 4 x n, in pack order | pack checksum | checksum of all before
/// </code>
/// </remarks>
internal static class ReverseIndexCheck
{
    private const int HeadLength = 12;
    private const uint Signature = 0x52494458;

    /// <summary>Compares it, if there is one.</summary>
    /// <param name="pack">The pack.</param>
    /// <param name="order">For each place among the ids the entry's number in pack order.</param>
    /// <param name="packChecksum">The checksum that the pack should have.</param>
    /// <param name="context">The scrub.</param>
    /// <param name="found">Gets what is wrong.</param>
    public static void Check(
        ScrubbedFile pack, ReadOnlySpan<int> order, in ObjectId packChecksum, ScrubContext context, List<ScrubFault> found)
    {
        using ScrubbedFile? file = ScrubbedFile.TryOpen(Path.ChangeExtension(pack.Path, ".rev"), context);
        if (file is null)
        {
            return;
        }

        string? fault;
        long offset = 0;
        try
        {
            fault = Compare(file, order, packChecksum, context.Format, out offset);
        }
        catch (IOException failure)
        {
            fault = failure.Message;
        }

        if (fault is not null && !file.IsGone())
        {
            found.Add(new ScrubFault(ScrubFaultKind.ReverseIndex, file.Path, offset, fault, []));
        }
    }

    private static string? Compare(ScrubbedFile file, ReadOnlySpan<int> order, in ObjectId packChecksum, ObjectFormat format, out long offset)
    {
        offset = 0;
        int idLength = format.RawLength();
        if (file.Length != HeadLength + (sizeof(uint) * (long)order.Length) + (2 * idLength))
        {
            return "it is not as long as the pack's objects want";
        }

        if (!file.HasItsChecksum(format, out _))
        {
            return "its checksum is wrong";
        }

        // All its bytes are what somebody once wrote; whether it was for this pack is still to be seen.
        ReadOnlySpan<byte> bytes = file.ReadAll();
        if (bytes.Length != file.Length || BinaryPrimitives.ReadUInt32BigEndian(bytes) != Signature
            || BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]) != 1
            || BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]) != (format == ObjectFormat.Sha256 ? 2u : 1u))
        {
            return "it is no reverse index";
        }

        offset = HeadLength + (sizeof(uint) * (long)order.Length);
        if (!bytes.Slice((int)offset, idLength).SequenceEqual(packChecksum.AsSpan(format)))
        {
            return "it was made for another pack";
        }

        for (int place = 0; place < order.Length; place++)
        {
            offset = HeadLength + (sizeof(uint) * (long)order[place]);
            if (BinaryPrimitives.ReadUInt32BigEndian(bytes[(int)offset..]) != (uint)place)
            {
                return "an object's place is not that of the index";
            }
        }

        offset = 0;
        return null;
    }
}
