using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MirrorSync.Git.Sketches;

/// <summary>
/// The cells to which one id belongs, in rising order: cell 0 always, cell i with a chance of 1 / (1 + i/2) (section 4.1
/// of the paper named at <see cref="Sketch"/>, alpha = 0.5). A value of 16 bytes: an id's place in an endless row.
/// </summary>
/// <remarks>
/// From cell i the next one lies beyond cell j with the chance of all between being left out, the product of k / (k + 2)
/// over k = i + 1 ... j, which is (i + 1)(i + 2) / ((j + 1)(j + 2)). With v uniform in (0, 1] the next cell is therefore the
/// least j with (j + 1)(j + 2) >= (i + 1)(i + 2) / v: with x = j + 1.5 that is x² - 1/4, hence one division and one square
/// root. (The paper, section 4.2, takes an approximation of the same cost.)
/// <para>Every node must come to the same cells. Division, root, sum and rounding up are exact to the last bit by IEEE 754
/// everywhere, and a product and a sum are never fused here; v is made of 52 random bits, so that it is a double itself.</para>
/// </remarks>
public readonly struct SketchMapping
{
    // SplitMix64 (Steele, Lea and Flood, 2014): one number a cell from a counter that starts at the checksum.
    private const ulong Step = 0x9e3779b97f4a7c15;
    private const ulong ExponentOfOne = 0x3ff0000000000000;

    private readonly ulong state;

    /// <summary>Stands at cell 0.</summary>
    /// <param name="checksum">The id's checksum under the fleet's key: the seed.</param>
    public SketchMapping(ulong checksum)
        : this(checksum, 0)
    {
    }

    private SketchMapping(ulong state, int cell) => (this.state, Cell) = (state, cell);

    /// <summary>The cell; <see cref="int.MaxValue"/> for all that no sketch can have.</summary>
    public int Cell { get; }

    /// <summary>The place at the id's next cell.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SketchMapping Next()
    {
        ulong counter = state + Step;
        ulong random = (counter ^ (counter >> 30)) * 0xbf58476d1ce4e5b9;
        random = (random ^ (random >> 27)) * 0x94d049bb133111eb;
        random ^= random >> 31;

        // The bits below an exponent of 0 give [1, 2).
        double v = 2.0 - BitConverter.UInt64BitsToDouble((random >> 12) | ExponentOfOne);
        double i = Cell;
        double product = (i + 1) * (i + 2);
        double next = Math.Ceiling(Math.Sqrt((product / v) + 0.25) - 1.5);
        // Rounding may let the root be one too low where v is all but 1.
        return new SketchMapping(counter, next >= int.MaxValue ? int.MaxValue : Math.Max((int)next, Cell + 1));
    }

    /// <summary>
    /// Brings many ids on by one cell each: the same cells as <see cref="Next"/> gives, eight at a time where the processor
    /// can, which takes 0.7 of the time.
    /// </summary>
    /// <param name="states">The ids' states: their checksums at first.</param>
    /// <param name="cells">Where they stand; as many.</param>
    internal static void MoveAll(Span<ulong> states, Span<long> cells)
    {
        int done = 0;
        if (Vector512.IsHardwareAccelerated)
        {
            for (; done <= states.Length - Vector512<ulong>.Count; done += Vector512<ulong>.Count)
            {
                Vector512<ulong> counter = Vector512.Create<ulong>(states[done..]) + Vector512.Create(Step);
                Vector512<ulong> random = (counter ^ (counter >>> 30)) * 0xbf58476d1ce4e5b9;
                random = (random ^ (random >>> 27)) * 0x94d049bb133111eb;
                random ^= random >>> 31;
                Vector512<double> v = Vector512.Create(2.0) - ((random >>> 12) | Vector512.Create(ExponentOfOne)).AsDouble();
                Vector512<double> i = Vector512.ConvertToDouble(Vector512.Create<long>(cells[done..]));
                Vector512<double> one = i + Vector512.Create(1.0);
                Vector512<double> root = Vector512.Sqrt((one * (i + Vector512.Create(2.0)) / v) + Vector512.Create(0.25));
                Vector512<double> next = Vector512.Max(Vector512.Ceiling(root - Vector512.Create(1.5)), one);
                counter.CopyTo(states[done..]);
                Vector512.ConvertToInt64(Vector512.Min(next, Vector512.Create((double)int.MaxValue))).CopyTo(cells[done..]);
            }
        }

        for (; done < states.Length; done++)
        {
            SketchMapping next = new SketchMapping(states[done], (int)cells[done]).Next();
            (states[done], cells[done]) = (next.state, next.Cell);
        }
    }
}
