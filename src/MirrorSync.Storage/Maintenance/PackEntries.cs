using Microsoft.Win32.SafeHandles;
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

/// <summary>A pack that is read to be folded into another: small ones are held whole. Not thread-safe.</summary>
internal sealed class PackEntries : IDisposable
{
    private const int HeldWhole = 4 << 20;

    private readonly SafeFileHandle file;
    private readonly byte[]? whole;
    private byte[] buffer = [];

    /// <summary>Opens a pack and reads where its entries are.</summary>
    /// <exception cref="InvalidDataException">The index is damaged, or is not the pack's.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public PackEntries(string packPath, ObjectFormat format)
    {
        Path = packPath;
        using IndexCursor index = new(System.IO.Path.ChangeExtension(packPath, ".idx"), format);
        Ids = new ObjectId[index.Count];
        for (int i = 0; i < Ids.Length && index.MoveNext(); i++)
        {
            Ids[i] = index.Current;
        }

        Offsets = new long[Ids.Length];
        for (int i = 0; i < Offsets.Length; i++)
        {
            Offsets[i] = index.Offset((uint)i);
        }

        // Both into pack order.
        Array.Sort(Offsets, Ids);
        ObjectId checksum = index.PackChecksum();
        file = File.OpenHandle(packPath);
        long length = RandomAccess.GetLength(file);
        EntriesEnd = length - format.RawLength();
        if (length <= HeldWhole)
        {
            whole = new byte[length];
            whole = whole[..FileBytes.Read(file, whole, 0)];
        }

        if (EntriesEnd < PackHeader.Length || ObjectId.FromRaw(Read(EntriesEnd, format.RawLength())) != checksum)
        {
            file.Dispose();
            throw new InvalidDataException($"{packPath} is not the pack of its index");
        }
    }

    /// <summary>For messages.</summary>
    public string Path { get; }

    /// <summary>The objects, in pack order.</summary>
    public ObjectId[] Ids { get; }

    /// <summary>Where each one's entry begins.</summary>
    public long[] Offsets { get; }

    /// <summary>Where the last entry ends.</summary>
    public long EntriesEnd { get; }

    /// <summary>Where an entry ends.</summary>
    public long End(int entry) => entry + 1 < Offsets.Length ? Offsets[entry + 1] : EntriesEnd;

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

    private InvalidDataException CutOff(long offset) => new($"{Path} ends before offset {offset}");
}
