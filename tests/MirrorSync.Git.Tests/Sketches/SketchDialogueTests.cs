using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Git.Tests.Sketches;

public class SketchDialogueTests
{
    private const int Both = 5000;

    [Fact]
    public void Take_EqualSets_OneCellProvesIt()
    {
        (SketchDialogue dialogue, _) = Talk(onlyOurs: 0, onlyTheirs: 0, seed: 1);

        Assert.True(dialogue.IsComplete);
        Assert.Equal(1, dialogue.RoundTrips);
        Assert.Equal(1, dialogue.Cells);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(0, 1)]
    [InlineData(0, 1000)]
    [InlineData(300, 0)]
    public void Take_OneSideLostIds_NamedInOneRoundTrip(int onlyOurs, int onlyTheirs)
    {
        for (int seed = 0; seed < 10; seed++)
        {
            (SketchDialogue dialogue, int most) = Talk(onlyOurs, onlyTheirs, seed);

            Assert.True(dialogue.IsComplete);
            Assert.Equal(1, dialogue.RoundTrips);
            Assert.Equal(most, dialogue.Cells);
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(50, 60)]
    [InlineData(500, 500)]
    [InlineData(2000, 1000)]
    public void Take_IdsDifferInBothDirections_AllNamedInFewRoundTrips(int onlyOurs, int onlyTheirs)
    {
        int roundTrips = 0;
        for (int seed = 0; seed < 10; seed++)
        {
            (SketchDialogue dialogue, _) = Talk(onlyOurs, onlyTheirs, seed);

            Assert.True(dialogue.IsComplete);
            Assert.InRange(dialogue.RoundTrips, 1, 6);
            Assert.InRange(dialogue.Cells, 1, 32 + ((onlyOurs + onlyTheirs) * 3));
            roundTrips += dialogue.RoundTrips;
        }

        Assert.InRange(roundTrips, 10, 35);
    }

    [Fact]
    public void Take_MoreDifferencesThanAllowed_Fault()
    {
        (SketchDialogue dialogue, _) = Talk(400, 400, seed: 1, maxCells: 500);

        Assert.False(dialogue.IsComplete);
        Assert.Equal(SketchFault.TooManyDifferences, dialogue.Fault);
        Assert.Null(dialogue.Next);
        Assert.Equal(500, dialogue.Cells);
    }

    [Fact]
    public void Take_OtherCellsThanAskedFor_Throws()
    {
        SketchDialogue dialogue = new(MadeIds.Key, ObjectFormat.Sha1, default);

        Assert.Throws<ArgumentException>(() => dialogue.Take(new Sketch(MadeIds.Key, 5, 5), new Sketch(MadeIds.Key, 5, 5)));
        Assert.Throws<ArgumentException>(() => dialogue.Take(new Sketch(MadeIds.Key, 0, 5), new Sketch(MadeIds.Key, 0, 6)));
    }

    [Fact]
    public void Take_OtherSideGivesNoMoreCells_Fault()
    {
        ObjectId[] ids = new MadeIds(1).Take(40, ObjectFormat.Sha1);
        SketchDialogue dialogue = new(MadeIds.Key, ObjectFormat.Sha1, MadeIds.SketchOf(ids, 1).Cells[0]);
        dialogue.Take(new Sketch(MadeIds.Key, 0, 20), MadeIds.SketchOf(ids, 20));
        SketchQuestion question = dialogue.Next!.Value;
        Assert.Equal(0, question.CellsFor(default, maxCells: 20));
        dialogue.Take(new Sketch(MadeIds.Key, 20, 0), new Sketch(MadeIds.Key, 20, 0));

        Assert.Equal(SketchFault.TooManyDifferences, dialogue.Fault);
        Assert.Null(dialogue.Next);
    }

    private static (SketchDialogue Dialogue, int FirstAnswer) Talk(int onlyOurs, int onlyTheirs, int seed, int maxCells = Sketch.MaxCells)
    {
        ObjectId[] ids = new MadeIds(seed).Take(Both + onlyOurs + onlyTheirs, ObjectFormat.Sha1);
        ObjectId[] ours = ids[..(Both + onlyOurs)];
        ObjectId[] theirs = [.. ids[..Both], .. ids[(Both + onlyOurs)..]];
        const int most = 12_000;
        Sketch ourSketch = MadeIds.SketchOf(ours, most);
        Sketch theirSketch = MadeIds.SketchOf(theirs, most);
        SketchDialogue dialogue = new(MadeIds.Key, ObjectFormat.Sha1, ourSketch.Cells[0], maxCells);
        int first = 0;
        while (dialogue.Next is { } question)
        {
            int count = question.CellsFor(theirSketch.Cells[0], maxCells);
            first = dialogue.RoundTrips == 0 ? count : first;
            dialogue.Take(theirSketch.Slice(question.First, count), ourSketch.Slice(question.First, count));
        }

        if (dialogue.IsComplete)
        {
            Assert.Equal(ids[Both..(Both + onlyOurs)].Order(), dialogue.OnlyOurs.Order());
            Assert.Equal(ids[(Both + onlyOurs)..].Order(), dialogue.OnlyTheirs.Order());
        }

        return (dialogue, first);
    }
}
