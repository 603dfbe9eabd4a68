using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Storage.ObjectSets;

/// <summary>What ids would add to a set, or added to it: see <see cref="ObjectSet.Prepare"/>.</summary>
public sealed class ObjectSetChange
{
    internal ObjectSetChange(ReadOnlyMemory<ObjectId> newIds, SketchCell before, SketchCell after, object? basis)
    {
        NewIds = newIds;
        Before = before;
        After = after;
        Basis = basis;
    }

    /// <summary>The ids that the set has not, each once, in byte order.</summary>
    public ReadOnlyMemory<ObjectId> NewIds { get; }

    /// <summary>Cell 0 without them.</summary>
    public SketchCell Before { get; }

    /// <summary>Cell 0 with them.</summary>
    public SketchCell After { get; }

    /// <summary>What the set was when this was computed.</summary>
    internal object? Basis { get; }
}
