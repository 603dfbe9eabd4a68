using System.Security.Cryptography;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Git.Tests.Sketches;

public class SketchTests
{
    // Fixed for ever: all nodes of a fleet must come to the same cells. Made with another implementation, in Python.
    [Fact]
    public void Next_FixedChecksums_GoldenCells()
    {
        Assert.Equal("0 3 5 6 43 46 57 63 134 155 714 920", CellsOf(0));
        Assert.Equal("0 1 4 31 43 59 123 354 514 609 1344 1742", CellsOf(1));
        Assert.Equal("0 1 5 6 11 12 13 27 41 266 289 655", CellsOf(0x0123456789abcdef));
    }

    [Theory]
    [InlineData(ObjectFormat.Sha1, "51b40e134b2eb7e30a5a6a01621e07675e292e320ad0d5bfed96b1496ddfec17")]
    [InlineData(ObjectFormat.Sha256, "a74c68e6eb11f063ddfe2c62cda2165f5771b843ba4addac215ab920a8097771")]
    public void Add_FixedIds_GoldenCells(ObjectFormat format, string golden)
    {
        // No generator of the framework: golden values stay.
        IEnumerable<ObjectId> ids = Enumerable.Range(0, 1000)
            .Select(i => ObjectId.FromRaw(SHA256.HashData(BitConverter.GetBytes(i)).AsSpan(0, format.RawLength())));
        System.Buffers.ArrayBufferWriter<byte> bytes = new();
        SketchCodec.Write(bytes, MadeIds.SketchOf(ids, 500), 1000, format);

        Assert.Equal(golden, Convert.ToHexStringLower(SHA256.HashData(bytes.WrittenSpan)));
    }

    [Fact]
    public void Next_ManyIds_EachCellWithItsChance()
    {
        const int ids = 200_000;
        int[] hits = new int[1000];
        foreach (ObjectId id in new MadeIds(2).Take(ids, ObjectFormat.Sha1))
        {
            SketchMapping mapping = new(MadeIds.Key.Checksum(id));
            int last = -1;
            for (; mapping.Cell < hits.Length; mapping = mapping.Next())
            {
                Assert.True(mapping.Cell > last);
                last = mapping.Cell;
                hits[last]++;
            }
        }

        for (int i = 0; i < hits.Length; i++)
        {
            double chance = 1 / (1 + (i / 2.0));
            double deviation = Math.Sqrt(ids * chance * (1 - chance));
            // Of a thousand cells none lies beyond five deviations; the ids are fixed, so this is no matter of luck.
            Assert.InRange(hits[i], (ids * chance) - (5 * deviation), (ids * chance) + (5 * deviation));
        }
    }

    [Fact]
    public void MoveAll_ManyIds_AreTheCellsOfEachAlone()
    {
        // No multiple of eight: some take the other way.
        ulong[] states = [.. new MadeIds(12).Take(1003, ObjectFormat.Sha1).Select(static id => MadeIds.Key.Checksum(id))];
        SketchMapping[] alone = [.. states.Select(static s => new SketchMapping(s))];
        long[] cells = new long[states.Length];
        for (int step = 0; step < 60; step++)
        {
            SketchMapping.MoveAll(states, cells);
            alone = [.. alone.Select(static m => m.Next())];
            Assert.Equal(alone.Select(static m => (long)m.Cell), cells);
        }

        Assert.Contains(int.MaxValue, cells);
    }

    [Fact]
    public void Next_ToTheEnd_StopsBeyondEverySketch()
    {
        SketchMapping mapping = new(7);
        int steps = 0;
        for (; mapping.Cell < int.MaxValue; mapping = mapping.Next())
        {
            Assert.True(++steps < 1000);
        }
    }

    [Fact]
    public void Remove_WhatWasAdded_LeavesTheCellsBefore()
    {
        ObjectId[] ids = new MadeIds(3).Take(100, ObjectFormat.Sha256);
        Sketch sketch = MadeIds.SketchOf(ids, 64);
        sketch.Remove(ids[40]);

        Assert.Equal(MadeIds.SketchOf(ids.Where(i => i != ids[40]), 64).Cells, sketch.Cells);
    }

    [Fact]
    public void CellZero_KeptByItself_IsTheSketchs()
    {
        ObjectId[] ids = new MadeIds(4).Take(50, ObjectFormat.Sha1);
        SketchCell cell = default;
        foreach (ObjectId id in ids)
        {
            cell = cell.With(MadeIds.Key, id);
        }

        Assert.Equal(MadeIds.SketchOf(ids, 1).Cells[0], cell);
        Assert.Equal(MadeIds.SketchOf(ids.Skip(1), 1).Cells[0], cell.Without(MadeIds.Key, ids[0]));
        Assert.True((cell - cell).IsEmpty);
    }

    [Fact]
    public void Merge_PartsOfASet_AreTheWhole()
    {
        ObjectId[] ids = new MadeIds(5).Take(1000, ObjectFormat.Sha1);
        Sketch sketch = MadeIds.SketchOf(ids.Take(400), 128);
        sketch.Merge(MadeIds.SketchOf(ids.Skip(400), 128));

        Assert.Equal(MadeIds.SketchOf(ids, 128).Cells, sketch.Cells);
    }

    [Fact]
    public void Extend_FurtherCells_AreThoseOfALongerSketch()
    {
        ObjectId[] ids = new MadeIds(6).Take(1000, ObjectFormat.Sha1);
        Sketch whole = MadeIds.SketchOf(ids, 300);
        Sketch extended = MadeIds.SketchOf(ids, 100).Extend(MadeIds.SketchOf(ids, 200, first: 100));

        Assert.Equal(whole.Cells, extended.Cells);
        Assert.Equal(whole.Cells[120..150], extended.Slice(120, 30).Cells);
    }

    [Fact]
    public void MergeSubtractExtend_OtherCellsOrKey_Throw()
    {
        Sketch sketch = new(MadeIds.Key, 0, 10);
        Sketch otherKey = new(default, 0, 10);

        Assert.Throws<ArgumentException>(() => sketch.Merge(new Sketch(MadeIds.Key, 0, 11)));
        Assert.Throws<ArgumentException>(() => sketch.Subtract(new Sketch(MadeIds.Key, 1, 10)));
        Assert.Throws<ArgumentException>(() => sketch.Subtract(otherKey));
        Assert.Throws<ArgumentException>(() => sketch.Extend(new Sketch(MadeIds.Key, 11, 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sketch(MadeIds.Key, 1, Sketch.MaxCells));
    }

    private static string CellsOf(ulong checksum)
    {
        SketchMapping mapping = new(checksum);
        List<int> cells = [];
        for (; cells.Count < 12; mapping = mapping.Next())
        {
            cells.Add(mapping.Cell);
        }

        return string.Join(' ', cells);
    }
}
