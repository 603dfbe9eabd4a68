using System.Buffers.Binary;
using System.Text;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Objects.Store;
using MirrorSync.Testing;

namespace MirrorSync.Storage.Tests.Objects.Store;

/// <summary>Finding ids in indexes of many objects, evenly spread or not.</summary>
public sealed class PackIndexFileTests : IDisposable
{
    // More ids with the same first byte than one reading takes.
    private const int Count = 60_000;

    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(1, ObjectFormat.Sha1, false, 0)]
    [InlineData(2, ObjectFormat.Sha1, false, 0)]
    [InlineData(2, ObjectFormat.Sha256, false, 0)]
    [InlineData(1, ObjectFormat.Sha1, true, 0)]
    [InlineData(2, ObjectFormat.Sha1, true, 0)]
    [InlineData(2, ObjectFormat.Sha256, true, 0)]
    [InlineData(1, ObjectFormat.Sha1, false, 1 << 24)]
    [InlineData(2, ObjectFormat.Sha1, false, 1 << 24)]
    [InlineData(2, ObjectFormat.Sha256, true, 1 << 24)]
    [InlineData(1, ObjectFormat.Sha1, true, 1 << 24)]
    public void FindOffset_ManyIds_FindsAllAndNoOther(int version, ObjectFormat format, bool clustered, int memory)
    {
        // Even numbers are in the index, odd ones are not; each lies beside the other.
        ObjectId[] present = [.. Enumerable.Range(0, Count).Select(i => MakeId(format, 2 * i, clustered))];
        WriteIndex(format, version, present.Select(static (id, i) => (id, (uint)i)));
        KeptIndexes kept = new(memory);
        PackIndexFile index = Open(format, kept);

        Assert.Equal((uint)Count, index.Count);
        for (int i = 0; i < Count; i += clustered ? 7 : 1)
        {
            Assert.Equal(StoreAnswer.Found, index.FindOffset(present[i], out long offset));
            Assert.Equal(i, offset);
            Assert.Equal(StoreAnswer.Absent, index.Find(MakeId(format, (2 * i) + 1, clustered)));
        }

        Assert.Equal(StoreAnswer.Absent, index.Find(ObjectId.Zero));
        byte[] last = new byte[format.RawLength()];
        last.AsSpan().Fill(0xff);
        Assert.Equal(StoreAnswer.Absent, index.Find(ObjectId.FromRaw(last)));
        Assert.Equal(memory > 0, kept.Held > 0);
        index.Ids.Retire();
        Assert.Equal(0, kept.Held);
    }

    [Fact]
    public void Find_EmptyIndex_FindsNothing()
    {
        WriteIndex(ObjectFormat.Sha1, 2, []);
        Assert.Equal(StoreAnswer.Absent, Open(ObjectFormat.Sha1, new KeptIndexes(0)).Find(MakeId(ObjectFormat.Sha1, 0, false)));
    }

    /// <summary>
    /// An id of a number. Clustered ones begin alike and lie close together, in heaps that grow: a guess by their leading
    /// bytes is far off.
    /// </summary>
    private static ObjectId MakeId(ObjectFormat format, int number, bool clustered)
    {
        byte[] bytes = new byte[format.RawLength()];
        if (clustered)
        {
            bytes[0] = 7;
            double place = Math.Pow((double)number / (2 * Count), 9);
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(1), (uint)(place * uint.MaxValue));
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(8), number);
        }
        else
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes, (ulong)((number >> 1) + 1) * 0x9e3779b97f4a7c15);
            bytes[^1] = (byte)(number & 1);
        }

        return ObjectId.FromRaw(bytes);
    }

    private void WriteIndex(ObjectFormat format, int version, IEnumerable<(ObjectId, uint)> entries) =>
        File.WriteAllBytes(folder["x.idx"], PackBuilder.Index(format, version, entries, new byte[format.RawLength()]));

    private PackIndexFile Open(ObjectFormat format, KeptIndexes memory)
    {
        using Microsoft.Win32.SafeHandles.SafeFileHandle handle = NativeFile.OpenFolder(folder.Path);
        Assert.Equal(Errno.None, NativeFile.Stat(handle, "x.idx"u8, followLink: false, out FileStamp stamp));
        StoreFile file = new(new OpenFiles(10), NativeFile.OpenFolder(folder.Path), Encoding.ASCII.GetBytes("x.idx"), folder["x.idx"], stamp);
        Assert.True(PackIndexFile.TryOpen(file, memory, format, ObjectId.Zero, out PackIndexFile? opened));
        return opened!;
    }
}
