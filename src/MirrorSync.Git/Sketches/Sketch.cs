using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Sketches;

/// <summary>
/// A rateless invertible Bloom lookup table over a set of object ids, after Yang, Gilad and Alizadeh, "Practical Rateless
/// Set Reconciliation" (SIGCOMM 2024): the cells <see cref="First"/> to <see cref="End"/> - 1 of an endless row that the
/// set alone decides. The cells of two sets, subtracted, are the cells of their difference; from about 1.35 cells for each
/// differing id (up to 1.72 for few) a <see cref="SketchDecoder"/> names them all, however large the sets are.
/// </summary>
/// <remarks>
/// Adding costs one keyed hash and about 2 ln(End) cells. An id that is added twice cancels itself but for the count, and
/// no decoder can name it: the caller adds each once. Not thread-safe; parts of a set that are sketched apart are brought
/// together by <see cref="Merge"/>.
/// </remarks>
public sealed class Sketch
{
    /// <summary>Most cells of a row: 48 MiB of them, which name about 750,000 differences.</summary>
    public const int MaxCells = 1 << 20;

    // With their places well below the size of the first-level cache.
    private const int BatchIds = 256;

    private readonly SketchKey key;
    private readonly SketchCell[] cells;

    /// <summary>The cells of the empty set.</summary>
    /// <param name="key">The fleet's.</param>
    /// <param name="first">The first cell; 0, unless this goes on where another sketch of the set ended.</param>
    /// <param name="count">How many; the last is at most <see cref="MaxCells"/> - 1.</param>
    public Sketch(SketchKey key, int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaxCells - first);
        this.key = key;
        First = first;
        cells = new SketchCell[count];
    }

    internal Sketch(SketchKey key, int first, SketchCell[] cells)
    {
        this.key = key;
        First = first;
        this.cells = cells;
    }

    /// <summary>The number of the first cell.</summary>
    public int First { get; }

    /// <summary>The number behind the last cell.</summary>
    public int End => First + cells.Length;

    /// <summary>The cells, beginning with number <see cref="First"/>.</summary>
    public ReadOnlySpan<SketchCell> Cells => cells;

    /// <summary>Adds an id that is not in the set.</summary>
    public void Add(in ObjectId id) => Combine(id, 1);

    /// <summary>Adds ids that are not in the set; much quicker than one by one.</summary>
    /// <returns>Cell 0 of these ids, whatever cells this sketch has.</returns>
    public SketchCell Add(ReadOnlySpan<ObjectId> ids)
    {
        SketchCell sum = default;
        for (; !ids.IsEmpty; ids = ids[Math.Min(ids.Length, BatchIds)..])
        {
            sum += AddBatch(ids[..Math.Min(ids.Length, BatchIds)]);
        }

        return sum;
    }

    /// <summary>Takes an id out that is in the set.</summary>
    public void Remove(in ObjectId id) => Combine(id, -1);

    /// <summary>Adds the same cells of another set that shares no id with this one.</summary>
    public void Merge(Sketch other)
    {
        Require(other);
        for (int i = 0; i < cells.Length; i++)
        {
            cells[i] += other.cells[i];
        }
    }

    /// <summary>Makes these the cells of the difference: ids that only this set has count +1, those of the other -1.</summary>
    public void Subtract(Sketch other)
    {
        Require(other);
        for (int i = 0; i < cells.Length; i++)
        {
            cells[i] -= other.cells[i];
        }
    }

    /// <summary>A part of the cells.</summary>
    /// <param name="first">The first, not below <see cref="First"/>.</param>
    /// <param name="count">How many; not beyond <see cref="End"/>.</param>
    public Sketch Slice(int first, int count) => new(key, first, cells.AsSpan(first - First, count).ToArray());

    /// <summary>These cells and those behind them, as one sketch.</summary>
    /// <param name="further">Of the same set, beginning at <see cref="End"/>.</param>
    public Sketch Extend(Sketch further)
    {
        if (further.First != End || further.key != key)
        {
            throw new ArgumentException($"cells from {further.First} do not continue a sketch that ends at {End}", nameof(further));
        }

        return new Sketch(key, First, [.. cells, .. further.cells]);
    }

    private void Combine(in ObjectId id, int sign)
    {
        ulong checksum = key.Checksum(id);
        for (SketchMapping mapping = new(checksum); mapping.Cell < End; mapping = mapping.Next())
        {
            if (mapping.Cell >= First)
            {
                ref SketchCell cell = ref cells[mapping.Cell - First];
                cell = cell.Plus(id, checksum, sign);
            }
        }
    }

    /// <summary>
    /// Each next cell of an id is known only once a division and a root are done. So all ids of a batch go on by one cell
    /// in turn: the processor works at several at a time, and an id's end is no branch that it has to guess. With 2,048 cells
    /// that takes a third of the time that one id after the other takes, half without wide vectors.
    /// </summary>
    private SketchCell AddBatch(ReadOnlySpan<ObjectId> ids)
    {
        Span<SketchCell> into = cells;
        Span<ulong> checksums = stackalloc ulong[BatchIds];
        Span<int> which = stackalloc int[BatchIds];
        Span<ulong> states = stackalloc ulong[BatchIds];
        Span<long> places = stackalloc long[BatchIds];
        SketchCell sum = default;
        for (int i = 0; i < ids.Length; i++)
        {
            checksums[i] = states[i] = key.Checksum(ids[i]);
            which[i] = i;
            places[i] = 0;
            sum = sum.Plus(ids[i], checksums[i], 1);
        }

        if (First == 0 && into.Length > 0)
        {
            into[0] += sum;
        }

        for (int left = ids.Length; left > 0;)
        {
            SketchMapping.MoveAll(states[..left], places[..left]);
            int kept = 0;
            for (int k = 0; k < left; k++)
            {
                int i = which[k];
                long at = places[k] - First;
                if ((ulong)at < (ulong)into.Length)
                {
                    into[(int)at] = into[(int)at].Plus(ids[i], checksums[i], 1);
                }

                which[kept] = i;
                states[kept] = states[k];
                places[kept] = places[k];
                kept += places[k] < End ? 1 : 0;
            }

            left = kept;
        }

        return sum;
    }

    private void Require(Sketch other)
    {
        if (other.First != First || other.cells.Length != cells.Length || other.key != key)
        {
            throw new ArgumentException($"cells {other.First} to {other.End} are not cells {First} to {End} under one key", nameof(other));
        }
    }
}
