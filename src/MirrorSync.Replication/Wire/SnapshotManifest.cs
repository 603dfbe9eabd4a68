using System.Text.Json.Serialization;

namespace MirrorSync.Replication.Wire;

/// <summary>
/// What a snapshot consists of, as JSON: a repository at a position, in parts. Each part is fetched by its number in the
/// list, from any offset (<see cref="Handshake.PartPath"/>), as long as the primary holds the snapshot.
/// </summary>
/// <param name="Snapshot">The snapshot's name at the primary: whoever names it again gets the same one, if it is still held.</param>
/// <param name="Name">The repository's name.</param>
/// <param name="Format"><c>sha1</c> or <c>sha256</c>.</param>
/// <param name="Epoch">Epoch of the position of which the snapshot is: that of the repository's last record in it.</param>
/// <param name="Sequence">Sequence of that position.</param>
/// <param name="Chain">Chain of that position, hex.</param>
/// <param name="Through">Every record of the repository up to this sequence is in it.</param>
/// <param name="RefsDigest">The digest of its refs, hex.</param>
/// <param name="Bases">The repositories that it borrows objects from, and theirs: what their refs reach need not be in the parts.</param>
/// <param name="Parts">The parts. Of a kind that is not known nothing is wanted.</param>
public sealed record SnapshotManifest(
    string Snapshot,
    string Name,
    string Format,
    ulong Epoch,
    ulong Sequence,
    string Chain,
    ulong Through,
    string RefsDigest,
    SnapshotBase[] Bases,
    SnapshotPart[] Parts);

/// <summary>A repository that a snapshot's objects build on.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Sequence">The record up to which the mirror must have it.</param>
public sealed record SnapshotBase(string Name, ulong Sequence);

/// <summary>One part of a snapshot. Kind, name and length together say which bytes it has, in whatever snapshot.</summary>
/// <param name="Kind">What it is: see the constants.</param>
/// <param name="Name">Of a pack, the checksum that it ends with; of others, their SHA-256. Hex.</param>
/// <param name="Length">Its bytes.</param>
/// <param name="Sha256">The SHA-256 of its bytes, hex, where it is known: a pack is checked by its own checksum.</param>
public sealed record SnapshotPart(string Kind, string Name, long Length, string? Sha256)
{
    /// <summary>
    /// The fields of a record's body (<see cref="Storage.Log.LogRecordBody"/>): all refs as updates from nothing, and the
    /// metadata. Exactly one.
    /// </summary>
    public const string Fields = "fields";

    /// <summary>A pack whose deltas have their bases in it. Its objects may name what is in other packs, and need not be reachable.</summary>
    public const string Pack = "pack";
}

/// <summary>Source-generated JSON for snapshots.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SnapshotManifest))]
internal sealed partial class SnapshotJson : JsonSerializerContext;
