using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Git.Tests.Sketches;

public class SketchDecoderTests
{
    [Theory]
    [InlineData(0, ObjectFormat.Sha1)]
    [InlineData(1, ObjectFormat.Sha1)]
    [InlineData(2, ObjectFormat.Sha256)]
    [InlineData(10, ObjectFormat.Sha1)]
    [InlineData(100, ObjectFormat.Sha256)]
    [InlineData(1_000, ObjectFormat.Sha1)]
    [InlineData(10_000, ObjectFormat.Sha256)]
    public void Add_DifferencesOnBothSides_NamesAllOfThem(int differences, ObjectFormat format)
    {
        for (int seed = 0; seed < (differences > 1000 ? 2 : 10); seed++)
        {
            ObjectId[] ids = new MadeIds(seed).Take(3000 + differences, format);
            int onlyOurs = seed * differences / 9;
            ObjectId[] both = ids[differences..];
            ObjectId[] a = ids[..onlyOurs];
            ObjectId[] b = ids[onlyOurs..differences];
            int cells = 64 + (differences * 2);
            Sketch difference = MadeIds.SketchOf([.. both, .. a], cells);
            difference.Subtract(MadeIds.SketchOf([.. both, .. b], cells));
            SketchDecoder decoder = new(MadeIds.Key);
            for (int i = 0; !decoder.IsComplete && i < cells; i++)
            {
                decoder.Add(difference.Cells.Slice(i, 1));
            }

            Assert.True(decoder.IsComplete, $"seed {seed}");
            Assert.Equal(a.Order(), decoder.OnlyOurs.Order());
            Assert.Equal(b.Order(), decoder.OnlyTheirs.Order());
            Assert.True(differences < 100 || decoder.Count < differences * 1.7, $"seed {seed}: {decoder.Count} cells");
        }
    }

    [Fact]
    public void Add_CellsInPieces_NamesTheSameAfterTheSameCells()
    {
        ObjectId[] ids = new MadeIds(1).Take(500, ObjectFormat.Sha1);
        Sketch difference = MadeIds.SketchOf(ids, 1000);
        SketchDecoder single = new(MadeIds.Key);
        int needed = 0;
        while (!single.Add(difference.Cells.Slice(needed++, 1)))
        {
        }

        SketchDecoder atOnce = new(MadeIds.Key);
        SketchDecoder oneShort = new(MadeIds.Key);
        SketchDecoder pieces = new(MadeIds.Key);
        for (int i = 0; i < needed; i += 7)
        {
            pieces.Add(difference.Cells[i..Math.Min(needed, i + 7)]);
        }

        Assert.True(atOnce.Add(difference.Cells));
        Assert.False(oneShort.Add(difference.Cells[..(needed - 1)]));
        Assert.Equal(ids.Order(), atOnce.OnlyOurs.Order());
        Assert.True(pieces.IsComplete);
        Assert.Equal(ids.Order(), pieces.OnlyOurs.Order());
    }

    [Fact]
    public void Add_OneDifference_CellZeroNamesIt()
    {
        ObjectId[] ids = new MadeIds(2).Take(1000, ObjectFormat.Sha256);
        Sketch difference = MadeIds.SketchOf(ids.Skip(1), 1);
        difference.Subtract(MadeIds.SketchOf(ids, 1));
        SketchDecoder decoder = new(MadeIds.Key);

        Assert.True(decoder.Add(difference.Cells));
        Assert.Equal(ids[..1], decoder.OnlyTheirs);
        Assert.Empty(decoder.OnlyOurs);
    }

    [Fact]
    public void Add_BeyondTheLimit_TooManyDifferences()
    {
        Sketch difference = MadeIds.SketchOf(new MadeIds(3).Take(200, ObjectFormat.Sha1), 200);
        SketchDecoder decoder = new(MadeIds.Key, maxCells: 150);

        Assert.False(decoder.Add(difference.Cells));
        Assert.Equal(SketchFault.TooManyDifferences, decoder.Fault);
        Assert.Equal(150, decoder.Count);
    }

