using System.Buffers.Binary;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Git.Tests.Packs;

public class PackIndexLayoutTests
{
    private readonly uint[] fanout = new uint[PackIndexLayout.FanoutEntries];

    [Theory]
    [InlineData(1, ObjectFormat.Sha1, 0)]
    [InlineData(1, ObjectFormat.Sha256, 3)]
    [InlineData(2, ObjectFormat.Sha1, 0)]
    [InlineData(2, ObjectFormat.Sha1, 3)]
    [InlineData(2, ObjectFormat.Sha256, 3)]
    [InlineData(2, ObjectFormat.Sha1, uint.MaxValue)]
    public void TryDecode_LengthOfItsCount_PartsFollowEachOther(int version, ObjectFormat format, uint count)
    {
        int id = format.RawLength();
        long length = Length(version, format, count);
        uint large = version == 2 && count > 0 ? count - 1 : 0;

        Assert.Equal(PackIndexFault.None, Decode(Head(version, count), length + (8L * large), format, out PackIndexLayout layout));

        Assert.Equal((version, count, large), (layout.Version, layout.Count, layout.LargeOffsets));
        Assert.Equal(length + (8L * large), layout.IndexChecksum + id);
        Assert.Equal(count, fanout[^1]);
        if (version == 1)
        {
            Assert.Equal(1024, layout.Offset(0));
            Assert.Equal(1028, layout.Id(0));
            Assert.Equal(layout.PackChecksum, layout.Offset(count));
        }
        else
        {
            Assert.Equal(1032, layout.Id(0));
            Assert.Equal(layout.Crc(0), layout.Id(0) + ((long)count * id));
            Assert.Equal(layout.Offset(0), layout.Crc(0) + ((long)count * 4));
            Assert.Equal(layout.LargeOffset(0), layout.Offset(0) + ((long)count * 4));
            Assert.Equal(layout.PackChecksum, layout.LargeOffset(large));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void TryDecode_AnyOtherLength_IsRefused(int version)
    {
        long right = Length(version, ObjectFormat.Sha1, 3);
        for (long length = 0; length < right + 100; length++)
        {
            bool may = length == right || (version == 2 && (length == right + 8 || length == right + 16));
            Assert.Equal(may, Decode(Head(version, 3), length, ObjectFormat.Sha1, out _) == PackIndexFault.None);
        }
    }

    [Fact]
    public void TryDecode_MalformedHead_IsToldApart()
    {
        byte[] head = Head(2, 3);
        long length = Length(2, ObjectFormat.Sha1, 3);
        Assert.Equal(PackIndexFault.Truncated, Decode(head[..^1], length, ObjectFormat.Sha1, out _));

        byte[] version3 = [.. head];
        version3[7] = 3;
        Assert.Equal(PackIndexFault.Version, Decode(version3, length, ObjectFormat.Sha1, out _));

        byte[] down = [.. head];
        down[8 + 3] = 4;
        Assert.Equal(PackIndexFault.Fanout, Decode(down, length, ObjectFormat.Sha1, out _));

        byte[] more = [.. head];
        more[^1] = 4;
        Assert.Equal(PackIndexFault.Length, Decode(more, length, ObjectFormat.Sha1, out _));
    }

    private PackIndexFault Decode(byte[] head, long length, ObjectFormat format, out PackIndexLayout layout) =>
        PackIndexLayout.TryDecode(head, length, format, fanout, out layout);

    private static long Length(int version, ObjectFormat format, uint count) =>
        (version == 1 ? 1024 : 1032) + ((long)count * (format.RawLength() + (version == 1 ? 4 : 8))) + (2 * format.RawLength());

    /// <summary>A head in which every id begins with 0x80.</summary>
    private static byte[] Head(int version, uint count)
    {
        byte[] head = new byte[PackIndexLayout.HeadLength];
        int at = 0;
        if (version == 2)
        {
            new byte[] { 0xff, (byte)'t', (byte)'O', (byte)'c', 0, 0, 0, 2 }.CopyTo(head, 0);
            at = 8;
        }

        for (int i = 0x80; i < 256; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(head.AsSpan(at + (4 * i)), count);
        }

        return head;
    }
}
