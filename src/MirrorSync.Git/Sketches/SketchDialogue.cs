using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Sketches;

/// <summary>
/// The asking side of two nodes that compare their object sets: it says what to ask next, takes in the answers, and ends
/// with the ids in which the sets differ. The answering side needs only <see cref="SketchQuestion.CellsFor"/>.
/// </summary>
/// <remarks>
/// 1. The first question carries our cell 0. The other side compares it with its own and answers with one cell when both
///    are equal, else with 16 and one and a half for each id that one side has more: all that one side alone lost is
///    named in one round trip.
/// 2. When that does not do, ids differ in both directions. How many is estimated from the cells that came: their counts
///    deviate from what the numbers of ids explain by a variance that is proportional to it. As many cells are asked for.
/// 3. After that a quarter more each time.
/// Not thread-safe.
/// </remarks>
public sealed class SketchDialogue
{
    // Cells for each difference (1.35 to 1.72 in the mean, and some for chance).
    private const double CellsEach = 1.45;

    private readonly SketchDecoder decoder;
    private readonly SketchQuestion start;
    private readonly int maxCells;
    private double deviations;
    private SketchCell whole;
    private bool refused;

    /// <summary>Begins with our cell 0.</summary>
    /// <param name="key">The fleet's.</param>
    /// <param name="format">Of the ids.</param>
    /// <param name="own">Cell 0 of our set.</param>
    /// <param name="maxCells">At most these are asked for in all.</param>
    public SketchDialogue(SketchKey key, ObjectFormat format, SketchCell own, int maxCells = Sketch.MaxCells)
    {
        decoder = new SketchDecoder(key, maxCells);
        this.maxCells = maxCells;
        start = new SketchQuestion(format, own, 0, 0);
    }

    /// <summary>What to ask next; null when it is over: see <see cref="Fault"/>.</summary>
    public SketchQuestion? Next => decoder.Count == 0 && Fault == SketchFault.None ? start
        : decoder.IsComplete || Fault != SketchFault.None ? null
        : start with { First = decoder.Count, Count = Further() };

    /// <summary>Answers that were taken in.</summary>
    public int RoundTrips { get; private set; }

    /// <summary>Cells that were taken in.</summary>
    public int Cells => decoder.Count;

    /// <summary>Whether all differences are named.</summary>
    public bool IsComplete => decoder.IsComplete;

    /// <summary>Why the differences cannot be named.</summary>
    public SketchFault Fault => decoder.Fault != SketchFault.None || decoder.IsComplete || (decoder.Count < maxCells && !refused)
        ? decoder.Fault : SketchFault.TooManyDifferences;

    /// <summary>Ids that only we have.</summary>
    public IReadOnlyList<ObjectId> OnlyOurs => decoder.OnlyOurs;

    /// <summary>Ids that only the other side has.</summary>
    public IReadOnlyList<ObjectId> OnlyTheirs => decoder.OnlyTheirs;

    /// <summary>Takes in an answer. It may have fewer cells than were asked for; none means that the other side gives no more.</summary>
    /// <param name="theirs">The cells that came, beginning where the question said.</param>
    /// <param name="ours">The same cells of our set.</param>
    /// <exception cref="ArgumentException">These are other cells than those that come next.</exception>
    public void Take(Sketch theirs, Sketch ours)
    {
        if (theirs.First != decoder.Count || ours.First != theirs.First || ours.End != theirs.End)
        {
            throw new ArgumentException($"cells {theirs.First} to {theirs.End} do not go on from cell {decoder.Count}", nameof(theirs));
        }

        RoundTrips++;
        refused = theirs.Cells.IsEmpty;
        SketchCell[] difference = new SketchCell[theirs.Cells.Length];
        for (int i = 0; i < difference.Length; i++)
        {
            difference[i] = ours.Cells[i] - theirs.Cells[i];
            Weigh(theirs.First + i, difference[i]);
        }

        decoder.Add(difference);
    }

    /// <summary>
    /// Each of d ids is in cell i with the chance p = 1 / (1 + i/2), so a count with the mean p times the count of cell 0
    /// has the variance d p (1 - p): the deviation's square over p (1 - p) is an estimate of d.
    /// </summary>
    private void Weigh(int number, in SketchCell cell)
    {
        if (number == 0)
        {
            whole = cell;
            return;
        }

        double chance = 1 / (1 + (number / 2.0));
        double deviation = cell.Count - (whole.Count * chance);
        deviations += deviation * deviation / (chance * (1 - chance));
    }

    private int Further()
    {
        int count = decoder.Count;
        double samples = Math.Max(1, count - 1);
        double estimate = Math.Max(Math.Abs((double)whole.Count), deviations / samples);
        // One standard deviation of the estimate on top.
        double wanted = CellsEach * estimate * (1 + Math.Sqrt(2 / samples));
        double further = Math.Max(wanted - count, Math.Max(SketchQuestion.FewestCells, count * 0.25));
        return (int)Math.Min(further, maxCells - count);
    }
}
