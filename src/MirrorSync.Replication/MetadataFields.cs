using System.Security.Cryptography;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication;

/// <summary>A repository's description, owner, config and bases between the disk and the fields of a record.</summary>
internal static class MetadataFields
{
    /// <summary>
    /// What records say of it: an owner that is empty is none. Two of these are equal when no record is needed between
    /// them.
    /// </summary>
    public static RepositoryMetadata Said(RepositoryMetadata read) => WithBases(read, read.Alternates);

    /// <summary>The same with other bases.</summary>
    public static RepositoryMetadata WithBases(RepositoryMetadata said, IReadOnlyList<RepositoryName> bases) => new()
    {
        Description = said.Description,
        Owner = string.IsNullOrEmpty(said.Owner) ? null : said.Owner,
        Config = said.Config,
        Alternates = bases,
    };

    /// <summary>The same after a repository's renaming, in case it is one of the bases.</summary>
    public static RepositoryMetadata WithRenamed(RepositoryMetadata said, RepositoryName name, RepositoryName newName) =>
        said.Alternates.Contains(name) ? WithBases(said, [.. said.Alternates.Select(one => one == name ? newName : one)]) : said;

    /// <summary>Puts all of it into a record's fields.</summary>
    public static LogRecordBody Put(LogRecordBody fields, RepositoryMetadata metadata) => fields with
    {
        Description = metadata.Description,
        Owner = metadata.Owner ?? string.Empty,
        Config = metadata.Config,
        Alternates = metadata.Alternates,
    };

    /// <summary>True when the fields speak of any of it.</summary>
    public static bool IsIn(LogRecordBody fields) =>
        (fields.Description, fields.Owner, fields.Config, fields.Alternates) is not (null, null, null, null);

    /// <summary>What is said once the fields are, over what was said before; the result keeps nothing of the fields' buffer.</summary>
    public static RepositoryMetadata Take(RepositoryMetadata before, LogRecordBody fields) => Said(new RepositoryMetadata
    {
        Description = fields.Description is { } description ? description.ToArray() : before.Description,
        Owner = fields.Owner ?? before.Owner,
        Config = fields.Config ?? before.Config,
        Alternates = fields.Alternates ?? before.Alternates,
    });

    /// <summary>The SHA-256 of a repository's metadata as a record's fields, hex; empty when they cannot be read.</summary>
    public static string DigestOf(Repository repository)
    {
        try
        {
            LogRecordBody fields = Put(new LogRecordBody(), Said(RepositoryMetadata.Read(repository)));
            return Convert.ToHexStringLower(SHA256.HashData(LogRecordBodyCodec.EncodeFields(fields, repository.Format)));
        }
        catch (IOException)
        {
            return string.Empty;
        }
    }
}
