using MirrorSync.Git.Objects;
using MirrorSync.Git.Packs;

namespace MirrorSync.Storage.Objects.Store;

/// <summary>An object as a pack stores it, its bytes checked against the pack's index.</summary>
/// <param name="Pack">The number of the pack, which no other pack of the process has.</param>
/// <param name="Offset">Where its entry begins.</param>
/// <param name="Type">How it is stored.</param>
/// <param name="Size">Bytes of the object, or of the delta, once inflated.</param>
/// <param name="BaseOffset">Where the base's entry begins; 0 unless an <see cref="PackEntryType.OffsetDelta"/>.</param>
/// <param name="BaseId">The base; zero unless a <see cref="PackEntryType.RefDelta"/>.</param>
/// <param name="Deflated">The zlib stream as it is in the pack.</param>
internal sealed record StoredObject(
    long Pack, long Offset, PackEntryType Type, long Size, long BaseOffset, ObjectId BaseId, byte[] Deflated)
{
    /// <summary>Whether it is stored as a delta.</summary>
    public bool IsDelta => Type is PackEntryType.OffsetDelta or PackEntryType.RefDelta;
}
