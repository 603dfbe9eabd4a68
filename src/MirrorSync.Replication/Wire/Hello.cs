using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Sketches;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Wire;

/// <summary>A mirror's first frame.</summary>
/// <param name="Protocol">The protocol version that it speaks; see <see cref="Handshake.ProtocolVersion"/>.</param>
/// <param name="Fleet">Its fleet.</param>
/// <param name="Node">Its node name.</param>
/// <param name="Region">Its region.</param>
/// <param name="Epoch">Epoch of the last record in its log; 0 when the log is empty.</param>
/// <param name="Sequence">Sequence of that record.</param>
/// <param name="Chain">Chain up to that record, hex.</param>
public sealed record Hello(int Protocol, string Fleet, string Node, string Region, ulong Epoch, ulong Sequence, string Chain);

/// <summary>The primary's answer when the stream goes on.</summary>
/// <param name="Protocol">The protocol version that it speaks.</param>
/// <param name="Node">The primary's node name.</param>
/// <param name="Epoch">Epoch of the position from which records follow.</param>
/// <param name="Sequence">Sequence of the position from which records follow: the mirror's own, or where an empty mirror's log is to begin.</param>
/// <param name="Chain">Chain of that position, hex.</param>
/// <param name="SketchKey">The fleet's secret under which object sets are sketched, hex.</param>
public sealed record Welcome(int Protocol, string Node, ulong Epoch, ulong Sequence, string Chain, string SketchKey)
{
    /// <summary>All but the secret.</summary>
    public override string ToString() => $"welcome of {Node} at {Epoch}/{Sequence}";
}

/// <summary>The primary's answer when there can be no stream.</summary>
/// <param name="Code"><c>protocol</c>, <c>fleet</c>, <c>crowded</c>, <c>truncated</c>, <c>ahead</c> or <c>forked</c>.</param>
/// <param name="Message">One line for the mirror's operator.</param>
public sealed record Refusal(string Code, string Message);

/// <summary>
/// A repository for a mirror whose log begins here: an empty one brings it up from a snapshot, one whose own log the primary's no
/// longer goes back to does so unless its copy has the same refs and metadata.
/// </summary>
/// <param name="Name">Its name.</param>
/// <param name="Format"><c>sha1</c> or <c>sha256</c>.</param>
/// <param name="Epoch">Epoch of its last record.</param>
/// <param name="Sequence">Sequence of that record.</param>
/// <param name="Chain">Chain up to that record, hex.</param>
/// <param name="RefsDigest">The digest of its refs there, hex.</param>
/// <param name="MetadataDigest">The SHA-256 of its metadata as a record's fields, hex; empty when they cannot be read.</param>
/// <param name="ObjectSet">Cell 0 of its object set there, as text; null when it is not known.</param>
public sealed record ListedRepository(
    string Name, string Format, ulong Epoch, ulong Sequence, string Chain, string RefsDigest, string MetadataDigest, string? ObjectSet)
{
    /// <summary>A cell as text.</summary>
    public static string TextOf(in SketchCell cell) =>
        string.Create(CultureInfo.InvariantCulture, $"{cell.IdSum.ToHex(ObjectFormat.Sha256)}.{cell.Checksum:x}.{cell.Count}");
}

/// <summary>What both sides of the first frames share.</summary>
public static class Handshake
{
    /// <summary>The version of frames, records and bulk transfers that this build speaks.</summary>
    public const int ProtocolVersion = 2;

    /// <summary>
    /// The code of a <see cref="Refusal"/>: the primary's log no longer goes back to the mirror's position. Nothing is lost, but
    /// only snapshots bring that mirror on.
    /// </summary>
    public const string TruncatedCode = "truncated";

    /// <summary>Path of the stream: one full-duplex HTTP/2 POST.</summary>
    public const string StreamPath = "/replication/v1/stream";

    /// <summary>Path of the list of repositories: GET, JSON array of <see cref="ListedRepository"/>.</summary>
    public const string RepositoriesPath = "/replication/v1/repositories";

    /// <summary>Path of a spooled body: GET with <c>name</c>, <c>length</c> and <c>offset</c>.</summary>
    public const string SpoolPath = "/replication/v1/spool";

    /// <summary>Path of a repository's object set: GET with <c>repository</c>.</summary>
    public const string ObjectSetPath = "/replication/v1/object-set";

    /// <summary>
    /// Path of a repository's snapshot: GET with <c>repository</c>, <c>through</c> (the record up to which it must have all)
    /// and, to go on with one, <c>have</c>; answers with a <see cref="SnapshotManifest"/>.
    /// </summary>
    public const string SnapshotPath = "/replication/v1/snapshot";

    /// <summary>Path of a snapshot's part: GET with <c>snapshot</c>, <c>part</c> and <c>offset</c>. 404 once it is no longer held.</summary>
    public const string PartPath = "/replication/v1/part";

    /// <summary>Header in which every request beside the stream names its node.</summary>
    public const string NodeHeader = "MirrorSync-Node";

    /// <summary>Path of what a node has of an object set, as a sketch: POST with <c>repository</c>. See <c>SketchServer</c>.</summary>
    public const string SketchPath = "/replication/v1/sketch";

    /// <summary>
    /// Path of objects by id: POST with <c>repository</c>, the body the ids as raw bytes. The answer is a number of 4 bytes
    /// (big-endian), so many ids that are not there, and to its end one pack of others of the objects. See <c>ObjectServer</c>.
    /// </summary>
    public const string ObjectsPath = "/replication/v1/objects";

    /// <summary>Header in which every request beside the stream names its fleet.</summary>
    public const string FleetHeader = "MirrorSync-Fleet";

    /// <summary>A position out of its three parts; throws <see cref="ProtocolException"/> when the chain is no hash.</summary>
    public static LogPosition Position(ulong epoch, ulong sequence, string chain) =>
        Hash256.TryParse(chain, out Hash256 hash)
            ? new LogPosition(epoch, sequence, hash)
            : throw new ProtocolException("the chain in the hello is no SHA-256 value");

    /// <summary>Parses a JSON payload; throws <see cref="ProtocolException"/> when it is not what it should be.</summary>
    public static T Parse<T>(ReadOnlySpan<byte> json, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new ProtocolException("empty JSON in a frame");
        }
        catch (JsonException failure)
        {
            throw new ProtocolException($"malformed JSON in a frame: {failure.Message}");
        }
    }

    /// <summary>Parses an object format off the wire.</summary>
    public static ObjectFormat Format(string text) =>
        ObjectFormatFacts.TryParse(text, out ObjectFormat format) ? format : throw new ProtocolException("unknown object format");

    /// <summary>Parses a repository's name off the wire.</summary>
    public static RepositoryName Name(string text) =>
        RepositoryName.TryParse(text, out RepositoryName name) ? name : throw new ProtocolException("malformed repository name");
}

/// <summary>Source-generated JSON for the frames.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Hello))]
[JsonSerializable(typeof(Welcome))]
[JsonSerializable(typeof(Refusal))]
[JsonSerializable(typeof(ListedRepository[]))]
public sealed partial class WireJson : JsonSerializerContext;
