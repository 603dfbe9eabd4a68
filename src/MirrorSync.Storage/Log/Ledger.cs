using MirrorSync.Git.Refs;

namespace MirrorSync.Storage.Log;

/// <summary>Cell 0 of an object set's sketch: three sums over all ids of the set.</summary>
/// <param name="IdSum">XOR of the ids, 32 bytes (a sha1 id fills the first 20).</param>
/// <param name="Checksum">XOR of the ids' keyed checksums.</param>
/// <param name="Count">How many ids.</param>
public readonly record struct SketchCell(Hash256 IdSum, ulong Checksum, long Count);

/// <summary>What is proven of a repository at a position. A part that is null was not known to the writer.</summary>
/// <param name="Refs">The digest of all refs, HEAD included.</param>
/// <param name="ObjectSet">Cell 0 of the object set's sketch.</param>
public readonly record struct Ledger(RefsDigest? Refs, SketchCell? ObjectSet);
