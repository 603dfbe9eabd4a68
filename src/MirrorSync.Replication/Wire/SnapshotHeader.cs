using System.Text.Json.Serialization;

namespace MirrorSync.Replication.Wire;

/// <summary>
/// The first chunk of a snapshot, as JSON. Behind it, in chunks, comes a body as in a log record
/// (<see cref="Storage.Log.LogRecordBody"/>): all refs as updates from nothing, then one pack with every object; then the
/// empty chunk that says that nothing is missing.
/// </summary>
/// <param name="Name">The repository's name.</param>
/// <param name="Format"><c>sha1</c> or <c>sha256</c>.</param>
/// <param name="Epoch">Epoch of the position of which the snapshot is.</param>
/// <param name="Sequence">Sequence of that position.</param>
/// <param name="Chain">Chain of that position, hex.</param>
/// <param name="RefsDigest">The digest of its refs, hex.</param>
public sealed record SnapshotHeader(string Name, string Format, ulong Epoch, ulong Sequence, string Chain, string RefsDigest);

/// <summary>Source-generated JSON for snapshots.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SnapshotHeader))]
internal sealed partial class SnapshotJson : JsonSerializerContext;
