using MirrorSync.Git.Packs;
using MirrorSync.Testing.Packs;

namespace MirrorSync.Git.Tests.Packs;

public sealed class PackEntryHeaderTests
{
    public static TheoryData<ulong> Sizes
    {
        get
        {
            TheoryData<ulong> sizes = [];
            for (int bit = 0; bit < 60; bit++)
            {
                sizes.Add(1ul << bit);
                sizes.Add((1ul << bit) - 1);
            }

            sizes.Add((1ul << 60) - 1);
            return sizes;
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void TryDecode_EverySizeOfEveryType_RoundTrips(ulong size)
    {
        foreach (PackEntryType type in new[] { PackEntryType.Commit, PackEntryType.Tree, PackEntryType.Blob, PackEntryType.Tag, PackEntryType.RefDelta })
        {
            byte[] encoded = new byte[PackEntryHeader.MaxLength];
            int length = PackEntryHeader.EncodeWhole(type, (long)size, encoded);

            Assert.Equal(Head((int)type, size), encoded[..length]);
            Assert.Equal(PackFault.None, PackEntryHeader.TryDecode(encoded, out PackEntryHeader header));
            Assert.Equal(new PackEntryHeader(type, (long)size, 0, length), header);
            AssertTruncated(encoded[..length]);
        }
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void TryDecode_EveryDistance_RoundTrips(ulong distance)
    {
        byte[] encoded = Head(PackPart.OffsetDelta, 1000, distance);
        PackFault fault = PackEntryHeader.TryDecode(encoded, out PackEntryHeader header);
        if (fault == PackFault.None)
        {
            Assert.Equal(new PackEntryHeader(PackEntryType.OffsetDelta, 1000, (long)distance, encoded.Length), header);
            AssertTruncated(encoded);
        }
        else
        {
            // No pack is of 2^56 bytes.
            Assert.Equal(PackFault.BaseOffset, fault);
            Assert.True(distance > 1ul << 56, $"{distance}");
        }
    }

    [Fact]
    public void TryDecode_SizePaddedWithZeros_IsRead()
    {
        for (int padding = 1; padding <= 8; padding++)
        {
            byte[] encoded = Head(3, 15, padding: padding);
            Assert.Equal(PackFault.None, PackEntryHeader.TryDecode(encoded, out PackEntryHeader header));
            Assert.Equal((15, padding + 1), (header.Size, header.Length));
        }
    }

    [Theory]
    [InlineData(1ul << 60, 0)]
    [InlineData(1ul << 63, 0)]
    [InlineData(ulong.MaxValue, 0)]
    [InlineData(15ul, 9)]
    [InlineData(15ul, 10)]
    [InlineData(15ul, 40)]
    [InlineData(1ul << 40, 3)]
    public void TryDecode_SizeThatOverflowsOrIsTooLong_IsFault(ulong size, int padding) =>
        Assert.Equal(PackFault.EntrySize, PackEntryHeader.TryDecode(Head(3, size, padding: padding), out _));

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public void TryDecode_UnknownType_IsFault(int type)
    {
        byte[] encoded = Head(type, 100_000);
        AssertTruncated(encoded);
        Assert.Equal(PackFault.EntryType, PackEntryHeader.TryDecode(encoded, out _));
    }

    [Fact]
    public void TryDecode_EndlessDistance_IsFault()
    {
        byte[] encoded = [0x60, .. Enumerable.Repeat((byte)0xff, 30), 0];
        Assert.Equal(PackFault.BaseOffset, PackEntryHeader.TryDecode(encoded, out _));
    }

    [Fact]
    public void TryDecode_RandomBytes_NeverReadsBeyond()
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        byte[] bytes = new byte[PackEntryHeader.MaxLength + 5];
        for (int i = 0; i < 100_000; i++)
        {
            random.NextBytes(bytes);
            PackFault fault = PackEntryHeader.TryDecode(bytes.AsSpan(0, random.Next(bytes.Length)), out PackEntryHeader header);
            Assert.True(fault != PackFault.None || (header.Size >= 0 && header.BaseDistance >= 0 && header.Length is > 0 and <= PackEntryHeader.MaxLength), $"seed {seed}");
        }
    }

    [Theory]
    [InlineData(2u, 0u)]
    [InlineData(3u, 17u)]
    [InlineData(2u, 0xffff_ffffu)]
    public void PackHeader_EncodedAndDecoded_RoundTrips(uint version, uint objects)
    {
        byte[] encoded = new byte[PackHeader.Length];
        new PackHeader(version, objects).Encode(encoded);
        Assert.Equal(new PackBuilder { Version = version, Count = objects }.Build()[..PackHeader.Length], encoded);
        Assert.Equal(PackFault.None, PackHeader.TryDecode(encoded, out PackHeader header));
        Assert.Equal(new PackHeader(version, objects), header);
        for (int length = 0; length < PackHeader.Length; length++)
        {
            Assert.Equal(PackFault.Truncated, PackHeader.TryDecode(encoded.AsSpan(0, length), out _));
        }
    }

    [Fact]
    public void PackHeader_EveryBitOfSignatureAndVersionFlipped_IsFault()
    {
        for (int bit = 0; bit < 64; bit++)
        {
            byte[] encoded = new byte[PackHeader.Length];
            new PackHeader(2, 1).Encode(encoded);
            encoded[bit >> 3] ^= (byte)(1 << (bit & 7));
            // Version 2 becomes 3 by its lowest bit.
            PackFault expected = bit < 32 ? PackFault.NotAPack : bit == 56 ? PackFault.None : PackFault.Version;
            Assert.Equal(expected, PackHeader.TryDecode(encoded, out _));
        }
    }

    private static void AssertTruncated(byte[] encoded)
    {
        for (int length = 0; length < encoded.Length; length++)
        {
            Assert.Equal(PackFault.Truncated, PackEntryHeader.TryDecode(encoded.AsSpan(0, length), out _));
        }
    }

    private static byte[] Head(int kind, ulong size, ulong distance = 0, int padding = 0)
    {
        using MemoryStream head = new();
        new PackPart { Kind = kind, Content = [], DeclaredSize = size, SizePadding = padding, Stream = [] }.WriteTo(head, distance);
        return head.ToArray();
    }
}
