using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Log;

/// <summary>
/// The bytes of a whole record, the same in the log and on the wire. Little endian; docs/RECORDS.md tells more.
/// <code>
///   0  u32  CRC-32C over bytes 4 to the end
///   4  u32  length of the whole record, this head included
///   8  u8   version: 1
///   9  u8   kind                        (LogRecordKind)
///  10  u8   object format, 0 for none   (ObjectFormat)
///  11  u8   flags: bit 0 body spooled
///  12  u32  length of the head: where the inline body starts
///  16  u64  epoch
///  24  u64  sequence, from 1
///  32  i64  noticed at, microseconds since 1970
///  40  32B  chain up to the record before
///  72  81B  ledger before: u8 flags (bit 0 refs digest, bit 1 cell 0 present)
///           | 32B refs digest | 32B id sum | u64 checksum | i64 count; zeros where absent
/// 153  81B  ledger after
/// 234  u16  length of the repository's name
/// 236  ...  the name, UTF-8
///      40B  only if spooled: 32B SHA-256 of the body | u64 its length
///      ...  the inline body, to the record's end; none if spooled
/// </code>
/// The chain with a record is SHA-256 over its bytes 4 to the end, which hold the chain before it.
/// </summary>
public static class LogRecordCodec
{
    /// <summary>The longest inline body, in bytes; a longer one belongs in the spool.</summary>
    public const int InlineBodyLimit = 256 << 10;

    /// <summary>The longest head, in bytes: fixed part, longest name, spooled body.</summary>
    public const int MaxHeadLength = NameAt + RepositoryName.MaxLength + SpooledLength;

    /// <summary>The longest record, in bytes. It fits a page of the log.</summary>
    public const int MaxRecordLength = MaxHeadLength + InlineBodyLimit;

    /// <summary>The shortest record, in bytes.</summary>
    public const int MinRecordLength = NameAt;

    internal const int LengthAt = 4;
    private const byte Version = 1;
    private const int VersionAt = 8;
    private const int KindAt = 9;
    private const int FormatAt = 10;
    private const int FlagsAt = 11;
    private const int HeadLengthAt = 12;
    private const int EpochAt = 16;
    internal const int SequenceAt = 24;
    private const int NoticedAt = 32;
    private const int PreviousChainAt = 40;
    private const int BeforeAt = 72;
    private const int LedgerLength = 81;
    private const int AfterAt = BeforeAt + LedgerLength;
    private const int NameLengthAt = AfterAt + LedgerLength;
    private const int NameAt = NameLengthAt + 2;
    private const int SpooledLength = Hash256.Length + 8;
    private const byte SpooledFlag = 1;
    private const byte RefsFlag = 1;
    private const byte ObjectSetFlag = 2;

