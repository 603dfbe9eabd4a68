using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Log;

/// <summary>What must be there when a log is opened again.</summary>
/// <param name="Number">Grows by one with every mark; the higher one counts.</param>
/// <param name="Base">The position before the first record.</param>
/// <param name="Committed">The position of the last record that was committed.</param>
/// <param name="EndAddress">The address behind that record.</param>
/// <param name="StartAddress">The address from which on the first record is found.</param>
/// <param name="PageSizeBits">log2 of a page's bytes.</param>
/// <param name="SegmentSizeBits">log2 of a segment's bytes.</param>
internal readonly record struct CommitMark(
    ulong Number, LogPosition Base, LogPosition Committed, long EndAddress, long StartAddress, byte PageSizeBits, byte SegmentSizeBits);

/// <summary>
/// Our own record of what was committed, beside FASTER's files. Two slots in one file, a page apart, are written in
/// turn, so that a write that is torn by a power loss leaves the other.
/// <code>
///   0  u32  CRC-32C over bytes 4 to 127
///   4  u8   version: 2
///   5  u8   page size bits
///   6  u8   segment size bits
///   7  u8   0
///   8  u64  number
///  16  u64  base epoch       24  u64  base sequence       32  32B  base chain
///  64  u64  committed epoch  72  u64  committed sequence  80  32B  committed chain
/// 112  i64  end address
/// 120  i64  start address
/// </code>
/// </summary>
internal sealed class CommitMarkFile : IDisposable
{
    public const string FileName = "committed";
    private const int SlotLength = 128;
    private const int SlotDistance = 4096;
    private const byte Version = 2;

    private readonly SafeFileHandle handle;

    private CommitMarkFile(SafeFileHandle handle, CommitMark last, bool oneSlotBad)
    {
        this.handle = handle;
        Last = last;
        OneSlotBad = oneSlotBad;
    }

    /// <summary>The last mark that was written and is durable.</summary>
    public CommitMark Last { get; private set; }

    /// <summary>One of the two slots could not be read when the file was opened.</summary>
    public bool OneSlotBad { get; }

