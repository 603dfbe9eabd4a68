using System.Text;
using MirrorSync.Git.Packs;

namespace MirrorSync.Git.Tests.Packs;

/// <summary>Deltas that are made, read again by the decoder; git takes them in the tests of packs.</summary>
public sealed class DeltaEncoderTests
{
    private readonly DeltaIndex index = new();

    [Fact]
    public void TryEncode_RandomEdits_MakesTheTarget()
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        for (int i = 0; i < 2000; i++)
        {
            byte[] source = Content(random);
            byte[] target = random.Next(10) == 0 ? Content(random) : Edited(random, source);
            AssertMakes(source, target, $"seed {seed}, pair {i}");
        }
    }

    [Fact]
    public void TryEncode_SmallEditOfAText_IsSmall()
    {
        string text = string.Concat(Enumerable.Range(0, 2000).Select(static i => $"    line {i} of a text\n"));
        byte[] source = Encoding.ASCII.GetBytes(text);
        byte[] target = Encoding.ASCII.GetBytes(text
            .Replace("line 100 ", "another line ", StringComparison.Ordinal)
            .Replace("line 1900 ", string.Empty, StringComparison.Ordinal));
        Assert.InRange(AssertMakes(source, target, "edits"), 4, 80);
        Assert.InRange(AssertMakes(source, source, "itself"), 4, 20);
        byte[] turned = [.. source[20_000..], .. source[..20_000]];
        Assert.InRange(AssertMakes(source, turned, "turned"), 4, 40);
    }

    [Fact]
    public void TryEncode_OneEntryOfATree_IsAboutThatEntry()
    {
        Random random = new(1);
        byte[] source = new byte[300 * 40];
        random.NextBytes(source);
        byte[] target = [.. source];
        random.NextBytes(target.AsSpan(150 * 40, 20));
        Assert.InRange(AssertMakes(source, target, "tree"), 20, 40);
    }

    [Theory]
    [InlineData(1 << 20)]
    [InlineData(70_000)]
    [InlineData(17)]
    public void TryEncode_BytesOfMuchRepetition_MakesTheTarget(int length)
    {
        byte[] zeros = new byte[length];
        byte[] pattern = [.. Enumerable.Range(0, length).Select(static i => (byte)(i % 24 == 0 ? 1 : 0))];
        AssertMakes(zeros, zeros[..^1], "zeros");
        AssertMakes(zeros, pattern, "pattern of zeros");
        AssertMakes(pattern, zeros, "zeros of a pattern");
        AssertMakes(pattern, [7, .. pattern, 9, .. pattern], "twice");
    }

    [Fact]
    public void TryEncode_EveryRoom_FitsOrSaysThatItDoesNot()
    {
        Random random = new(2);
        byte[] source = Content(random);
        byte[] target = Edited(random, source);
        byte[] room = new byte[target.Length * 2];
        Assert.True(DeltaEncoder.TryEncode(index, source, target, room, out int needed));
        byte[] whole = room[..needed];
        for (int length = 0; length < needed + 3; length++)
        {
            room.AsSpan().Fill(0xee);
            bool fits = DeltaEncoder.TryEncode(index, source, target, room.AsSpan(0, length), out int made);
            Assert.Equal(length >= needed, fits);
            Assert.False(room.AsSpan(length).ContainsAnyExcept((byte)0xee));
            Assert.True(!fits || room.AsSpan(0, made).SequenceEqual(whole));
        }
    }

    [Fact]
    public void TryEncode_NothingOfNothing_IsNoDelta()
    {
        Assert.False(DeltaEncoder.TryEncode(index, [], new byte[20], new byte[100], out _));
        Assert.False(DeltaEncoder.TryEncode(index, new byte[20], [], new byte[100], out _));
    }

    [Fact]
    public void EncodeOffsetDelta_EveryLength_IsDecodedAgain()
    {
        byte[] head = new byte[PackEntryHeader.MaxLength];
        for (int bits = 0; bits < 56; bits++)
        {
            foreach (long distance in new[] { 1L << bits, (1L << bits) + 1, (2L << bits) - 1 })
            {
                int length = PackEntryHeader.EncodeOffsetDelta(bits * 1000, distance, head);
                Assert.Equal(PackFault.None, PackEntryHeader.TryDecode(head.AsSpan(0, length), out PackEntryHeader decoded));
                Assert.Equal(new PackEntryHeader(PackEntryType.OffsetDelta, bits * 1000, distance, length), decoded);
            }
        }
    }

    private int AssertMakes(byte[] source, byte[] target, string what)
    {
        byte[] room = new byte[(target.Length * 2) + 64];
        if (!DeltaEncoder.TryEncode(index, source, target, room, out int length))
        {
            Assert.True(source.Length == 0 || target.Length == 0, what);
            return 0;
        }

        Assert.True(Delta.TryDecode(room.AsSpan(0, length), out Delta delta), what);
        Assert.True(delta.BaseSize == source.Length && delta.ResultSize == target.Length && delta.MakesItsSize(), what);
        byte[] made = new byte[target.Length];
        Assert.True(delta.TryApply(source, made) && made.AsSpan().SequenceEqual(target), what);
        return length;
    }

    private static byte[] Content(Random random)
    {
        byte[] bytes = new byte[random.Next(random.Next(20) == 0 ? 200_000 : 2_000)];
        random.NextBytes(bytes);
        if (random.Next(3) == 0)
        {
            // Few different bytes, so that blocks are equal by chance.
            for (int i = 0; i < bytes.Length; i++)
            {
                bytes[i] &= 1;
            }
        }

        return bytes;
    }

    private static byte[] Edited(Random random, byte[] source)
    {
        List<byte> target = [.. source];
        for (int i = random.Next(5); i >= 0; i--)
        {
            int at = random.Next(target.Count + 1);
            int length = random.Next(Math.Min(300, target.Count - at + 1));
            switch (random.Next(3))
            {
                case 0:
                    target.RemoveRange(at, length);
                    break;
                case 1:
                    target.InsertRange(at, target.GetRange(random.Next(target.Count - length + 1), length));
                    break;
                default:
                    byte[] inserted = new byte[random.Next(200)];
                    random.NextBytes(inserted);
                    target.InsertRange(at, inserted);
                    break;
            }
        }

        return [.. target];
    }
}
