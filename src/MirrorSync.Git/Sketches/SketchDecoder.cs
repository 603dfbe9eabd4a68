using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Sketches;

/// <summary>
/// Names the ids in which two sets differ, from the cells of their difference, which may come in as many pieces as one
/// likes (section 3 of the paper named at <see cref="Sketch"/>): a cell that holds one id only is *pure* and names it; taken
/// out of all its cells, it leaves others pure. All is named once cell 0, to which every id belongs, is empty.
/// </summary>
/// <remarks>
/// Bounded whatever the cells hold: each id that is peeled costs its cells, about 2 ln(cells) of them, and no more ids are
/// peeled than there are cells. Memory is about 64 bytes a cell and 64 a difference. Not thread-safe.
/// </remarks>
/// <param name="key">The fleet's.</param>
/// <param name="maxCells">Cells beyond these are refused: <see cref="SketchFault.TooManyDifferences"/>.</param>
public sealed class SketchDecoder(SketchKey key, int maxCells = Sketch.MaxCells)
{
    private const int None = -1;
    private const int InitialCells = 64;

    private readonly HashSet<ObjectId> seen = [];
    private readonly List<Peeled> peeled = [];
    private readonly List<ObjectId> onlyOurs = [];
    private readonly List<ObjectId> onlyTheirs = [];
    private readonly Stack<int> candidates = new();
    private SketchCell[] cells = new SketchCell[Math.Min(InitialCells, maxCells)];

    // For each cell that is still to come: the first of a chain of peeled ids that belong to it. Ids whose next cell has
    // no place in the array yet are in a chain of their own.
    private int[] due = NewChains(Math.Min(InitialCells, maxCells));
    private int dueLater = None;

    /// <summary>Cells that were taken in.</summary>
    public int Count { get; private set; }

    /// <summary>What is wrong; nothing is taken in any more then.</summary>
    public SketchFault Fault { get; private set; }

    /// <summary>Whether all differences are named; cell 0 alone says that there are none.</summary>
    public bool IsComplete => Fault == SketchFault.None && Count > 0 && cells[0].IsEmpty;

    /// <summary>Ids that only the first of the two sets has, as far as they are named, in no order.</summary>
    public IReadOnlyList<ObjectId> OnlyOurs => onlyOurs;

    /// <summary>Ids that only the second of the two sets has, as far as they are named, in no order.</summary>
    public IReadOnlyList<ObjectId> OnlyTheirs => onlyTheirs;

    /// <summary>Takes in the next cells of the difference, first set minus second, and peels what they allow.</summary>
    /// <returns><see cref="IsComplete"/>.</returns>
    public bool Add(ReadOnlySpan<SketchCell> difference)
    {
        foreach (ref readonly SketchCell cell in difference)
        {
            if (Fault != SketchFault.None || !MakeRoom())
            {
                return false;
            }

            Append(cell);
            Peel();
        }

        if (IsComplete && cells.AsSpan(0, Count).ContainsAnyExcept(default(SketchCell)))
        {
            Fault = SketchFault.Inconsistent;
        }

        return IsComplete;
    }

    /// <summary>Puts the next cell in its place, without the ids that are named already.</summary>
    private void Append(SketchCell cell)
    {
        int at = Count++;
        int next;
        for (int i = due[at]; i != None; i = next)
        {
            Peeled one = peeled[i];
            next = one.Next;
            cell = cell.Plus(one.Id, one.Checksum, -one.Sign);
            Await(i, one with { Mapping = one.Mapping.Next() });
        }

        cells[at] = cell;
        Suspect(at, cell);
    }

    private void Peel()
    {
        while (candidates.TryPop(out int at))
        {
            SketchCell cell = cells[at];
            if (cell.Count is not (1 or -1) || key.Checksum(cell.IdSum) != cell.Checksum)
            {
                continue;
            }

            if (peeled.Count >= Count || !seen.Add(cell.IdSum))
            {
                Fault = SketchFault.Inconsistent;
                return;
            }

            (cell.Count > 0 ? onlyOurs : onlyTheirs).Add(cell.IdSum);
            TakeOut(cell);
        }
    }

    private void TakeOut(in SketchCell pure)
    {
        SketchMapping mapping = new(pure.Checksum);
        while (mapping.Cell < Count)
        {
            ref SketchCell cell = ref cells[mapping.Cell];
            cell = cell.Plus(pure.IdSum, pure.Checksum, -pure.Count);
            Suspect(mapping.Cell, cell);
            mapping = mapping.Next();
        }

        peeled.Add(default);
        Await(peeled.Count - 1, new Peeled(pure.IdSum, pure.Checksum, (int)pure.Count, mapping, None));
    }

    // The checksum is looked at when it is taken up: by then others may have been taken out of it.
    private void Suspect(int at, in SketchCell cell)
    {
        if (cell.Count is 1 or -1)
        {
            candidates.Push(at);
        }
    }

    private void Await(int index, Peeled one)
    {
        ref int chain = ref dueLater;
        if (one.Mapping.Cell < due.Length)
        {
            chain = ref due[one.Mapping.Cell];
        }

        peeled[index] = one with { Next = chain };
        chain = index;
    }

    private bool MakeRoom()
    {
        if (Count < cells.Length)
        {
            return true;
        }

        if (Count >= maxCells)
        {
            Fault = SketchFault.TooManyDifferences;
            return false;
        }

        int length = (int)Math.Min(maxCells, Math.Max(InitialCells, (long)cells.Length * 2));
        Array.Resize(ref cells, length);
        int[] longer = NewChains(length);
        due.CopyTo(longer, 0);
        due = longer;
        int next;
        int first = dueLater;
        dueLater = None;
        for (int i = first; i != None; i = next)
        {
            next = peeled[i].Next;
            Await(i, peeled[i]);
        }

        return true;
    }

    private static int[] NewChains(int length)
    {
        int[] chains = new int[length];
        Array.Fill(chains, None);
        return chains;
    }

    /// <param name="Id">An id that is named.</param>
    /// <param name="Checksum">Its checksum.</param>
    /// <param name="Sign">+1 when only the first set has it, -1 when only the second.</param>
    /// <param name="Mapping">Stands at its first cell that is still to come.</param>
    /// <param name="Next">The next one in the chain of that cell.</param>
    private readonly record struct Peeled(ObjectId Id, ulong Checksum, int Sign, SketchMapping Mapping, int Next);
}