    public static bool Exists(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>Makes the file of a new log.</summary>
    public static void Create(string folder, CommitMark mark)
    {
        byte[] both = new byte[SlotDistance + SlotLength];
        Encode(mark, both.AsSpan(0, SlotLength));
        Encode(mark with { Number = mark.Number + 1 }, both.AsSpan(SlotDistance));
        Durable.ReplaceFile(Path.Combine(folder, FileName), both, DiskPart.CommitMark);
    }

    /// <summary>
    /// Opens the file and takes the later of its marks. It is written once more: whoever wrote it may have been told that it
    /// could not be synced, and the other slot, which the next mark overwrites, was the last good one then.
    /// </summary>
    /// <exception cref="LogDamagedException">Neither slot is good.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static CommitMarkFile Open(string folder)
    {
        CommitMarkFile file = Open(folder, FileAccess.ReadWrite);
        return file.Begin(() => file.Put(file.Last));
    }

    /// <summary>Opens the file after a failed write with the mark that is known to be durable, which then counts again.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static CommitMarkFile Open(string folder, CommitMark known)
    {
        SafeFileHandle handle = Disk.Open(
            DiskPart.CommitMark, Path.Combine(folder, FileName), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        CommitMarkFile file = new(handle, known, oneSlotBad: false);
        return file.Begin(() => file.Write(known));
    }

    /// <summary>Reads the later of its marks, also while another process writes them.</summary>
    /// <exception cref="LogDamagedException">Neither slot is good.</exception>
    public static CommitMark Read(string folder)
    {
        using CommitMarkFile file = Open(folder, FileAccess.Read);
        return file.Last;
    }

    private static CommitMarkFile Open(string folder, FileAccess access)
    {
        string path = Path.Combine(folder, FileName);
        SafeFileHandle handle = access == FileAccess.Read
            ? File.OpenHandle(path, FileMode.Open, access, FileShare.ReadWrite)
            : Disk.Open(DiskPart.CommitMark, path, FileMode.Open, access, FileShare.ReadWrite);
        try
        {
            bool first = TryRead(handle, 0, out CommitMark a);
            bool second = TryRead(handle, SlotDistance, out CommitMark b);
            return first || second
                ? new CommitMarkFile(handle, first && (!second || a.Number > b.Number) ? a : b, first != second)
                : throw new LogDamagedException($"{path}, the record of what was committed to the log, cannot be read");
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Writes the next mark over the older slot; it is durable when this returns.</summary>
    public void Write(LogPosition committed, long endAddress) => Write(Last with { Committed = committed, EndAddress = endAddress });

    /// <summary>
    /// Writes that the log begins elsewhere, into both slots: what lies before may be removed, so that no earlier mark
    /// may come to count again. It is durable when this returns.
    /// </summary>
    public void Write(LogPosition @base, long startAddress, LogPosition committed, long endAddress)
    {
        CommitMark next = Last with { Base = @base, StartAddress = startAddress, Committed = committed, EndAddress = endAddress };
        Write(next);
        Write(next);
    }

    public void Dispose() => handle.Dispose();

    private static long SlotOf(ulong number) => number % 2 == 0 ? 0 : SlotDistance;

    private void Write(CommitMark mark)
    {
        CommitMark next = mark with { Number = Last.Number + 1 };
        Put(next);
        Last = next;
    }

    private void Put(CommitMark mark)
    {
        Span<byte> slot = stackalloc byte[SlotLength];
        Encode(mark, slot);
        Disk.Write(DiskPart.CommitMark, handle, slot, SlotOf(mark.Number));
        Durable.SyncData(handle, DiskPart.CommitMark);
    }

    private CommitMarkFile Begin(Action write)
    {
        try
        {
            write();
            return this;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private static void Encode(CommitMark mark, Span<byte> slot)
    {
        slot.Clear();
        slot[4] = Version;
        slot[5] = mark.PageSizeBits;
        slot[6] = mark.SegmentSizeBits;
        BinaryPrimitives.WriteUInt64LittleEndian(slot[8..], mark.Number);
        WritePosition(slot[16..], mark.Base);
        WritePosition(slot[64..], mark.Committed);
        BinaryPrimitives.WriteInt64LittleEndian(slot[112..], mark.EndAddress);
        BinaryPrimitives.WriteInt64LittleEndian(slot[120..], mark.StartAddress);
        BinaryPrimitives.WriteUInt32LittleEndian(slot, Crc32C.Compute(slot[4..]));
    }

    private static bool TryRead(SafeFileHandle handle, long at, out CommitMark mark)
    {
        mark = default;
        Span<byte> slot = stackalloc byte[SlotLength];
        if (RandomAccess.Read(handle, slot, at) != SlotLength || slot[4] != Version
            || BinaryPrimitives.ReadUInt32LittleEndian(slot) != Crc32C.Compute(slot[4..]))
        {
            return false;
        }

        mark = new CommitMark(
            BinaryPrimitives.ReadUInt64LittleEndian(slot[8..]), ReadPosition(slot[16..]), ReadPosition(slot[64..]),
            BinaryPrimitives.ReadInt64LittleEndian(slot[112..]), BinaryPrimitives.ReadInt64LittleEndian(slot[120..]), slot[5], slot[6]);
        return SlotOf(mark.Number) == at;
    }

    private static void WritePosition(Span<byte> into, LogPosition position)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(into, position.Epoch);
        BinaryPrimitives.WriteUInt64LittleEndian(into[8..], position.Sequence);
        position.Chain.CopyTo(into[16..]);
    }

    private static LogPosition ReadPosition(ReadOnlySpan<byte> from) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(from), BinaryPrimitives.ReadUInt64LittleEndian(from[8..]),
        Hash256.FromBytes(from.Slice(16, Hash256.Length)));
}
