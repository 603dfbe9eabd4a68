using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using MirrorSync.Storage.Log;

namespace MirrorSync.Replication.Wire;

/// <summary>A stream that does not follow the replication protocol; the message says in what.</summary>
public sealed class ProtocolException(string message) : IOException(message);

/// <summary>
/// Frames of the replication stream: <c>u32 length of the payload (little endian) | u8 kind | payload</c>.
/// </summary>
public static class Frames
{
    /// <summary>Bytes before the payload.</summary>
    public const int HeaderLength = 5;

    /// <summary>The largest payload that is accepted: a record. Every other kind is far smaller.</summary>
    public const int MaxPayload = LogRecordCodec.MaxRecordLength;

    /// <summary>The largest payload of a frame that is no record.</summary>
    public const int MaxControlPayload = 16 * 1024;

    /// <summary>The largest payload of an answer, which may name many repositories.</summary>
    public const int MaxAnswerPayload = 4 << 20;

    /// <summary>
    /// Takes one whole frame from the start of the buffer. False means that more bytes are needed; the buffer is then
    /// as it was.
    /// </summary>
    /// <exception cref="ProtocolException">The kind is unknown or the length beyond its limit.</exception>
    public static bool TryRead(ref ReadOnlySequence<byte> buffer, out FrameKind kind, out ReadOnlySequence<byte> payload)
    {
        kind = default;
        payload = default;
        if (buffer.Length < HeaderLength)
        {
            return false;
        }

        Span<byte> header = stackalloc byte[HeaderLength];
        buffer.Slice(0, HeaderLength).CopyTo(header);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(header);
        kind = (FrameKind)header[4];
        if (kind is < FrameKind.Hello or > FrameKind.Applied)
        {
            throw new ProtocolException($"unknown frame kind {header[4]}");
        }

        if (length > MaxPayloadOf(kind))
        {
            throw new ProtocolException($"a {kind} frame of {length} bytes is too long");
        }

        if (buffer.Length < HeaderLength + length)
        {
            return false;
        }

        payload = buffer.Slice(HeaderLength, length);
        buffer = buffer.Slice(HeaderLength + length);
        return true;
    }

    private static int MaxPayloadOf(FrameKind kind) => kind switch
    {
        FrameKind.Record => MaxPayload,
        FrameKind.Answer => MaxAnswerPayload,
        _ => MaxControlPayload,
    };

    /// <summary>Appends one frame to the output; the caller flushes.</summary>
    public static void Write(IBufferWriter<byte> output, FrameKind kind, ReadOnlySpan<byte> payload)
    {
        Span<byte> header = output.GetSpan(HeaderLength);
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)payload.Length);
        header[4] = (byte)kind;
        output.Advance(HeaderLength);
        output.Write(payload);
    }

    /// <summary>Reads a payload that is one u64.</summary>
    public static ulong ReadSequence(ReadOnlySequence<byte> payload)
    {
        Span<byte> bytes = stackalloc byte[8];
        Expect(payload, 8);
        payload.CopyTo(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Appends a frame whose payload is one u64.</summary>
    public static void WriteSequence(IBufferWriter<byte> output, FrameKind kind, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Write(output, kind, bytes);
    }

    /// <summary>Throws unless the payload has exactly this length.</summary>
    public static void Expect(ReadOnlySequence<byte> payload, int length)
    {
        if (payload.Length != length)
        {
            throw new ProtocolException($"a payload has {payload.Length} bytes instead of {length}");
        }
    }

    /// <summary>Waits for the next whole frame and returns its copy; null at the stream's orderly end.</summary>
    /// <exception cref="ProtocolException">The stream ended within a frame.</exception>
    public static async ValueTask<(FrameKind Kind, byte[] Payload)?> ReadAsync(PipeReader input, CancellationToken cancellation)
    {
        while (true)
        {
            ReadResult read = await input.ReadAsync(cancellation).ConfigureAwait(false);
            ReadOnlySequence<byte> buffer = read.Buffer;
            if (TryRead(ref buffer, out FrameKind kind, out ReadOnlySequence<byte> payload))
            {
                byte[] copy = payload.ToArray();
                input.AdvanceTo(buffer.Start);
                return (kind, copy);
            }

            input.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
            {
                return buffer.IsEmpty ? null : throw new ProtocolException("the stream ended within a frame");
            }
        }
    }
}
