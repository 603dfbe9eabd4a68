using MirrorSync.Git.Refs;
using MirrorSync.Git.Sketches;

namespace MirrorSync.Storage.Log;

/// <summary>What is proven of a repository at a position. A part that is null was not known to the writer.</summary>
/// <param name="Refs">The digest of all refs, HEAD included.</param>
/// <param name="ObjectSet">Cell 0 of the object set's sketch.</param>
public readonly record struct Ledger(RefsDigest? Refs, SketchCell? ObjectSet);
