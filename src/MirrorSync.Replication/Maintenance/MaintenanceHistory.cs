using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Maintenance;

/// <summary>
/// The last run of each repository, kept over restarts for those who ask. Nothing is decided by it: what is due is seen in
/// the repository itself. Any thread may read; one writes.
/// </summary>
internal sealed partial class MaintenanceHistory
{
    private readonly string file;
    private readonly ILogger logger;
    private readonly ConcurrentDictionary<string, MaintenanceRun> runs = new(StringComparer.Ordinal);

    /// <summary>Reads what was kept; a file that cannot be read counts as empty.</summary>
    public MaintenanceHistory(string file, ILogger logger)
    {
        this.file = file;
        this.logger = logger;
        try
        {
            if (File.Exists(file) && JsonSerializer.Deserialize(
                File.ReadAllBytes(file), HistoryJson.Default.DictionaryStringMaintenanceRun) is { } kept)
            {
                runs = new ConcurrentDictionary<string, MaintenanceRun>(kept, StringComparer.Ordinal);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException)
        {
            LogUnreadable(logger, file, failure.Message);
        }
    }

    /// <summary>The last run of a repository; null when there was none.</summary>
    public MaintenanceRun? this[RepositoryName name] => runs.GetValueOrDefault(name.Value);

    /// <summary>Takes note of a run.</summary>
    public void Add(RepositoryName name, MaintenanceRun run)
    {
        runs[name.Value] = run;
        try
        {
            Durable.ReplaceFile(file, JsonSerializer.SerializeToUtf8Bytes(
                new Dictionary<string, MaintenanceRun>(runs), HistoryJson.Default.DictionaryStringMaintenanceRun));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogUnreadable(logger, file, failure.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File}: the last runs of maintenance cannot be kept: {Reason}")]
    private static partial void LogUnreadable(ILogger logger, string file, string reason);
}

/// <summary>Source-generated JSON of the history.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(Dictionary<string, MaintenanceRun>))]
internal sealed partial class HistoryJson : JsonSerializerContext;