    [Fact]
    public void Add_IdAddedTwice_IsNotNamed()
    {
        ObjectId[] ids = new MadeIds(4).Take(1, ObjectFormat.Sha1);
        SketchDecoder decoder = new(MadeIds.Key);

        Assert.False(decoder.Add(MadeIds.SketchOf([ids[0], ids[0]], 100).Cells));
        Assert.False(decoder.IsComplete);
        Assert.Empty(decoder.OnlyOurs);
    }

    [Fact]
    public void Add_OtherKeys_NamesNothingAndEnds()
    {
        ObjectId[] ids = new MadeIds(5).Take(1000, ObjectFormat.Sha1);
        Sketch theirs = new(default, 0, 4000);
        theirs.Add(ids);
        SketchDecoder decoder = new(MadeIds.Key);
        decoder.Add(theirs.Cells);

        Assert.False(decoder.IsComplete);
        Assert.Empty(decoder.OnlyOurs);
        Assert.Empty(decoder.OnlyTheirs);
    }

    // Whoever has the key can make cells that look pure: one that peels for ever, were nothing bounded.
    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void Add_EveryCellLooksPure_Inconsistent(int sign)
    {
        ObjectId[] ids = new MadeIds(6).Take(5000, ObjectFormat.Sha1);
        SketchCell[] cells = [.. ids.Select(id => new SketchCell(id, MadeIds.Key.Checksum(id), sign))];
        SketchDecoder decoder = new(MadeIds.Key);
        decoder.Add(cells);

        Assert.Equal(SketchFault.Inconsistent, decoder.Fault);
        Assert.False(decoder.IsComplete);
        Assert.True(decoder.OnlyOurs.Count + decoder.OnlyTheirs.Count <= cells.Length);
    }

    [Fact]
    public void Add_SameIdPureInTwoCells_Inconsistent()
    {
        // One id of which a cell that is not its own claims that it holds it: it peels, and leaves what peels again.
        ObjectId id = new MadeIds(7).Take(1, ObjectFormat.Sha1)[0];
        SketchMapping mapping = new(MadeIds.Key.Checksum(id));
        HashSet<int> own = [];
        for (; mapping.Cell < 100; mapping = mapping.Next())
        {
            own.Add(mapping.Cell);
        }

        SketchCell[] cells = MadeIds.SketchOf([id], 100).Cells.ToArray();
        int other = Enumerable.Range(0, 100).First(i => !own.Contains(i));
        cells[other] = cells[0];
        SketchDecoder decoder = new(MadeIds.Key);
        decoder.Add(cells);

        Assert.Equal(SketchFault.Inconsistent, decoder.Fault);
    }

    [Fact]
    public void Add_CellZeroEmptyAndOthersNot_Inconsistent()
    {
        SketchCell[] cells = MadeIds.SketchOf(new MadeIds(8).Take(10, ObjectFormat.Sha1), 5).Cells.ToArray();
        cells[0] = default;
        SketchDecoder decoder = new(MadeIds.Key);

        Assert.False(decoder.Add(cells));
        Assert.Equal(SketchFault.Inconsistent, decoder.Fault);
    }

    [Fact]
    public void Add_RandomCells_EndsWithoutAName()
    {
        Random random = new(9);
        for (int round = 0; round < 100; round++)
        {
            SketchCell[] cells = new SketchCell[200];
            byte[] raw = new byte[20];
            for (int i = 0; i < cells.Length; i++)
            {
                random.NextBytes(raw);
                cells[i] = new SketchCell(ObjectId.FromRaw(raw), (ulong)random.NextInt64(), random.Next(-2, 3));
            }

            SketchDecoder decoder = new(MadeIds.Key);
            Assert.False(decoder.Add(cells));
            Assert.Empty(decoder.OnlyOurs);
        }
    }
}
