using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Repair;

/// <summary>A ref that was not what the log says.</summary>
/// <param name="Name">The ref, or <c>HEAD</c>.</param>
/// <param name="Found">What it was, as git writes it; null when it was not there, or could not be read.</param>
/// <param name="Expected">What it is to be; null when it is not to be there.</param>
public sealed record SalvagedRef(string Name, string? Found, string? Expected);

/// <summary>What one repair took out of a repository.</summary>
/// <param name="Id">Its folder's name.</param>
/// <param name="Repository">The repository.</param>
/// <param name="At">When.</param>
/// <param name="Reason">Why, in words.</param>
/// <param name="Refs">The refs that were set back.</param>
public sealed record SalvageEntry(string Id, string Repository, DateTimeOffset At, string Reason, IReadOnlyList<SalvagedRef> Refs);

/// <summary>
/// Where repair puts what it takes out of repositories: damaged files, and what somebody wrote into refs by hand, with the
/// objects that only that reaches. It is a folder in the root, hidden from everything that looks for repositories, for a
/// rename does not cross file systems. Kept for two weeks, and up to 10 GiB. Any thread.
/// </summary>
/// <remarks><c>.mirrorsync-salvaged/ID/entry.json</c> is written before anything comes beside it.</remarks>
/// <param name="root">The repositories' root, absolute.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told what goes.</param>
public sealed partial class Salvage(string root, TimeProvider time, ILogger<Salvage> logger)
{
    private const string EntryFile = "entry.json";
    private const long MaxBytes = 10L << 30;
    private static readonly TimeSpan Retention = TimeSpan.FromDays(14);
    private static readonly TimeSpan PurgeInterval = TimeSpan.FromMinutes(10);

    private readonly string folder = Path.Combine(root, ".mirrorsync-salvaged");

    /// <summary>What is there, oldest first.</summary>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public IReadOnlyList<SalvageEntry> Entries =>
        Directory.Exists(folder)
            ? [.. Directory.EnumerateDirectories(folder).Select(TryRead).OfType<SalvageEntry>().OrderBy(static e => e.At)]
            : [];

    /// <summary>The folder of an entry.</summary>
    public string PathOf(SalvageEntry entry) => Path.Combine(folder, entry.Id);

    /// <summary>The files of an entry with their lengths in bytes, its own entry apart.</summary>
    public IReadOnlyList<(string Name, long Bytes)> FilesOf(SalvageEntry entry) =>
    [
        .. new DirectoryInfo(PathOf(entry)).EnumerateFiles().Where(static f => f.Name != EntryFile)
            .Select(static f => (f.Name, f.Length)).OrderBy(static f => f.Name, StringComparer.Ordinal),
    ];

    /// <summary>Makes a folder for what is about to be taken out of a repository.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    internal SalvageEntry Open(RepositoryName repository, string reason, IReadOnlyList<SalvagedRef> refs)
    {
        DateTimeOffset now = time.GetUtcNow();
        string id = string.Create(CultureInfo.InvariantCulture, $"{now:yyyyMMdd'T'HHmmss}-{Guid.NewGuid().ToString("N")[..8]}");
        SalvageEntry entry = new(id, repository.Value, now, reason, refs);
        Directory.CreateDirectory(PathOf(entry));
        Durable.ReplaceFile(Path.Combine(PathOf(entry), EntryFile), JsonSerializer.SerializeToUtf8Bytes(entry, SalvageJson.Default.SalvageEntry));
        return entry;
    }

    /// <summary>All that there was to take out is there: the folder goes again when nothing is in it.</summary>
    internal void Close(SalvageEntry entry)
    {
        if (entry.Refs.Count == 0 && FilesOf(entry).Count == 0)
        {
            Delete(PathOf(entry));
        }
    }

    /// <summary>Deletes what is too old or too much, every now and then, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(PurgeInterval, time);
        do
        {
            Purge();
        }
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false));
    }

    private void Purge()
    {
        try
        {
            DateTimeOffset until = time.GetUtcNow() - Retention;
            long bytes = 0;
            foreach (SalvageEntry entry in Entries.Reverse())
            {
                bytes += FilesOf(entry).Sum(static f => f.Bytes);
                if (entry.At <= until || bytes > MaxBytes)
                {
                    LogDeleted(logger, entry.Repository, entry.At);
                    Delete(PathOf(entry));
                }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // It costs room, nothing else: another try follows.
            LogLeftOver(logger, folder, failure.Message);
        }
    }

    private static SalvageEntry? TryRead(string path)
    {
        try
        {
            SalvageEntry? entry = JsonSerializer.Deserialize(
                File.ReadAllBytes(Path.Combine(path, EntryFile)), SalvageJson.Default.SalvageEntry);
            return entry?.Id == Path.GetFileName(path) ? entry : null;
        }
        catch (Exception none) when (none is JsonException or FileNotFoundException or DirectoryNotFoundException)
        {
            // Somebody's own files, or just being deleted.
            return null;
        }
    }

    private void Delete(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogLeftOver(logger, path, failure.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "what was taken out of {Repository} at {At} is deleted")]
    private static partial void LogDeleted(ILogger logger, string repository, DateTimeOffset at);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Folder} could not be deleted: {Reason}")]
    private static partial void LogLeftOver(ILogger logger, string folder, string reason);
}

/// <summary>Source-generated JSON for the entries.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    WriteIndented = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SalvageEntry))]
internal sealed partial class SalvageJson : JsonSerializerContext;
