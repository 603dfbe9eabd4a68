using System.Text.Json.Serialization;

namespace MirrorSync.Replication.Wire;

/// <summary>
/// The first chunk of a snapshot, as JSON. Behind it, in chunks, comes a body as in a log record
/// (<see cref="Storage.Log.LogRecordBody"/>): all refs as updates from nothing, the metadata, then one pack with every object
/// that the bases do not reach, if there is any; then the empty chunk that says that nothing is missing.
/// </summary>
/// <param name="Name">The repository's name.</param>
/// <param name="Format"><c>sha1</c> or <c>sha256</c>.</param>
/// <param name="Epoch">Epoch of the position of which the snapshot is.</param>
/// <param name="Sequence">Sequence of that position.</param>
/// <param name="Chain">Chain of that position, hex.</param>
/// <param name="RefsDigest">The digest of its refs, hex.</param>
/// <param name="Bases">The repositories that it borrows objects from, and theirs: what their refs reach is not in the pack.</param>
public sealed record SnapshotHeader(
    string Name, string Format, ulong Epoch, ulong Sequence, string Chain, string RefsDigest, SnapshotBase[] Bases);

/// <summary>A repository that a snapshot's objects build on.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Sequence">The record up to which the mirror must have it.</param>
public sealed record SnapshotBase(string Name, ulong Sequence);

/// <summary>Source-generated JSON for snapshots.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SnapshotHeader))]
internal sealed partial class SnapshotJson : JsonSerializerContext;
