using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Wire;

/// <summary>The primary's word on how far it is.</summary>
/// <param name="AskedAt">The mirror's own timestamp out of its Ask.</param>
/// <param name="Committed">The primary's last durable sequence.</param>
/// <param name="LookAge">How long ago the primary last saw all of its disk; <see cref="TimeSpan.MaxValue"/> when never.</param>
public readonly record struct AnswerFrame(long AskedAt, ulong Committed, TimeSpan LookAge)
{
    private const int Length = 24;

    /// <summary>Appends the frame.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        Span<byte> payload = stackalloc byte[Length];
        BinaryPrimitives.WriteInt64LittleEndian(payload, AskedAt);
        BinaryPrimitives.WriteUInt64LittleEndian(payload[8..], Committed);
        BinaryPrimitives.WriteInt64LittleEndian(payload[16..], LookAge.Ticks / TimeSpan.TicksPerMicrosecond);
        Frames.Write(output, FrameKind.Answer, payload);
    }

    /// <summary>Parses a payload.</summary>
    /// <exception cref="ProtocolException">Wrong length, or an age below zero.</exception>
    public static AnswerFrame Read(ReadOnlySequence<byte> payload)
    {
        Span<byte> bytes = stackalloc byte[Length];
        Frames.Expect(payload, Length);
        payload.CopyTo(bytes);
        long microseconds = BinaryPrimitives.ReadInt64LittleEndian(bytes[16..]);
        if (microseconds is < 0 or > long.MaxValue / TimeSpan.TicksPerMicrosecond)
        {
            throw new ProtocolException("the age of the primary's last look is out of range");
        }

        return new AnswerFrame(
            BinaryPrimitives.ReadInt64LittleEndian(bytes),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
            TimeSpan.FromTicks(microseconds * TimeSpan.TicksPerMicrosecond));
    }
}

/// <summary>
/// A mirror's acknowledgement for one repository:
/// <c>u64 sequence | u8 ledger parts | 32 B refs digest | u16 length | name</c>. Ledger part bit 0 is the refs digest;
/// the bits for the object set follow when there is one.
/// </summary>
/// <param name="Repository">The repository.</param>
/// <param name="Sequence">The sequence up to which it is applied.</param>
/// <param name="Refs">The digest of its refs there, computed by the mirror from what it holds.</param>
public readonly record struct AppliedFrame(RepositoryName Repository, ulong Sequence, RefsDigest Refs)
{
    private const int FixedLength = 8 + 1 + RefsDigest.Length + 2;
    private const byte RefsPart = 1;

    /// <summary>Appends the frame.</summary>
    public void Write(IBufferWriter<byte> output)
    {
        byte[] name = Encoding.UTF8.GetBytes(Repository.Value);
        byte[] payload = new byte[FixedLength + name.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(payload, Sequence);
        payload[8] = RefsPart;
        Refs.CopyTo(payload.AsSpan(9));
        BinaryPrimitives.WriteUInt16LittleEndian(payload.AsSpan(9 + RefsDigest.Length), (ushort)name.Length);
        name.CopyTo(payload, FixedLength);
        Frames.Write(output, FrameKind.Applied, payload);
    }

    /// <summary>Parses a payload.</summary>
    /// <exception cref="ProtocolException">It is malformed.</exception>
    public static AppliedFrame Read(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < FixedLength || payload[8] != RefsPart
            || BinaryPrimitives.ReadUInt16LittleEndian(payload[(9 + RefsDigest.Length)..]) != payload.Length - FixedLength)
        {
            throw new ProtocolException("malformed acknowledgement");
        }

        return new AppliedFrame(
            Handshake.Name(Encoding.UTF8.GetString(payload[FixedLength..])),
            BinaryPrimitives.ReadUInt64LittleEndian(payload),
            RefsDigest.FromBytes(payload.Slice(9, RefsDigest.Length)));
    }
}
