using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace MirrorSync.Git.Wire;

/// <summary>What one pkt-line is.</summary>
public enum PktLineKind
{
    /// <summary>A length and that many bytes less four.</summary>
    Data,

    /// <summary><c>0000</c>: the end of a message.</summary>
    Flush,

    /// <summary><c>0001</c>: the end of a section (protocol v2).</summary>
    Delimiter,

    /// <summary><c>0002</c>: the end of a stateless response (protocol v2, inside a client).</summary>
    ResponseEnd,
}

/// <summary>What a look at the start of a buffer found.</summary>
public enum PktLineStatus
{
    /// <summary>A whole pkt-line.</summary>
    Complete,

    /// <summary>The beginning of one; more bytes are needed.</summary>
    NeedMore,

    /// <summary>Bytes that no pkt-line starts with.</summary>
    Malformed,
}

/// <summary>
/// The frame of git's protocols (gitprotocol-common(5)): four hex digits that tell the length, themselves included, and
/// the payload.
/// </summary>
/// <remarks>
/// <code>
/// 0       4                 length
/// | hex4  | payload ...     |        length 4..65520; 0000, 0001 and 0002 are marks without payload, 0003 is none
/// </code>
/// </remarks>
public static class PktLine
{
    /// <summary>Bytes of the length.</summary>
    public const int HeaderLength = 4;

    /// <summary>The longest pkt-line in bytes, its length included (LARGE_PACKET_MAX).</summary>
    public const int MaxLength = 65520;

    /// <summary>The longest payload in bytes.</summary>
    public const int MaxPayload = MaxLength - HeaderLength;

    /// <summary>Finds the pkt-line at the start of a buffer.</summary>
    /// <param name="input">Bytes as they came; may end anywhere.</param>
    /// <param name="kind">What it is, when complete.</param>
    /// <param name="payload">Its payload, a part of the input; empty for a mark.</param>
    /// <param name="consumed">Its length in bytes when complete, otherwise 0.</param>
    public static PktLineStatus Read(
        ReadOnlySpan<byte> input, out PktLineKind kind, out ReadOnlySpan<byte> payload, out int consumed)
    {
        kind = PktLineKind.Data;
        payload = default;
        consumed = 0;
        int length = 0;
        for (int i = 0; i < HeaderLength; i++)
        {
            if (i == input.Length)
            {
                return PktLineStatus.NeedMore;
            }

            int digit = HexValue(input[i]);
            if (digit < 0)
            {
                return PktLineStatus.Malformed;
            }

            length = (length << 4) | digit;
        }

        if (length < HeaderLength)
        {
            kind = (PktLineKind)(length + 1);
            consumed = HeaderLength;
            return length == 3 ? PktLineStatus.Malformed : PktLineStatus.Complete;
        }

        if (length > MaxLength)
        {
            return PktLineStatus.Malformed;
        }

        if (input.Length < length)
        {
            return PktLineStatus.NeedMore;
        }

        payload = input[HeaderLength..length];
        consumed = length;
        return PktLineStatus.Complete;
    }

    /// <summary>Writes a payload of at most <see cref="MaxPayload"/> bytes; a longer one is the caller's error.</summary>
    public static void WriteData(IBufferWriter<byte> output, ReadOnlySpan<byte> payload)
    {
        if (payload.Length > MaxPayload)
        {
            ThrowTooLong(payload.Length);
        }

        Span<byte> line = output.GetSpan(HeaderLength + payload.Length);
        payload.CopyTo(line[HeaderLength..]);
        WriteHeader(line, HeaderLength + payload.Length);
        output.Advance(HeaderLength + payload.Length);
    }

    /// <summary>Writes a mark: flush, delimiter or response end.</summary>
    public static void WriteMark(IBufferWriter<byte> output, PktLineKind mark) => output.Write(mark switch
    {
        PktLineKind.Flush => "0000"u8,
        PktLineKind.Delimiter => "0001"u8,
        PktLineKind.ResponseEnd => "0002"u8,
        _ => throw new ArgumentException("a data line is no mark", nameof(mark)),
    });

    /// <summary>
    /// Writes <c>ERR message</c>, which git shows to its user as a remote error. A message too long for a pkt-line is
    /// cut.
    /// </summary>
    public static void WriteError(IBufferWriter<byte> output, string message)
    {
        ReadOnlySpan<byte> text = Encoding.UTF8.GetBytes("ERR " + message);
        WriteData(output, text[..Math.Min(text.Length, MaxPayload)]);
    }

    /// <summary>Writes four digits before a payload that is already in place.</summary>
    /// <param name="line">The whole line; its first four bytes are written.</param>
    /// <param name="length">The line's length in bytes, at most <see cref="MaxLength"/>.</param>
    internal static void WriteHeader(Span<byte> line, int length)
    {
        ReadOnlySpan<byte> digits = "0123456789abcdef"u8;
        line[3] = digits[length & 15];
        line[2] = digits[(length >> 4) & 15];
        line[1] = digits[(length >> 8) & 15];
        line[0] = digits[(length >> 12) & 15];
    }

    private static int HexValue(byte digit) => digit switch
    {
        >= (byte)'0' and <= (byte)'9' => digit - '0',
        >= (byte)'a' and <= (byte)'f' => digit - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => digit - 'A' + 10,
        _ => -1,
    };

    [DoesNotReturn]
    private static void ThrowTooLong(int length) =>
        throw new ArgumentException($"a pkt-line holds at most {MaxPayload} bytes, not {length}");
}
