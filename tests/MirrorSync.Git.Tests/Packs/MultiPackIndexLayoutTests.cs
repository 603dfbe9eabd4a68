using System.Buffers.Binary;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Git.Tests.Packs;

public class MultiPackIndexLayoutTests
{
    private const int HeadLength = 12;
    private const int Row = 12;

    [Theory]
    [InlineData(ObjectFormat.Sha1)]
    [InlineData(ObjectFormat.Sha256)]
    public void TryDecode_WholeIndex_PartsAreFound(ObjectFormat format)
    {
        byte[] bytes = Build(format, count: 3, ["pack-a.idx", "pack-b.idx"]);

        Assert.Equal(MultiPackIndexFault.None, MultiPackIndexLayout.TryDecode(bytes, bytes.Length, format, out MultiPackIndexLayout layout));

        Assert.Equal((2u, 3u), (layout.Packs, layout.Count));
        Assert.Equal(MultiPackIndexFault.None, layout.TryReadPackNames(bytes.AsSpan((int)layout.PackNames, (int)layout.PackNamesLength), out string[] names));
        Assert.Equal(["pack-a", "pack-b"], names);
        uint[] fanout = new uint[PackIndexLayout.FanoutEntries];
        Assert.Equal(MultiPackIndexFault.None, layout.TryReadFanout(bytes.AsSpan((int)layout.Fanout), fanout));
        Assert.Equal((0u, 1u, 3u, 3u), (fanout[0], fanout[1], fanout[3], fanout[255]));
        for (uint i = 0; i < 3; i++)
        {
            Assert.Equal(i + 1, bytes[layout.Ids + (i * format.RawLength())]);
            Assert.Equal(i % 2, BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan((int)layout.PackNumber(i))));
        }
    }

    [Fact]
    public void TryDecode_EveryTruncation_IsRefused()
    {
        byte[] bytes = Build(ObjectFormat.Sha1, count: 3, ["pack-a.idx", "pack-b.idx"]);
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.NotEqual(MultiPackIndexFault.None, MultiPackIndexLayout.TryDecode(bytes.AsSpan(0, length), length, ObjectFormat.Sha1, out _));
        }
    }

    [Fact]
    public void TryDecode_EveryBitFlipped_NothingLiesOutside()
    {
        byte[] sound = Build(ObjectFormat.Sha1, count: 3, ["pack-a.idx", "pack-b.idx"]);
        uint[] fanout = new uint[PackIndexLayout.FanoutEntries];
        int refused = 0;
        for (int bit = 0; bit < 8 * sound.Length; bit++)
        {
            byte[] bytes = [.. sound];
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            if (MultiPackIndexLayout.TryDecode(bytes, bytes.Length, ObjectFormat.Sha1, out MultiPackIndexLayout layout) != MultiPackIndexFault.None)
            {
                refused++;
                continue;
            }

            int end = bytes.Length - 20;
            Assert.InRange(layout.PackNames + layout.PackNamesLength, 0, end);
            Assert.InRange(layout.Ids + (20L * layout.Count), 0, end);
            Assert.InRange(layout.PackNumber(layout.Count), 0, end);
            bool named = layout.TryReadPackNames(bytes.AsSpan((int)layout.PackNames, (int)layout.PackNamesLength), out string[] names) == MultiPackIndexFault.None;
            Assert.Equal(named ? layout.Packs : 0, (uint)names.Length);
            if (layout.TryReadFanout(bytes.AsSpan((int)layout.Fanout, 1024), fanout) == MultiPackIndexFault.None)
            {
                Assert.Equal(layout.Count, fanout[^1]);
                Assert.Equal(fanout.Order(), fanout);
            }
        }

        Assert.True(refused > 300);
    }

    [Theory]
    [InlineData(0, MultiPackIndexFault.Signature)]
    [InlineData(4, MultiPackIndexFault.Version)]
    [InlineData(5, MultiPackIndexFault.ObjectFormat)]
    [InlineData(7, MultiPackIndexFault.Chain)]
    [InlineData(HeadLength, MultiPackIndexFault.Chunks)]
    public void TryDecode_OtherHead_IsToldApart(int at, MultiPackIndexFault fault)
    {
        byte[] bytes = Build(ObjectFormat.Sha1, count: 3, ["pack-a.idx"]);
        bytes[at] ^= 2;
        Assert.Equal(fault, MultiPackIndexLayout.TryDecode(bytes, bytes.Length, ObjectFormat.Sha1, out _));
    }

    [Theory]
    [InlineData("pack-a.txt")]
    [InlineData("../a.idx")]
    [InlineData(".idx")]
    public void TryReadPackNames_NoNameOfAPack_IsRefused(string name)
    {
        byte[] bytes = Build(ObjectFormat.Sha1, count: 3, [name]);
        Assert.Equal(MultiPackIndexFault.None, MultiPackIndexLayout.TryDecode(bytes, bytes.Length, ObjectFormat.Sha1, out MultiPackIndexLayout layout));
        Assert.Equal(
            MultiPackIndexFault.PackNames,
            layout.TryReadPackNames(bytes.AsSpan((int)layout.PackNames, (int)layout.PackNamesLength), out _));
    }

    /// <summary>An index of ids that begin with 1, 2, ..., in packs that take turns; its checksum is all zeros.</summary>
    private static byte[] Build(ObjectFormat format, int count, string[] packs)
    {
        byte[] names = Encoding.ASCII.GetBytes(string.Concat(packs.Select(static p => p + "\0")));
        Array.Resize(ref names, (names.Length + 3) / 4 * 4);
        byte[] fanout = new byte[1024];
        byte[] ids = new byte[count * format.RawLength()];
        byte[] places = new byte[count * 8];
        for (int i = 0; i < 256; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(fanout.AsSpan(4 * i), Math.Min(i, count));
        }

        for (int i = 0; i < count; i++)
        {
            ids[i * format.RawLength()] = (byte)(i + 1);
            BinaryPrimitives.WriteInt32BigEndian(places.AsSpan(8 * i), i % packs.Length);
            BinaryPrimitives.WriteInt32BigEndian(places.AsSpan((8 * i) + 4), 100 + i);
        }

        (string Id, byte[] Bytes)[] chunks = [("PNAM", names), ("OIDF", fanout), ("OIDL", ids), ("OOFF", places), ("RIDX", new byte[4 * count])];
        byte[] head = [.. "MIDX"u8, 1, (byte)(format == ObjectFormat.Sha256 ? 2 : 1), (byte)chunks.Length, 0, 0, 0, 0, (byte)packs.Length];
        byte[] table = new byte[(chunks.Length + 1) * Row];
        long offset = head.Length + table.Length;
        for (int i = 0; i <= chunks.Length; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(table.AsSpan((i * Row) + 4), offset);
            if (i < chunks.Length)
            {
                Encoding.ASCII.GetBytes(chunks[i].Id).CopyTo(table, i * Row);
                offset += chunks[i].Bytes.Length;
            }
        }

        return [.. head, .. table, .. chunks.SelectMany(static c => c.Bytes), .. new byte[format.RawLength()]];
    }
}
