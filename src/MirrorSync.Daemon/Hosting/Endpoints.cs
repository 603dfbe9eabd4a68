using System.Text.Json;
using MirrorSync.Daemon.Configuration;

namespace MirrorSync.Daemon.Hosting;

/// <summary>
/// Where a running daemon listens, ports resolved: written to <c>endpoints.json</c> in its data folder once it listens,
/// and removed when it stops, so that commands find a daemon whose ports were left to the system.
/// </summary>
/// <param name="Public">URL of the public listener.</param>
/// <param name="Replication">URL of the replication listener.</param>
/// <param name="Admin">URL of the admin listener.</param>
/// <param name="Git">host:port of the git:// listener; null without one.</param>
internal sealed record Endpoints(string Public, string Replication, string Admin, string? Git)
{
    /// <summary>Reads what a daemon wrote; null when there is none, or it makes no sense.</summary>
    public static Endpoints? Read(DataConfig data)
    {
        try
        {
            using FileStream file = File.OpenRead(data.EndpointsFile);
            return JsonSerializer.Deserialize(file, DaemonJson.Indented.Endpoints);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes the file, whole or not at all.</summary>
    public void Write(DataConfig data) =>
        SmallFiles.Replace(data.EndpointsFile, JsonSerializer.SerializeToUtf8Bytes(this, DaemonJson.Indented.Endpoints));

    /// <summary>Takes the file away.</summary>
    public static void Remove(DataConfig data) => File.Delete(data.EndpointsFile);
}
