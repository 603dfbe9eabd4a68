using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using MirrorSync.Git.Refs;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.ObjectSets;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Wire;

/// <summary>
/// The primary's word on how far it is:
/// <c>i64 timestamp | u64 committed | i64 age in microseconds | u16 count | count times (u16 length | name)</c>.
/// </summary>
/// <param name="AskedAt">The mirror's own timestamp out of its Ask.</param>
/// <param name="Committed">The primary's last durable sequence.</param>
/// <param name="LookAge">How long ago the primary last saw all of its disk; <see cref="TimeSpan.MaxValue"/> when never.</param>
/// <param name="Held">The repositories that the primary holds: of these the log says nothing new, and the answer proves nothing.</param>
public readonly record struct AnswerFrame(long AskedAt, ulong Committed, TimeSpan LookAge, IReadOnlyList<RepositoryName> Held)
{
    private const int FixedLength = 26;
    private const long Never = long.MaxValue / TimeSpan.TicksPerMicrosecond;

    /// <summary>Appends the frame. When more is held than a frame has room for, it says that nothing was seen at all.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        ArrayBufferWriter<byte> names = new();
        foreach (RepositoryName name in Held)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(name.Value);
            BinaryPrimitives.WriteUInt16LittleEndian(names.GetSpan(2), (ushort)bytes.Length);
            names.Advance(2);
            names.Write(bytes);
        }

        bool fits = FixedLength + names.WrittenCount <= Frames.MaxAnswerPayload && Held.Count <= ushort.MaxValue;
        byte[] payload = new byte[FixedLength + (fits ? names.WrittenCount : 0)];
        TimeSpan age = fits ? LookAge : TimeSpan.MaxValue;
        BinaryPrimitives.WriteInt64LittleEndian(payload, AskedAt);
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(8), Committed);
        BinaryPrimitives.WriteInt64LittleEndian(payload.AsSpan(16), age.Ticks / TimeSpan.TicksPerMicrosecond);
        BinaryPrimitives.WriteUInt16LittleEndian(payload.AsSpan(24), (ushort)(fits ? Held.Count : 0));
        if (fits)
        {
            names.WrittenSpan.CopyTo(payload.AsSpan(FixedLength));
        }

        Frames.Write(output, FrameKind.Answer, payload);
    }

    /// <summary>Parses a payload.</summary>
    /// <exception cref="ProtocolException">It is malformed.</exception>
    public static AnswerFrame Read(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < FixedLength)
        {
            throw new ProtocolException("an answer is too short");
        }

        long microseconds = BinaryPrimitives.ReadInt64LittleEndian(payload[16..]);
        if (microseconds is < 0 or > Never)
        {
            throw new ProtocolException("the age of the primary's last look is out of range");
        }

        int count = BinaryPrimitives.ReadUInt16LittleEndian(payload[24..]);
        ReadOnlySpan<byte> rest = payload[FixedLength..];
        List<RepositoryName> held = [];
        for (int i = 0; i < count; i++)
        {
            int length = rest.Length >= 2 ? BinaryPrimitives.ReadUInt16LittleEndian(rest) : 0;
            if (length == 0 || rest.Length < 2 + length)
            {
                throw new ProtocolException("the held repositories of an answer are cut off");
            }

            held.Add(Handshake.Name(Encoding.UTF8.GetString(rest.Slice(2, length))));
            rest = rest[(2 + length)..];
        }

        return rest.IsEmpty
            ? new AnswerFrame(
                BinaryPrimitives.ReadInt64LittleEndian(payload),
                BinaryPrimitives.ReadUInt64LittleEndian(payload[8..]),
                microseconds == Never ? TimeSpan.MaxValue : TimeSpan.FromTicks(microseconds * TimeSpan.TicksPerMicrosecond),
                held)
            : throw new ProtocolException("bytes follow an answer");
    }
}

/// <summary>
/// A mirror's acknowledgement for one repository, with what it can prove of it:
/// <c>u64 sequence | u8 ledger parts | 32 B refs digest | 48 B cell 0 | u16 length | name</c>. Ledger part bit 0 is the
/// refs digest, bit 1 cell 0 of the object set (32 B ids, u64 checksums, i64 count); the 48 bytes are zeros without it.
/// </summary>
/// <param name="Repository">The repository.</param>
/// <param name="Sequence">The sequence up to which it is applied.</param>
/// <param name="Ledger">The digest of its refs there and, once it has its object set, cell 0: computed by the mirror from what it holds.</param>
public readonly record struct AppliedFrame(RepositoryName Repository, ulong Sequence, Ledger Ledger)
{
    private const int FixedLength = 8 + 1 + RefsDigest.Length + CellBytes.Length + 2;
    private const byte RefsPart = 1;
    private const byte ObjectSetPart = 2;

    /// <summary>What is to be said of a state.</summary>
    public static AppliedFrame Of(RepositoryState state) => new(state.Name, state.Applied.Sequence, state.Ledger);

    /// <summary>Appends the frame.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        byte[] name = Encoding.UTF8.GetBytes(Repository.Value);
        byte[] payload = new byte[FixedLength + name.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(payload, Sequence);
        payload[8] = (byte)(RefsPart | (Ledger.ObjectSet is null ? 0 : ObjectSetPart));
        Ledger.Refs.GetValueOrDefault().CopyTo(payload.AsSpan(9));
        Span<byte> rest = payload.AsSpan(9 + RefsDigest.Length);
        if (Ledger.ObjectSet is { } cell)
        {
            CellBytes.Write(rest, cell);
        }

        BinaryPrimitives.WriteUInt16LittleEndian(rest[CellBytes.Length..], (ushort)name.Length);
        name.CopyTo(payload, FixedLength);
        Frames.Write(output, FrameKind.Applied, payload);
    }

    /// <summary>Parses a payload.</summary>
    /// <exception cref="ProtocolException">It is malformed.</exception>
    public static AppliedFrame Read(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < FixedLength || (payload[8] & ~ObjectSetPart) != RefsPart
            || BinaryPrimitives.ReadUInt16LittleEndian(payload[(FixedLength - 2)..]) != payload.Length - FixedLength)
        {
            throw new ProtocolException("malformed acknowledgement");
        }

        ReadOnlySpan<byte> bytes = payload.Slice(9 + RefsDigest.Length, CellBytes.Length);
        SketchCell cell = CellBytes.Read(bytes);
        bool present = (payload[8] & ObjectSetPart) != 0;
        if (cell.Count < 0 || (!present && bytes.ContainsAnyExcept((byte)0)))
        {
            throw new ProtocolException("an acknowledgement's object set is malformed");
        }

        return new AppliedFrame(
            Handshake.Name(Encoding.UTF8.GetString(payload[FixedLength..])),
            BinaryPrimitives.ReadUInt64LittleEndian(payload),
            new Ledger(RefsDigest.FromBytes(payload.Slice(9, RefsDigest.Length)), present ? cell : null));
    }
}
