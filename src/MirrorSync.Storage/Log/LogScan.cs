using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace MirrorSync.Storage.Log;

/// <summary>
/// Walks over the log's entries as FASTER lays them out: from address 64 on, an i32 length and the bytes, the next entry
/// at a multiple of 4; an entry does not cross a page, and the rest of a page that is too short for the next is zeros.
/// Every record is checked: CRC, sequence, chain and epoch must follow from the one before.
/// </summary>
internal sealed class LogScan(SegmentFiles files, int pageSizeBits, LogPosition start, long startAddress)
{
    /// <summary>Where FASTER puts the first entry.</summary>
    public const long FirstAddress = 64;

    /// <summary>Bytes that FASTER puts before an entry.</summary>
    public const int EntryHead = sizeof(int);

    private readonly byte[] page = new byte[1 << pageSizeBits];
    private long loaded = -1;

    /// <summary>The position of the last good record.</summary>
    public LogPosition Position { get; private set; } = start;

    /// <summary>The address behind the last good record.</summary>
    public long End { get; private set; } = startAddress;

    /// <summary>The last good record; null before the first.</summary>
    public LogRecord? Record { get; private set; }

    /// <summary>Why <see cref="TryNext"/> returned false.</summary>
    public string? Error { get; private set; }

    /// <summary>Goes over one record.</summary>
    /// <param name="limit">No entry begins here or beyond.</param>
    /// <param name="address">The entry's address.</param>
    /// <returns>False at the end, or when the next record is not good.</returns>
    public bool TryNext(long limit, out long address)
    {
        address = End;
        int length = LengthAt(address);
        if (length == 0)
        {
            address = ((address >> pageSizeBits) + 1) << pageSizeBits;
            length = address < limit ? LengthAt(address) : 0;
        }

        if (address >= limit || length == 0)
        {
            Error = "no record is there";
            return false;
        }

        int at = (int)(address & (page.Length - 1)) + EntryHead;
        if (length < 0 || length > page.Length - at)
        {
            Error = $"an entry of {length} bytes goes beyond its page";
            return false;
        }

        // A copy, as the page is used again while the record's parts live on.
        if (!LogRecordCodec.TryDecode(page.AsSpan(at, length).ToArray(), out LogRecord? record, out string? error))
        {
            Error = error;
            return false;
        }

        Error = WhyNotNext(Position, record);
        if (Error is not null)
        {
            return false;
        }

        Record = record;
        Position = record.Position;
        End = EndOf(address, length);
        return true;
    }

    /// <summary>The address behind an entry of the given length.</summary>
    public static long EndOf(long address, int length) => address + EntryHead + ((length + 3) & ~3);

    /// <summary>Null when the record may come right behind the position, else the reason.</summary>
    public static string? WhyNotNext(LogPosition last, LogRecord record) =>
        record.Sequence != last.Sequence + 1 ? $"sequence {record.Sequence} does not follow {last.Sequence}"
        : record.PreviousChain != last.Chain ? $"the chain of record {record.Sequence} does not continue that of position {last}"
        : record.Epoch < last.Epoch ? $"epoch {record.Epoch} of record {record.Sequence} is lower than {last.Epoch}"
        : null;

    /// <summary>Reads the record of the entry at an address, and checks its length and CRC.</summary>
    public static bool TryReadAt(SegmentFiles files, long address, [NotNullWhen(true)] out byte[]? record, out string? error)
    {
        Span<byte> head = stackalloc byte[EntryHead];
        files.Read(address, head);
        int length = BinaryPrimitives.ReadInt32LittleEndian(head);
        if (length is < LogRecordCodec.MinRecordLength or > LogRecordCodec.MaxRecordLength)
        {
            record = null;
            error = $"its entry has {length} bytes";
            return false;
        }

        byte[] bytes = new byte[length];
        files.Read(address + EntryHead, bytes);
        bool good = LogRecordCodec.TryCheckFrame(bytes, out error);
        record = good ? bytes : null;
        return good;
    }

    private int LengthAt(long address)
    {
        long number = address >> pageSizeBits;
        if (number != loaded)
        {
            files.Read(number << pageSizeBits, page);
            loaded = number;
        }

        int at = (int)(address & (page.Length - 1));
        return at > page.Length - EntryHead ? 0 : BinaryPrimitives.ReadInt32LittleEndian(page.AsSpan(at));
    }
}
