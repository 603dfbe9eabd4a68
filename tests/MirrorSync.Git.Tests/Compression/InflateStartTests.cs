using MirrorSync.Git.Compression;
using MirrorSync.Testing.Packs;

namespace MirrorSync.Git.Tests.Compression;

/// <summary>Whatever is read of a stream's start is what the whole stream begins with.</summary>
public class InflateStartTests
{
    [Fact]
    public void Read_StreamsOfEveryLevel_IsTheirBeginning()
    {
        Random dice = new(7);
        int read = 0;
        int all = 0;
        for (int i = 0; i < 2000; i++)
        {
            byte[] content = new byte[dice.Next(0, 90)];
            dice.NextBytes(content);
            if (i % 3 == 0)
            {
                // Bytes that repeat, and such as have short codes and long ones.
                content.AsSpan(content.Length / 2).Fill((byte)i);
            }

            byte[] stream = ZlibBytes.Deflate(content, i % 10);
            byte[] room = new byte[dice.Next(1, 40)];
            int length = InflateStart.Read(stream, room);
            Assert.True(length <= content.Length, "more than there is");
            Assert.True(content.AsSpan(0, length).SequenceEqual(room.AsSpan(0, length)), "other bytes");
            read += length;
            all += Math.Min(content.Length, room.Length);
        }

        // Random bytes are stored, or of the fixed code.
        Assert.True(read > all / 2, $"{read} of {all}");
    }

    [Fact]
    public void Read_EveryTruncation_IsItsBeginning()
    {
        byte[] content = [1, 2, 200, 255, 144, 143, 0, 9, 8, 7, 77];
        foreach (int level in new[] { 0, 1, 9 })
        {
            byte[] stream = ZlibBytes.Deflate(content, level);
            for (int length = 0; length <= stream.Length; length++)
            {
                byte[] room = new byte[20];
                int read = InflateStart.Read(stream.AsSpan(0, length), room);
                Assert.InRange(read, 0, content.Length);
                Assert.Equal(content[..read], room[..read]);
                Assert.True(length < stream.Length || read == content.Length);
            }
        }
    }

    [Fact]
    public void Read_EveryBitFlipped_NeverOutOfBounds()
    {
        byte[] stream = ZlibBytes.Deflate([1, 2, 200, 255, 144, 143, 0, 9, 8, 7, 77], 9);
        for (int bit = 0; bit < 8 * stream.Length; bit++)
        {
            byte[] flipped = [.. stream];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.InRange(InflateStart.Read(flipped, new byte[8]), 0, 8);
        }

        Assert.Equal(0, InflateStart.Read(ZlibBytes.Deflate(new byte[5000], 9).AsSpan(2), new byte[8]));
    }
}
