using System.Buffers;
using System.Text;
using MirrorSync.Git.Wire;

namespace MirrorSync.Git.Tests.Wire;

public sealed class PktLineTests
{
    [Theory]
    [InlineData("0000", PktLineKind.Flush)]
    [InlineData("0001", PktLineKind.Delimiter)]
    [InlineData("0002", PktLineKind.ResponseEnd)]
    public void Read_Mark_IsThatMark(string input, PktLineKind expected)
    {
        Assert.Equal(PktLineStatus.Complete, PktLine.Read(Encoding.ASCII.GetBytes(input + "0000"), out PktLineKind kind, out ReadOnlySpan<byte> payload, out int consumed));
        Assert.Equal(expected, kind);
        Assert.True(payload.IsEmpty);
        Assert.Equal(4, consumed);
        ArrayBufferWriter<byte> output = new();
        PktLine.WriteMark(output, kind);
        Assert.Equal(input, Encoding.ASCII.GetString(output.WrittenSpan));
    }

    [Theory]
    [InlineData("0004", "")]
    [InlineData("0005a", "a")]
    [InlineData("0006a\n", "a\n")]
    [InlineData("000Bfoobar\n", "foobar\n")]
    public void Read_Line_HasItsPayload(string input, string expected)
    {
        Assert.Equal(PktLineStatus.Complete, PktLine.Read(Encoding.ASCII.GetBytes(input + "rest"), out PktLineKind kind, out ReadOnlySpan<byte> payload, out int consumed));
        Assert.Equal(PktLineKind.Data, kind);
        Assert.Equal(expected, Encoding.ASCII.GetString(payload));
        Assert.Equal(input.Length, consumed);
    }

    [Theory]
    [InlineData("0003")]
    [InlineData("fff1")]
    [InlineData("ffff")]
    [InlineData("-001")]
    [InlineData("0x10")]
    [InlineData(" 004")]
    [InlineData("g")]
    public void Read_NoLength_IsMalformed(string input)
    {
        Assert.Equal(PktLineStatus.Malformed, PktLine.Read(Encoding.ASCII.GetBytes(input), out _, out ReadOnlySpan<byte> payload, out _));
        Assert.True(payload.IsEmpty);
    }

    [Fact]
    public void Read_LongestLine_RoundTripsAndNeedsEveryByte()
    {
        byte[] payload = new byte[PktLine.MaxPayload];
        new Random(1).NextBytes(payload);
        ArrayBufferWriter<byte> output = new();
        PktLine.WriteData(output, payload);
        Assert.Equal(65520, output.WrittenCount);
        Assert.Equal(PktLineStatus.Complete, PktLine.Read(output.WrittenSpan, out _, out ReadOnlySpan<byte> read, out _));
        Assert.True(read.SequenceEqual(payload));
        Assert.Equal(PktLineStatus.NeedMore, PktLine.Read(output.WrittenSpan[..^1], out _, out _, out _));
    }

    [Fact]
    public void WriteData_PayloadTooLong_Throws() =>
        Assert.Throws<ArgumentException>(() => PktLine.WriteData(new ArrayBufferWriter<byte>(), new byte[PktLine.MaxPayload + 1]));

    [Fact]
    public void WriteMark_OfADataLine_Throws() =>
        Assert.Throws<ArgumentException>(() => PktLine.WriteMark(new ArrayBufferWriter<byte>(), PktLineKind.Data));

    [Fact]
    public void WriteError_TextTooLong_IsCut()
    {
        ArrayBufferWriter<byte> output = new();
        PktLine.WriteError(output, new string('x', 100_000));
        Assert.Equal(PktLine.MaxLength, output.WrittenCount);
        Assert.True(output.WrittenSpan.StartsWith("fff0ERR x"u8));
    }

    [Fact]
    public void Read_TruncatedAtEveryByte_NeedsMore()
    {
        byte[] input = "000bfoobar\n"u8.ToArray();
        for (int length = 0; length < input.Length; length++)
        {
            Assert.Equal(PktLineStatus.NeedMore, PktLine.Read(input.AsSpan(0, length), out _, out _, out int consumed));
            Assert.Equal(0, consumed);
        }
    }

    [Fact]
    public void Read_EveryBitFlipped_StaysWithinItsInput()
    {
        byte[] input = "000bfoobar\n0000"u8.ToArray();
        for (int bit = 0; bit < input.Length * 8; bit++)
        {
            byte[] flipped = (byte[])input.Clone();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            PktLineStatus status = PktLine.Read(flipped, out _, out ReadOnlySpan<byte> payload, out int consumed);
            Assert.True(status == PktLineStatus.Complete
                ? consumed <= flipped.Length && payload.Length == consumed - PktLine.HeaderLength
                : payload.IsEmpty);
        }
    }
}
