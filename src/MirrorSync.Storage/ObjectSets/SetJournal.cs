using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Objects.Store;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>
/// What was added to a set since its runs were written, one entry a record of the log. Nothing is synced: a node's
/// checkpoint does that, and what came later is replayed from the log. Not thread-safe.
/// </summary>
/// <remarks>
/// <code>
///     0  8    "msobjjnl"
///     8  1    u8   version: 1
///     9  1    u8   object format
///    10  6         zeros
///    16  8    u64  the journal's number
///    24  4         zeros
///    28  4    u32  CRC-32C over bytes 0 to 27
/// then entries:
///     0  4    u32  CRC-32C over the entry's other bytes
///     4  4    u32  ids
///     8  8    u64  sequence, above that of the entry before
///    16            ids, 20 or 32 bytes each
/// </code>
/// </remarks>
internal sealed class SetJournal : IDisposable
{
    /// <summary>Most ids; beyond, a run is written.</summary>
    public const int MostIds = 8192;

    /// <summary>Most bytes; beyond, a run is written.</summary>
    public const int MostBytes = 1 << 20;

    private const byte Version = 1;
    private const int HeadLength = 32;
    private const int EntryHead = 16;

    private readonly ulong number;
    private readonly ObjectFormat format;
    private readonly string path;
    private SafeFileHandle? file;

    /// <summary>Opens a journal; the file is made with the first entry.</summary>
    /// <param name="folder">The set's.</param>
    /// <param name="number">Which journal.</param>
    /// <param name="format">Of the ids.</param>
    /// <param name="sequence">Entries up to it are in the runs.</param>
    public SetJournal(string folder, ulong number, ObjectFormat format, ulong sequence)
    {
        this.number = number;
        this.format = format;
        path = Path.Combine(folder, $"{NamePrefix}{number}");
        Sequence = sequence;
        if (File.Exists(path))
        {
            Load();
        }
    }

    /// <summary>How the names of journals begin.</summary>
    public const string NamePrefix = "journal-";

    /// <summary>The ids of all entries.</summary>
    public HashSet<ObjectId> Ids { get; } = [];

    /// <summary>The last entry's sequence; that of the runs when there is none.</summary>
    public ulong Sequence { get; private set; }

    /// <summary>Bytes that were cut off because they are no whole entry.</summary>
    public long TornBytes { get; private set; }

    /// <summary>Bytes of head and entries.</summary>
    public long Length { get; private set; }

    /// <summary>Whether one more entry fits.</summary>
    public bool HasRoomFor(int ids) => Ids.Count + ids <= MostIds && Length + HeadLength + EntryHead + ((long)ids * format.RawLength()) <= MostBytes;

    /// <summary>Adds an entry. When it throws, the journal is as it was.</summary>
    public void Append(ulong sequence, ReadOnlySpan<ObjectId> ids)
    {
        if (file is null)
        {
            file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite);
            Length = 0;
        }

        int at = Length == 0 ? HeadLength : 0;
        byte[] bytes = new byte[at + EntryHead + (ids.Length * format.RawLength())];
        if (at > 0)
        {
            WriteHead(bytes);
        }

        Span<byte> entry = bytes.AsSpan(at);
        BinaryPrimitives.WriteInt32LittleEndian(entry[4..], ids.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], sequence);
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i].AsSpan(format).CopyTo(entry[(EntryHead + (i * format.RawLength()))..]);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(entry, Crc32C.Compute(entry[sizeof(uint)..]));
        RandomAccess.Write(file, bytes, Length);
        Length += bytes.Length;
        Sequence = sequence;
        foreach (ref readonly ObjectId id in ids)
        {
            Ids.Add(id);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => file?.Dispose();

    private void Load()
    {
        file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        long fileLength = RandomAccess.GetLength(file);
        byte[] bytes = new byte[Math.Min(fileLength, MostBytes)];
        int read = FileBytes.Read(file, bytes, 0);
        ReadOnlySpan<byte> rest = bytes.AsSpan(0, read);
        Span<byte> head = stackalloc byte[HeadLength];
        WriteHead(head);
        if (rest.StartsWith(head))
        {
            Length = HeadLength;
            while (TryEntry(rest[(int)Length..], out int length))
            {
                Length += length;
            }
        }

        TornBytes = fileLength - Length;
        if (TornBytes > 0)
        {
            RandomAccess.SetLength(file, Length);
        }
    }

    private bool TryEntry(ReadOnlySpan<byte> bytes, out int length)
    {
        length = 0;
        if (bytes.Length < EntryHead)
        {
            return false;
        }

        uint ids = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
        ulong sequence = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]);
        long needed = EntryHead + (ids * (long)format.RawLength());
        if (needed > bytes.Length || sequence <= Sequence
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Crc32C.Compute(bytes[sizeof(uint)..(int)needed]))
        {
            return false;
        }

        length = (int)needed;
        for (int at = EntryHead; at < length; at += format.RawLength())
        {
            Ids.Add(ObjectId.FromRaw(bytes.Slice(at, format.RawLength())));
        }

        Sequence = sequence;
        return true;
    }

    private void WriteHead(Span<byte> head)
    {
        "msobjjnl"u8.CopyTo(head);
        head[8] = Version;
        head[9] = (byte)format;
        BinaryPrimitives.WriteUInt64LittleEndian(head[16..], number);
        BinaryPrimitives.WriteUInt32LittleEndian(head[28..], Crc32C.Compute(head[..28]));
    }
}
