using System.Buffers;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Git.Tests.Sketches;

public class SketchCodecTests
{
    private const int Ids = 5000;

    [Theory]
    [InlineData(ObjectFormat.Sha1, 0, 40)]
    [InlineData(ObjectFormat.Sha256, 0, 40)]
    [InlineData(ObjectFormat.Sha1, 17, 23)]
    [InlineData(ObjectFormat.Sha1, 0, 0)]
    public void TryRead_WhatWasWritten_IsTheSame(ObjectFormat format, int first, int count)
    {
        Sketch sketch = MadeIds.SketchOf(new MadeIds(1).Take(Ids, format), count, first);
        byte[] bytes = Bytes(sketch, format);

        Assert.True(SketchCodec.TryRead(bytes, MadeIds.Key, format, 100, out Sketch? read, out long ids, out string? error), error);
        Assert.Equal(Ids, ids);
        Assert.Equal(first, read.First);
        Assert.Equal(sketch.Cells, read.Cells);
        Assert.InRange(bytes.Length, count * (format.RawLength() + 9), 8 + (count * (format.RawLength() + 10)));
    }

    [Fact]
    public void TryRead_TruncatedAtEveryByteOrLonger_Refused()
    {
        byte[] bytes = Bytes(MadeIds.SketchOf(new MadeIds(2).Take(Ids, ObjectFormat.Sha1), 12), ObjectFormat.Sha1);
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.False(TryRead(bytes[..length], out _), $"{length} bytes");
        }

        Assert.False(TryRead([.. bytes, 0], out string? error));
        Assert.Contains($"byte {bytes.Length}", error, StringComparison.Ordinal);
    }

    [Fact]
    public void TryRead_AnyBitFlipped_RefusedOrAnotherSketch()
    {
        byte[] bytes = Bytes(MadeIds.SketchOf(new MadeIds(3).Take(Ids, ObjectFormat.Sha1), 6), ObjectFormat.Sha1);
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            byte[] flipped = [.. bytes];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            if (SketchCodec.TryRead(flipped, MadeIds.Key, ObjectFormat.Sha1, 100, out Sketch? read, out long ids, out _))
            {
                ArrayBufferWriter<byte> again = new();
                SketchCodec.Write(again, read, ids, ObjectFormat.Sha1);
                Assert.Equal(flipped, again.WrittenSpan);
            }
        }
    }

    [Fact]
    public void TryRead_MoreCellsThanAllowedOrThanBytes_RefusedBeforeAllocation()
    {
        // Version, format, no ids, from cell 0, 2^20 cells.
        byte[] declared = [1, 1, 0, 0, 0x80, 0x80, 0x40];
        Assert.False(SketchCodec.TryRead(declared, MadeIds.Key, ObjectFormat.Sha1, Sketch.MaxCells, out _, out _, out string? error));
        Assert.Contains("do not fit", error, StringComparison.Ordinal);

        byte[] bytes = Bytes(MadeIds.SketchOf(new MadeIds(4).Take(Ids, ObjectFormat.Sha1), 101), ObjectFormat.Sha1);
        Assert.False(TryRead(bytes, out error));
        Assert.Contains("at most 100", error, StringComparison.Ordinal);
    }

    [Fact]
    public void TryRead_NumberLongerThanNeeded_Refused()
    {
        Assert.True(TryRead([1, 1, 0, 0, 0], out string? error), error);
        Assert.False(TryRead([1, 1, 0x80, 0, 0, 0], out error));
        Assert.Contains("byte 2", error, StringComparison.Ordinal);
    }

    [Fact]
    public void TryRead_CountThatNoSetHas_Refused()
    {
        SketchCell negative = new(default, 0, -1);
        Sketch sketch = new(MadeIds.Key, 1, [negative]);
        byte[] bytes = Bytes(sketch, ObjectFormat.Sha1);

        Assert.False(TryRead(bytes, out string? error));
        Assert.Contains("cannot hold -1", error, StringComparison.Ordinal);
        Assert.False(TryRead(Bytes(new Sketch(MadeIds.Key, 0, [new SketchCell(default, 0, Ids - 1)]), ObjectFormat.Sha1), out error));
        Assert.False(TryRead(Bytes(new Sketch(MadeIds.Key, 1, [new SketchCell(default, 0, Ids + 1)]), ObjectFormat.Sha1), out error));
    }

    [Fact]
    public void TryRead_OtherFormatOrVersion_Refused()
    {
        byte[] bytes = Bytes(MadeIds.SketchOf([], 1), ObjectFormat.Sha256);
        Assert.False(TryRead(bytes, out _));
        Assert.False(TryRead([2, .. Bytes(MadeIds.SketchOf([], 1), ObjectFormat.Sha1)[1..]], out _));
    }

    [Theory]
    [InlineData(ObjectFormat.Sha1, 0, 0)]
    [InlineData(ObjectFormat.Sha256, 16, 1000)]
    public void Question_WhatWasWritten_IsTheSame(ObjectFormat format, int first, int count)
    {
        SketchQuestion question = new(format, MadeIds.SketchOf(new MadeIds(5).Take(Ids, format), 1).Cells[0], first, count);
        ArrayBufferWriter<byte> bytes = new();
        question.Write(bytes);

        Assert.True(SketchQuestion.TryRead(bytes.WrittenSpan, out SketchQuestion read, out string? error), error);
        Assert.Equal(question, read);
        for (int length = 0; length < bytes.WrittenCount; length++)
        {
            Assert.False(SketchQuestion.TryRead(bytes.WrittenSpan[..length], out _, out _));
        }

        Assert.False(SketchQuestion.TryRead([.. bytes.WrittenSpan, 0], out _, out _));
    }

    [Fact]
    public void Question_NoCellsFromTheMiddle_Refused()
    {
        ArrayBufferWriter<byte> bytes = new();
        new SketchQuestion(ObjectFormat.Sha1, default, 5, 0).Write(bytes);

        Assert.False(SketchQuestion.TryRead(bytes.WrittenSpan, out _, out string? error));
        Assert.Contains("no cells", error, StringComparison.Ordinal);
    }

    private static byte[] Bytes(Sketch sketch, ObjectFormat format)
    {
        ArrayBufferWriter<byte> bytes = new();
        SketchCodec.Write(bytes, sketch, Ids, format);
        return bytes.WrittenSpan.ToArray();
    }

    private static bool TryRead(byte[] bytes, out string? error) =>
        SketchCodec.TryRead(bytes, MadeIds.Key, ObjectFormat.Sha1, 100, out _, out _, out error);
}
