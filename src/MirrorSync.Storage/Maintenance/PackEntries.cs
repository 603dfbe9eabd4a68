using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Compression;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.Maintenance;

/// <summary>One stored form of an object: an entry of a pack that is being folded.</summary>
/// <param name="Pack">The pack's place among those that are folded.</param>
/// <param name="Type">How it is stored.</param>
/// <param name="Size">Bytes once inflated, of the object or of its delta.</param>
/// <param name="Data">Where its zlib stream begins.</param>
/// <param name="End">Where the entry ends.</param>
/// <param name="Base">The place in <see cref="CopyPlan"/> of the object that its delta is for; -1 when it is stored whole.</param>
/// <param name="Other">The next entry of the same object, in another pack; -1 when there is none.</param>
internal readonly record struct StoredEntry(int Pack, PackEntryType Type, long Size, long Data, long End, int Base, int Other);

/// <summary>A pack that is read to be copied into another: small ones are held whole. Not thread-safe.</summary>
internal sealed class PackEntries : IDisposable
{
    private const int HeldWhole = 4 << 20;
    private const int Portion = 1 << 20;
    private const int SearchedTail = 1 << 20;

    private readonly SafeFileHandle file;
    private readonly byte[]? whole;
    private byte[] buffer = [];

    // Of all entries, those that are not to be copied included.
    private readonly ObjectId[] allIds;
    private readonly long[] allOffsets;
    private readonly long[]? ends;

    /// <summary>Opens a pack and reads where its entries are.</summary>
    /// <exception cref="InvalidDataException">The index is damaged, or is not the pack's.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public PackEntries(string packPath, ObjectFormat format)
        : this(packPath, format, damaged: null)
    {
        if (!HasItsEnd)
        {
            file.Dispose();
            throw new InvalidDataException($"{packPath} is not the pack of its index");
        }
    }

    private PackEntries(string packPath, ObjectFormat format, List<ObjectId>? damaged)
    {
        Path = packPath;
        using IndexCursor index = new(System.IO.Path.ChangeExtension(packPath, ".idx"), format);
        Ids = allIds = new ObjectId[index.Count];
        int[] places = new int[allIds.Length];
        for (int i = 0; i < allIds.Length && index.MoveNext(); i++)
        {
            allIds[i] = index.Current;
            places[i] = i;
        }

        Offsets = allOffsets = new long[allIds.Length];
        for (int i = 0; i < allOffsets.Length; i++)
        {
            allOffsets[i] = index.Offset((uint)i);
        }

        // All into pack order.
        long[] keys = [.. allOffsets];
        Array.Sort(keys, places);
        Array.Sort(allOffsets, allIds);
        ObjectId checksum = index.PackChecksum();
        file = File.OpenHandle(packPath);
        try
        {
            long length = RandomAccess.GetLength(file);
            EntriesEnd = length - format.RawLength();
            if (length <= HeldWhole)
            {
                whole = new byte[length];
                whole = whole[..FileBytes.Read(file, whole, 0)];
            }

            HasItsEnd = EntriesEnd >= PackHeader.Length && ObjectId.FromRaw(Read(EntriesEnd, format.RawLength())) == checksum;
            if (damaged is not null)
            {
                EntriesEnd = FindEnd(length, checksum.AsSpan(format));
                (Ids, Offsets, ends) = Sound(index, places, length, damaged);
            }
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Opens a pack of which some entries are damaged: only those whose bytes have the CRC-32 that its index, which is
    /// intact, holds of them are there to be copied.
    /// </summary>
    /// <param name="packPath">The pack.</param>
    /// <param name="format">Of its ids.</param>
    /// <param name="damaged">Gets the objects of the other entries.</param>
    /// <exception cref="InvalidDataException">The index is damaged, or too old to hold checksums.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static PackEntries OpenSound(string packPath, ObjectFormat format, List<ObjectId> damaged) => new(packPath, format, damaged);

    /// <summary>For messages.</summary>
    public string Path { get; }

    /// <summary>The objects that can be copied, in pack order.</summary>
    public ObjectId[] Ids { get; }

    /// <summary>Where each one's entry begins.</summary>
    public long[] Offsets { get; }

    /// <summary>Where the last entry ends.</summary>
    public long EntriesEnd { get; }

    /// <summary>Whether the pack ends with the checksum that its index has of it.</summary>
    public bool HasItsEnd { get; }

    /// <summary>Where an entry ends.</summary>
    public long End(int entry) => ends is not null ? ends[entry] : entry + 1 < Offsets.Length ? Offsets[entry + 1] : EntriesEnd;

    /// <summary>Tells whose entry begins at an offset, sound or not.</summary>
    public bool TryFind(long offset, out ObjectId id)
    {
        int entry = Array.BinarySearch(allOffsets, offset);
        id = entry >= 0 ? allIds[entry] : default;
        return entry >= 0;
    }

    /// <summary>Bytes of the pack, valid until the next call.</summary>
    /// <exception cref="InvalidDataException">The pack is shorter than its index says.</exception>
    public ReadOnlySpan<byte> Read(long offset, int length)
    {
        if (whole is not null)
        {
            return offset >= 0 && offset + length <= whole.Length ? whole.AsSpan((int)offset, length) : throw CutOff(offset);
        }

        if (buffer.Length < length)
        {
            buffer = new byte[Math.Max(length, 64 * 1024)];
        }

        return FileBytes.Read(file, buffer.AsSpan(0, length), offset) == length ? buffer.AsSpan(0, length) : throw CutOff(offset);
    }

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();

    /// <summary>Where the checksum begins; when that is damaged or gone, where it should begin.</summary>
    private long FindEnd(long length, ReadOnlySpan<byte> checksum)
    {
        // Something may have been appended.
        int searched = (int)Math.Min(length, SearchedTail);
        int at = searched == 0 ? -1 : Read(length - searched, searched).LastIndexOf(checksum);
        return at >= 0 ? length - searched + at : EntriesEnd;
    }

    private (ObjectId[] Ids, long[] Offsets, long[] Ends) Sound(IndexCursor index, int[] places, long length, List<ObjectId> damaged)
    {
        List<ObjectId> ids = new(allIds.Length);
        List<long> offsets = new(allIds.Length);
        List<long> found = new(allIds.Length);
        for (int i = 0; i < allIds.Length; i++)
        {
            long offset = allOffsets[i];
            bool last = i + 1 == allIds.Length;
            long end = last ? EntriesEnd : allOffsets[i + 1];
            uint wanted = index.Crc((uint)places[i]);
            bool sound = offset >= PackHeader.Length && end > offset && end <= length;
            uint crc = sound ? Checksum(offset, end) : 0;

            // Of a checksum that is cut off nobody knows how much is left.
            while (sound && crc != wanted && last && end < length)
            {
                crc = Crc32.Append(crc, Read(end++, 1));
            }

            if (!sound || crc != wanted)
            {
                damaged.Add(allIds[i]);
                continue;
            }

            ids.Add(allIds[i]);
            offsets.Add(offset);
            found.Add(end);
        }

        return ([.. ids], [.. offsets], [.. found]);
    }

    private uint Checksum(long offset, long end)
    {
        uint crc = 0;
        for (long at = offset; at < end; at += Portion)
        {
            crc = Crc32.Append(crc, Read(at, (int)Math.Min(Portion, end - at)));
        }

        return crc;
    }

    private InvalidDataException CutOff(long offset) => new($"{Path} ends before offset {offset}");
}
