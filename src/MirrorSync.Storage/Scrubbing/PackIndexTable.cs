using System.Buffers.Binary;
using System.Security.Cryptography;
using MirrorSync.Git.Hashing;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Scrubbing;

/// <summary>
/// A whole index in memory, for a look at a pack that is damaged, or is not the pack of its index. One thread.
/// </summary>
internal sealed class PackIndexTable
{
    private readonly byte[] bytes;
    private readonly PackIndexLayout layout;
    private readonly ObjectFormat format;
    private int[]? numbers;

    private PackIndexTable(byte[] bytes, PackIndexLayout layout, ObjectFormat format)
    {
        this.bytes = bytes;
        this.layout = layout;
        this.format = format;
        IsIntact = HasItsChecksum();

        // Offsets that no pack has are left out: such entries cannot be looked at.
        long[] offsets = GC.AllocateUninitializedArray<long>((int)layout.Count);
        int[] order = GC.AllocateUninitializedArray<int>((int)layout.Count);
        int used = 0;
        for (int place = 0; place < order.Length; place++)
        {
            if (Offset(place) is var offset and >= PackHeader.Length)
            {
                offsets[used] = offset;
                order[used++] = place;
            }
        }

        Array.Resize(ref offsets, used);
        Array.Resize(ref order, used);
        Array.Sort(offsets, order);
        Offsets = offsets;
        Order = order;
    }

    /// <summary>Whether its own checksum is right, so that it is what was once written.</summary>
    public bool IsIntact { get; }

    /// <summary>Objects in it.</summary>
    public int Count => (int)layout.Count;

    /// <summary>Whether it has a CRC-32 of each entry.</summary>
    public bool HasCrcs => layout.Version > 1;

    /// <summary>Where entries begin, in pack order.</summary>
    public long[] Offsets { get; }

    /// <summary>For each of <see cref="Offsets"/> its place among the ids.</summary>
    public int[] Order { get; }

    /// <summary>The checksum of the pack that it was made for.</summary>
    public ObjectId PackChecksum => ObjectId.FromRaw(bytes.AsSpan((int)layout.PackChecksum, layout.IdLength));

    /// <summary>Which entry in pack order the id at a place has; -1 when its offset is impossible.</summary>
    public int NumberOf(int place) => (numbers ??= Invert())[place];

    /// <summary>Reads it; null when it cannot be made out, with what is wrong.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static PackIndexTable? Read(ScrubbedFile file, ObjectFormat format, out PackIndexFault fault)
    {
        byte[] bytes = file.ReadAll();
        Span<uint> fanout = stackalloc uint[PackIndexLayout.FanoutEntries];
        fault = PackIndexLayout.TryDecode(
            bytes.AsSpan(0, Math.Min(bytes.Length, PackIndexLayout.HeadLength)), bytes.Length, format, fanout, out PackIndexLayout layout);
        return fault == PackIndexFault.None ? new PackIndexTable(bytes, layout, format) : null;
    }

    /// <summary>The id at a place.</summary>
    public ObjectId Id(int place) => ObjectId.FromRaw(RawId(place));

    /// <summary>The CRC-32 of the entry of the id at a place.</summary>
    public uint Crc(int place) => BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan((int)layout.Crc((uint)place)));

    /// <summary>The place of an id; -1 when it is not there.</summary>
    public int Find(ReadOnlySpan<byte> id)
    {
        int low = 0;
        int high = Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int difference = RawId(middle).SequenceCompareTo(id);
            if (difference == 0)
            {
                return middle;
            }

            (low, high) = difference < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        return -1;
    }

    private int[] Invert()
    {
        int[] inverse = new int[Count];
        Array.Fill(inverse, -1);
        for (int i = 0; i < Order.Length; i++)
        {
            inverse[Order[i]] = i;
        }

        return inverse;
    }

    private ReadOnlySpan<byte> RawId(int place) => bytes.AsSpan((int)layout.Id((uint)place), layout.IdLength);

    private long Offset(int place)
    {
        uint offset = BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan((int)layout.Offset((uint)place)));
        if (layout.Version == 1 || (offset & 0x80000000) == 0)
        {
            return offset;
        }

        uint number = offset & 0x7fffffff;
        return number < layout.LargeOffsets ? BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan((int)layout.LargeOffset(number))) : -1;
    }

    private bool HasItsChecksum()
    {
        using IncrementalHash hash = format.CreateHash();
        hash.AppendData(bytes, 0, (int)layout.IndexChecksum);
        Span<byte> made = stackalloc byte[layout.IdLength];
        hash.GetHashAndReset(made);
        return bytes.AsSpan((int)layout.IndexChecksum).SequenceEqual(made);
    }
}
