using MirrorSync.Git.Packs;
using MirrorSync.Testing.Packs;

namespace MirrorSync.Git.Tests.Packs;

/// <summary>Deltas beside a plain implementation of the same format.</summary>
public sealed class DeltaTests
{
    private static readonly byte[] Base = [.. Enumerable.Range(0, 300).Select(static i => (byte)(i * 7))];

    // Every form: copies with all their bytes, with none, of 64 KiB; insertions of one byte and of 127.
    private static byte[] Sample => new DeltaScript(300, 300 + 127 + 1 + 4)
        .CopyOnce(0, 300).Insert(new byte[127]).Insert([9]).CopyOnce(0x0102 & 0xff, 4).Bytes;

    [Fact]
    public void TryApply_RandomDeltas_MakesWhatThePlainOneMakes()
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        for (int i = 0; i < 3000; i++)
        {
            byte[] source = new byte[random.Next(random.Next(4) == 0 ? 200_000 : 400)];
            random.NextBytes(source);
            DeltaScript script = new((ulong)source.Length, (ulong)random.Next(900));
            for (int n = random.Next(6); n > 0; n--)
            {
                if (random.Next(2) == 0)
                {
                    script.CopyOnce((uint)random.Next(source.Length + 20), (uint)random.Next(1, 600));
                }
                else
                {
                    byte[] inserted = new byte[random.Next(130)];
                    random.NextBytes(inserted);
                    script.Insert(inserted);
                }
            }

            byte[] delta = WithRealSize(source.Length, script.Bytes);
            AssertAsPlain(source, delta, $"seed {seed}, delta {i}");
        }
    }

    [Fact]
    public void TryApply_EveryTruncation_AsPlain()
    {
        byte[] sample = Sample;
        for (int length = 0; length <= sample.Length; length++)
        {
            AssertAsPlain(Base, sample[..length], $"{length} bytes");
        }
    }

    [Fact]
    public void TryApply_EveryBitFlipped_AsPlain()
    {
        byte[] sample = Sample;
        for (int bit = 0; bit < sample.Length * 8; bit++)
        {
            byte[] flipped = [.. sample];
            flipped[bit >> 3] ^= (byte)(1 << (bit & 7));
            AssertAsPlain(Base, flipped, $"bit {bit}");
        }
    }

    [Fact]
    public void TryApply_RandomBytes_AsPlain()
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] instructions = new byte[random.Next(30)];
            random.NextBytes(instructions);
            AssertAsPlain(Base, [0xac, 0x02, (byte)random.Next(128), .. instructions], $"seed {seed}, delta {i}");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0x10000)]
    [InlineData(0xffffff)]
    public void TryApply_CopyWithSizeZeroOrLargest_AsPlain(int length)
    {
        byte[] source = new byte[0x1000010];
        source[17] = 1;
        byte[] script = new DeltaScript((ulong)source.Length, length == 0 ? 0x10000u : (uint)length).CopyOnce(16, (uint)length).Bytes;
        AssertAsPlain(source, script, $"length {length}");
    }

    [Fact]
    public void TryDecode_EveryFormOfCopy_ReadsOffsetAndLength()
    {
        byte[] operands = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77];
        for (int command = 0x80; command <= 0xff; command++)
        {
            byte[] bytes = [(byte)command, .. operands];
            uint offset = 0;
            uint length = 0;
            int used = 1;
            for (int bit = 0; bit < 7; bit++)
            {
                if ((command & (1 << bit)) != 0)
                {
                    uint value = bytes[used++];
                    offset |= bit < 4 ? value << (8 * bit) : 0;
                    length |= bit < 4 ? 0 : value << (8 * (bit - 4));
                }
            }

            Assert.Equal(used, DeltaInstruction.TryDecode(bytes, out DeltaInstruction instruction));
            Assert.Equal(new DeltaInstruction(true, offset, length == 0 ? 0x10000 : length), instruction);
            for (int cut = 1; cut < used; cut++)
            {
                Assert.Equal(0, DeltaInstruction.TryDecode(bytes.AsSpan(0, cut), out _));
            }
        }
    }

    [Theory]
    [InlineData(0u, 1u, 1, true)]
    [InlineData(0u, 2u, 1, false)]
    [InlineData(0xffff_ffffu, 0xff_ffffu, int.MaxValue, false)]
    [InlineData(0xffff_ffffu, 1u, 0x1_0000_0000L, true)]
    public void ReadsWithin_Bounds_NoOverflow(uint offset, uint length, long size, bool within) =>
        Assert.Equal(within, new DeltaInstruction(true, offset, length).ReadsWithin(size));

    [Theory]
    [InlineData(new byte[] { 0x05 }, 5)]
    [InlineData(new byte[] { 0x85, 0x80, 0x00 }, 5)]
    [InlineData(new byte[] { 0x85, 0x80 }, 5)]
    [InlineData(new byte[] { 0x85, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00 }, 5)]
    [InlineData(new byte[] { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f }, long.MaxValue)]
    [InlineData(new byte[] { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01 }, -1)]
    [InlineData(new byte[] { }, -1)]
    public void TryReadSize_CutOffOrPadded_AsGit(byte[] bytes, long expected)
    {
        int at = 0;
        bool read = Delta.TryReadSize(bytes, ref at, out long size);
        Assert.Equal(expected >= 0, read);
        if (read)
        {
            Assert.Equal((expected, bytes.Length), (size, at));
        }
    }

    // The result size that the instructions make, so that most random deltas are right.
    private static byte[] WithRealSize(int baseSize, byte[] delta)
    {
        int at = 0;
        Assert.True(Delta.TryReadSize(delta, ref at, out _) && Delta.TryReadSize(delta, ref at, out _));
        ulong made = 0;
        for (int place = at; place < delta.Length;)
        {
            int length = DeltaInstruction.TryDecode(delta.AsSpan(place), out DeltaInstruction instruction);
            made += instruction.Length;
            place += length + (instruction.IsCopy ? 0 : (int)instruction.Length);
        }

        return new DeltaScript((ulong)baseSize, made).Raw(delta.AsSpan(at)).Bytes;
    }

    private static void AssertAsPlain(byte[] source, byte[] delta, string what)
    {
        byte[]? expected = PlainDelta.Apply(source, delta);
        bool decodes = Delta.TryDecode(delta, out Delta decoded);
        if (!decodes || decoded.ResultSize > 100_000_000)
        {
            Assert.True(expected is null, what);
            return;
        }

        byte[] result = new byte[decoded.ResultSize];
        bool applied = decoded.TryApply(source, result);
        Assert.True(applied == expected is not null, $"{what}: {applied}");
        Assert.True(expected is null || expected.AsSpan().SequenceEqual(result), what);
        Assert.True(expected is null || decoded.MakesItsSize(), what);
        Assert.True(decoded.BaseSize != source.Length || decoded.MakesItsSize() == expected is not null, what);
    }
}
