using System.Runtime.CompilerServices;
using MirrorSync.Git.Objects;

namespace MirrorSync.Git.Sketches;

/// <summary>
/// One cell of a sketch: three sums over the ids that belong to it. All ids belong to cell 0. A cell of a difference
/// counts ids of one side as +1 and of the other as -1.
/// </summary>
/// <param name="IdSum">XOR of the ids, 32 bytes (a sha1 id fills the first 20).</param>
/// <param name="Checksum">XOR of the ids' keyed checksums.</param>
/// <param name="Count">How many ids.</param>
public readonly record struct SketchCell(ObjectId IdSum, ulong Checksum, long Count)
{
    /// <summary>Whether all sums are zero: for cell 0 of a difference, that there is none.</summary>
    public bool IsEmpty => Count == 0 && Checksum == 0 && IdSum.IsZero;

    /// <summary>The cell with one more id. An id that is in it already must not be added again.</summary>
    public SketchCell With(in SketchKey key, in ObjectId id) => Plus(id, key.Checksum(id), 1);

    /// <summary>The cell without an id that is in it.</summary>
    public SketchCell Without(in SketchKey key, in ObjectId id) => Plus(id, key.Checksum(id), -1);

    /// <summary>The cell of two sets together that share no id.</summary>
    public static SketchCell operator +(in SketchCell left, in SketchCell right) =>
        left.Plus(right.IdSum, right.Checksum, right.Count);

    /// <summary>The cell of the difference: what both sets hold cancels out.</summary>
    public static SketchCell operator -(in SketchCell left, in SketchCell right) =>
        left.Plus(right.IdSum, right.Checksum, -right.Count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal SketchCell Plus(in ObjectId id, ulong checksum, long count) =>
        new(ObjectId.Xor(IdSum, id), Checksum ^ checksum, Count + count);
}