    /// <summary>Writes a record at its place in the log.</summary>
    /// <exception cref="ArgumentException">The draft says what no record may say.</exception>
    public static byte[] Encode(LogRecordDraft draft, ulong epoch, ulong sequence, Hash256 previousChain)
    {
        bool start = draft.Kind == LogRecordKind.EpochStart;
        Require(Enum.IsDefined(draft.Kind), "unknown kind");
        Require(start == string.IsNullOrEmpty(draft.Repository.Value), "only an EpochStart names no repository");
        Require(start == draft.Format is null && (draft.Format is null || Enum.IsDefined(draft.Format.Value)), "only an EpochStart has no object format");
        Require(draft.InlineBody.Length <= InlineBodyLimit, "the inline body is too long");
        Require(draft.Spooled is null || (draft.InlineBody.IsEmpty && draft.Spooled.Value.Length > 0), "a spooled body has a length, and none is inline beside it");
        Require(sequence > 0, "sequences begin at 1");
        int nameLength = Encoding.UTF8.GetByteCount(draft.Repository.Value);
        int headLength = NameAt + nameLength + (draft.Spooled is null ? 0 : SpooledLength);
        byte[] record = new byte[headLength + draft.InlineBody.Length];
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(LengthAt), (uint)record.Length);
        record[VersionAt] = Version;
        record[KindAt] = (byte)draft.Kind;
        record[FormatAt] = (byte)(draft.Format ?? 0);
        record[FlagsAt] = draft.Spooled is null ? (byte)0 : SpooledFlag;
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(HeadLengthAt), (uint)headLength);
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(EpochAt), epoch);
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(SequenceAt), sequence);
        BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan(NoticedAt), draft.NoticedAtMicroseconds);
        previousChain.CopyTo(record.AsSpan(PreviousChainAt));
        WriteLedger(record.AsSpan(BeforeAt, LedgerLength), draft.Before);
        WriteLedger(record.AsSpan(AfterAt, LedgerLength), draft.After);
        BinaryPrimitives.WriteUInt16LittleEndian(record.AsSpan(NameLengthAt), (ushort)nameLength);
        Encoding.UTF8.GetBytes(draft.Repository.Value, record.AsSpan(NameAt));
        if (draft.Spooled is { } spooled)
        {
            spooled.Name.CopyTo(record.AsSpan(NameAt + nameLength));
            BinaryPrimitives.WriteInt64LittleEndian(record.AsSpan(NameAt + nameLength + Hash256.Length), spooled.Length);
        }

        draft.InlineBody.Span.CopyTo(record.AsSpan(headLength));
        BinaryPrimitives.WriteUInt32LittleEndian(record, Crc32C.Compute(record.AsSpan(LengthAt)));
        return record;
    }

    /// <summary>
    /// Reads exactly one record and checks all of it but the body's own layout. The record's inline body is a part of
    /// <paramref name="bytes"/>, which must not change while the record lives.
    /// </summary>
    /// <returns>False with the reason and its offset in <paramref name="error"/> when the bytes are no good record.</returns>
    public static bool TryDecode(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out LogRecord? record, out string? error)
    {
        record = null;
        ReadOnlySpan<byte> span = bytes.Span;
        if (!TryCheckFrame(span, out error))
        {
            return false;
        }

        byte flags = span[FlagsAt];
        LogRecordKind kind = (LogRecordKind)span[KindAt];
        ulong sequence = BinaryPrimitives.ReadUInt64LittleEndian(span[SequenceAt..]);
        error = span[VersionAt] != Version ? $"byte {VersionAt}: version {span[VersionAt]} is not known, only {Version}"
            : !Enum.IsDefined(kind) ? $"byte {KindAt}: kind {span[KindAt]} is not known"
            : span[FormatAt] != 0 && !Enum.IsDefined((ObjectFormat)span[FormatAt]) ? $"byte {FormatAt}: object format {span[FormatAt]} is not known"
            : (span[FormatAt] == 0) != (kind == LogRecordKind.EpochStart) ? $"byte {FormatAt}: object format {span[FormatAt]} in a record of kind {kind}"
            : (flags & ~SpooledFlag) != 0 ? $"byte {FlagsAt}: flags {flags:x2} are not known"
            : sequence == 0 ? $"byte {SequenceAt}: sequence 0"
            : null;
        if (error is not null
            || !TryReadLedger(span, BeforeAt, out Ledger before, out error)
            || !TryReadLedger(span, AfterAt, out Ledger after, out error)
            || !TryReadName(span, kind, out RepositoryName name, out int nameLength, out error)
            || !TryReadSpooled(span, NameAt + nameLength, flags == SpooledFlag, out SpooledBody? spooled, out int headLength, out error))
        {
            return false;
        }

        record = new LogRecord
        {
            Kind = kind,
            Epoch = BinaryPrimitives.ReadUInt64LittleEndian(span[EpochAt..]),
            Sequence = sequence,
            PreviousChain = Hash256.FromBytes(span.Slice(PreviousChainAt, Hash256.Length)),
            Chain = ChainOf(span),
            NoticedAtMicroseconds = BinaryPrimitives.ReadInt64LittleEndian(span[NoticedAt..]),
            Repository = name,
            Format = span[FormatAt] == 0 ? null : (ObjectFormat)span[FormatAt],
            Before = before,
            After = after,
            Spooled = spooled,
            InlineBody = bytes[headLength..],
        };
        return true;
    }

    /// <summary>Checks length and CRC only: what shows that the bytes are those that were written.</summary>
    internal static bool TryCheckFrame(ReadOnlySpan<byte> record, out string? error)
    {
        error = record.Length is < MinRecordLength or > MaxRecordLength
            ? $"byte 0: a record has {MinRecordLength} to {MaxRecordLength} bytes, not {record.Length}"
            : BinaryPrimitives.ReadUInt32LittleEndian(record[LengthAt..]) != (uint)record.Length
            ? $"byte {LengthAt}: the length {BinaryPrimitives.ReadUInt32LittleEndian(record[LengthAt..])} does not fit {record.Length} bytes"
            : BinaryPrimitives.ReadUInt32LittleEndian(record) != Crc32C.Compute(record[LengthAt..])
            ? "byte 0: the CRC does not fit the bytes"
            : null;
        return error is null;
    }

    /// <summary>The chain up to and including a record.</summary>
    internal static Hash256 ChainOf(ReadOnlySpan<byte> record)
    {
        Span<byte> chain = stackalloc byte[Hash256.Length];
        SHA256.HashData(record[LengthAt..], chain);
        return Hash256.FromBytes(chain);
    }

    private static void WriteLedger(Span<byte> into, Ledger ledger)
    {
        if (ledger.Refs is { } refs)
        {
            into[0] |= RefsFlag;
            refs.CopyTo(into[1..]);
        }

        if (ledger.ObjectSet is { } cell)
        {
            Require(cell.Count >= 0, "an object set has no negative count");
            into[0] |= ObjectSetFlag;
            CellBytes.Write(into[33..], cell);
        }
    }

    private static bool TryReadLedger(ReadOnlySpan<byte> record, int at, out Ledger ledger, out string? error)
    {
        ReadOnlySpan<byte> bytes = record.Slice(at, LedgerLength);
        bool hasRefs = (bytes[0] & RefsFlag) != 0;
        bool hasSet = (bytes[0] & ObjectSetFlag) != 0;
        ReadOnlySpan<byte> refs = bytes[1..33];
        ReadOnlySpan<byte> set = bytes[33..];
        long count = BinaryPrimitives.ReadInt64LittleEndian(bytes[73..]);
        error = (bytes[0] & ~(RefsFlag | ObjectSetFlag)) != 0 ? $"byte {at}: ledger flags {bytes[0]:x2} are not known"
            : !hasRefs && refs.ContainsAnyExcept((byte)0) ? $"byte {at + 1}: a refs digest that is marked absent is not zero"
            : !hasSet && set.ContainsAnyExcept((byte)0) ? $"byte {at + 33}: a cell that is marked absent is not zero"
            : count < 0 ? $"byte {at + 73}: an object set has {count} ids"
            : null;
        ledger = error is not null ? default : new Ledger(
            hasRefs ? RefsDigest.FromBytes(refs) : null,
            hasSet ? CellBytes.Read(set) : null);
        return error is null;
    }

    private static bool TryReadName(ReadOnlySpan<byte> record, LogRecordKind kind, out RepositoryName name, out int length, out string? error)
    {
        name = default;
        length = BinaryPrimitives.ReadUInt16LittleEndian(record[NameLengthAt..]);
        bool none = kind == LogRecordKind.EpochStart;
        if (length > record.Length - NameAt)
        {
            error = $"byte {NameLengthAt}: a name of {length} bytes goes beyond the record";
            return false;
        }

        ReadOnlySpan<byte> utf8 = record.Slice(NameAt, length);
        bool good = none ? length == 0 : Utf8.IsValid(utf8) && RepositoryName.TryParse(Encoding.UTF8.GetString(utf8), out name);
        error = good ? null : $"byte {NameAt}: no valid repository name in a record of kind {kind}";
        return good;
    }

    private static bool TryReadSpooled(
        ReadOnlySpan<byte> record, int at, bool present, out SpooledBody? spooled, out int headLength, out string? error)
    {
        spooled = null;
        headLength = at + (present ? SpooledLength : 0);
        uint declared = BinaryPrimitives.ReadUInt32LittleEndian(record[HeadLengthAt..]);
        error = declared != (uint)headLength || headLength > record.Length ? $"byte {HeadLengthAt}: a head of {declared} bytes does not add up to {headLength}"
            : present && headLength != record.Length ? $"byte {headLength}: bytes behind a spooled body"
            : record.Length - headLength > InlineBodyLimit ? $"byte {headLength}: the inline body is longer than {InlineBodyLimit} bytes"
            : null;
        if (error is null && present)
        {
            long length = BinaryPrimitives.ReadInt64LittleEndian(record[(at + Hash256.Length)..]);
            error = length > 0 ? null : $"byte {at + Hash256.Length}: a spooled body of {(ulong)length} bytes";
            spooled = new SpooledBody(Hash256.FromBytes(record.Slice(at, Hash256.Length)), length);
        }

        return error is null;
    }

    private static void Require(bool condition, string what)
    {
        if (!condition)
        {
            throw new ArgumentException(what);
        }
    }
}
