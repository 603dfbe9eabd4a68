using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Files;

namespace MirrorSync.Replication.Primary.Capture;

/// <summary>One repository's folder in <see cref="KnownFolders"/>.</summary>
/// <param name="Path">Where it was.</param>
/// <param name="Inode">Its inode.</param>
/// <param name="Born">When it was made, in nanoseconds since 1970.</param>
internal sealed record KnownFolder(string Path, ulong Inode, long Born);

/// <summary>
/// Which folder each repository was last seen in, kept in a file so that a folder that was renamed while the daemon was
/// down is known again. Nothing but that depends on the file: without it a renamed repository counts as removed and as
/// new.
/// </summary>
internal sealed partial class KnownFolders
{
    private readonly string file;
    private readonly ILogger logger;

    /// <summary>Reads the file; one that is missing or damaged is none.</summary>
    public KnownFolders(string file, ILogger logger)
    {
        this.file = file;
        this.logger = logger;
        try
        {
            KnownFolder[] read = File.Exists(file)
                ? JsonSerializer.Deserialize(File.ReadAllBytes(file), KnownFoldersJson.Default.KnownFolderArray) ?? [] : [];
            ByPath = read.Where(static f => f is not null).ToDictionary(
                static f => f.Path, static f => new FolderIdentity(f.Inode, f.Born), StringComparer.Ordinal);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException or ArgumentException)
        {
            LogUnread(logger, file, failure.Message);
        }
    }

    /// <summary>The folders by their paths.</summary>
    public IReadOnlyDictionary<string, FolderIdentity> ByPath { get; private set; } = new Dictionary<string, FolderIdentity>();

    /// <summary>Takes over what is so now, and writes the file when that is something else than before.</summary>
    public void Replace(Dictionary<string, FolderIdentity> folders)
    {
        bool same = folders.Count == ByPath.Count
            && folders.All(f => ByPath.TryGetValue(f.Key, out FolderIdentity before) && before == f.Value);
        if (same)
        {
            return;
        }

        ByPath = folders;
        KnownFolder[] written = [.. folders.Select(static f => new KnownFolder(f.Key, f.Value.Inode, f.Value.Born))];
        try
        {
            Durable.ReplaceFile(file, JsonSerializer.SerializeToUtf8Bytes(written, KnownFoldersJson.Default.KnownFolderArray));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogUnwritten(logger, file, failure.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} cannot be read, so what was renamed while the daemon was down is not known again: {Reason}")]
    private static partial void LogUnread(ILogger logger, string file, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} cannot be written: {Reason}")]
    private static partial void LogUnwritten(ILogger logger, string file, string reason);
}

/// <summary>Source-generated JSON for the file.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(KnownFolder[]))]
internal sealed partial class KnownFoldersJson : JsonSerializerContext;
