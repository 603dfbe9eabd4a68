using System.Text.Json.Serialization;
using MirrorSync.Git.Objects;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror.Removal;

/// <summary>One repository in a mirror's trash; kept beside it as JSON.</summary>
/// <param name="Name">Its name when it was removed.</param>
/// <param name="Format"><c>sha1</c> or <c>sha256</c>.</param>
/// <param name="RemovedAt">When this node put it there, on its own clock.</param>
/// <param name="NoticedAt">When the primary noticed the removal, in microseconds since 1970.</param>
/// <param name="Epoch">Epoch of the record that removed it.</param>
/// <param name="Sequence">Sequence of that record.</param>
/// <param name="Bytes">The room that its files take.</param>
/// <param name="Accepted">True when an operator let the removal pass here.</param>
public sealed record TrashEntry(
    string Name, string Format, DateTimeOffset RemovedAt, long NoticedAt, ulong Epoch, ulong Sequence, long Bytes, bool Accepted)
{
    /// <summary>The entry of a repository that is being removed.</summary>
    internal static TrashEntry Of(Repository repository, LogRecord record, DateTimeOffset now, long bytes, bool accepted) => new(
        repository.Name.Value, repository.Format.GitName(), now, record.NoticedAtMicroseconds, record.Epoch, record.Sequence, bytes, accepted);
}

/// <summary>Source-generated JSON for the trash.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(TrashEntry))]
internal sealed partial class TrashJson : JsonSerializerContext;
