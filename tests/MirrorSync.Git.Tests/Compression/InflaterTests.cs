using MirrorSync.Git.Compression;
using MirrorSync.Testing.Packs;

namespace MirrorSync.Git.Tests.Compression;

/// <summary>Both inflaters on streams that the platform made, and the other way round.</summary>
public sealed class InflaterTests
{
    public static TheoryData<int, int> Contents
    {
        get
        {
            TheoryData<int, int> contents = [];
            foreach (int length in new[] { 0, 1, 100, 5000, 70_000, 300_000 })
            {
                for (int level = 0; level <= 9; level += 3)
                {
                    contents.Add(length, level);
                }
            }

            return contents;
        }
    }

    [Theory]
    [MemberData(nameof(Contents))]
    public void Inflate_WholeStream_ContentAndExactLength(int length, int level)
    {
        byte[] content = Content(length);
        byte[] stream = ZlibBytes.Deflate(content, level);
        using Inflater inflater = new();
        byte[] inflated = new byte[length];
        foreach (int behind in new[] { 0, 1, 100 })
        {
            byte[] source = [.. stream, .. new byte[behind]];
            Assert.Equal(InflateResult.Done, inflater.Inflate(source, inflated, out int consumed));
            Assert.Equal(stream.Length, consumed);
            Assert.Equal(content, inflated);
        }

        Assert.Equal(InflateResult.OtherSize, inflater.Inflate(stream, new byte[length + 1], out _));
        Assert.True(length == 0 || inflater.Inflate(stream, new byte[length - 1], out _) == InflateResult.OtherSize);
    }

    [Fact]
    public void Inflate_EveryTruncation_IsDamaged()
    {
        byte[] stream = ZlibBytes.Deflate(Content(400), 6);
        using Inflater inflater = new();
        using StreamInflater piecewise = new();
        for (int length = 0; length < stream.Length; length++)
        {
            Assert.Equal(InflateResult.Damaged, inflater.Inflate(stream.AsSpan(0, length), new byte[400], out int consumed));
            Assert.Equal(0, consumed);
            piecewise.Reset();
            Assert.Equal(InflateStep.More, piecewise.Inflate(stream.AsSpan(0, length), new byte[400], out _, out _));
        }
    }

    [Fact]
    public void Inflate_EveryBitFlipped_NeverAnotherContent()
    {
        byte[] content = Content(300);
        byte[] stream = ZlibBytes.Deflate(content, 6);
        using Inflater inflater = new();
        using StreamInflater piecewise = new();
        for (int bit = 0; bit < stream.Length * 8; bit++)
        {
            byte[] flipped = [.. stream];
            flipped[bit >> 3] ^= (byte)(1 << (bit & 7));
            byte[] inflated = new byte[300];
            bool whole = inflater.Inflate(flipped, inflated, out _) == InflateResult.Done;
            Assert.True(!whole || inflated.AsSpan().SequenceEqual(content), $"bit {bit}");
            piecewise.Reset();
            bool pieces = piecewise.Inflate(flipped, inflated, out _, out int produced) == InflateStep.End && produced == 300;
            Assert.True(!pieces || inflated.AsSpan().SequenceEqual(content), $"bit {bit}");
            Assert.True(whole || !pieces, $"bit {bit}: zlib takes what libdeflate does not");
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 1000)]
    [InlineData(1000, 1)]
    [InlineData(7, 13)]
    [InlineData(4096, 4096)]
    public void StreamInflater_PiecesOfEverySize_ContentAndExactLength(int inputPiece, int outputPiece)
    {
        byte[] content = Content(20_000);
        byte[] stream = ZlibBytes.Deflate(content, 6);
        byte[] source = [.. stream, 1, 2, 3];
        using StreamInflater inflater = new();
        for (int round = 0; round < 2; round++)
        {
            inflater.Reset();
            byte[] inflated = new byte[content.Length];
            int used = 0;
            int made = 0;
            InflateStep step = InflateStep.More;
            while (step == InflateStep.More)
            {
                step = inflater.Inflate(
                    source.AsSpan(used, Math.Min(inputPiece, source.Length - used)),
                    inflated.AsSpan(made, Math.Min(outputPiece, inflated.Length - made)),
                    out int consumed,
                    out int produced);
                used += consumed;
                made += produced;
                Assert.True(step == InflateStep.End || consumed + produced > 0, "it stands still");
            }

            Assert.Equal(InflateStep.End, step);
            Assert.Equal((stream.Length, content.Length), (used, made));
            Assert.Equal(content, inflated);
        }
    }

    [Fact]
    public void StreamInflater_NothingToReadOrNoRoom_More()
    {
        using StreamInflater inflater = new();
        Assert.Equal(InflateStep.More, inflater.Inflate([], [], out int consumed, out int produced));
        Assert.Equal((0, 0), (consumed, produced));
        Assert.Equal(InflateStep.End, inflater.Inflate(ZlibBytes.Deflate([], 6), [], out consumed, out _));
        Assert.Equal(8, consumed);
    }

    /// <summary>
    /// Where libdeflate takes what zlib refuses: a code of one symbol, of which the bits of another are used, and a distance
    /// that a block without distance codes names. Whoever relies on zlib's verdict has to know of these.
    /// </summary>
    [Theory]
    [InlineData("no distance code, but one is used")]
    [InlineData("one distance code, but the other bit is used")]
    [InlineData("287 literal codes declared")]
    public void Inflate_CodesThatZlibRefuses_IsTakenByLibdeflateAlone(string what)
    {
        (byte[] blocks, byte[] content) = OddBlocks.Make(what);
        byte[] stream = ZlibBytes.Frame(blocks, content);
        using Inflater inflater = new();
        using StreamInflater piecewise = new();
        byte[] inflated = new byte[content.Length];
        Assert.Equal(InflateStep.Damaged, piecewise.Inflate(stream, new byte[100], out _, out _));
        Assert.Equal(InflateResult.Done, inflater.Inflate(stream, inflated, out int consumed));
        Assert.Equal(content, inflated);
        Assert.Equal(stream.Length, consumed);
    }

    [Theory]
    [MemberData(nameof(Contents))]
    public void Deflate_Inflated_RoundTrips(int length, int level)
    {
        byte[] content = Content(length);
        ReadOnlyMemory<byte> stream = Deflater.Deflate(content, level);
        using Inflater inflater = new();
        byte[] inflated = new byte[length];
        Assert.Equal(InflateResult.Done, inflater.Inflate(stream.Span, inflated, out int consumed));
        Assert.Equal(stream.Length, consumed);
        Assert.Equal(content, inflated);
    }

    [Fact]
    public void Crc32_AnyPieces_IsThePlatforms()
    {
        byte[] content = Content(3000);
        Assert.Equal(0u, Crc32.Append(0, []));
        for (int split = 0; split <= content.Length; split += 37)
        {
            uint crc = Crc32.Append(Crc32.Append(0, content.AsSpan(0, split)), content.AsSpan(split));
            Assert.Equal(Plain(content), crc);
        }
    }

    private static uint Plain(byte[] bytes)
    {
        uint crc = 0xffff_ffff;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ (0xedb8_8320 & (uint)-(int)(crc & 1));
            }
        }

        return ~crc;
    }

    // Half noise, half repetition, so that all kinds of blocks and long matches come up.
    private static byte[] Content(int length)
    {
        byte[] content = new byte[length];
        new Random(length).NextBytes(content);
        for (int i = 0; i < length; i++)
        {
            content[i] = (i / 1000) % 2 == 0 ? (byte)(i % 50) : content[i];
        }

        return content;
    }
}
