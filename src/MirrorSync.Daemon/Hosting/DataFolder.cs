using System.Text.Json;
using MirrorSync.Daemon.Configuration;

namespace MirrorSync.Daemon.Hosting;

/// <summary>
/// This node's data folder, locked for as long as the object lives: no second daemon on the same data (flock(2), gone
/// with the process however it ends), and no daemon on the data of another node, fleet or role.
/// </summary>
internal sealed class DataFolder : IDisposable
{
    private readonly FileStream lockFile;

    private DataFolder(FileStream lockFile) => this.lockFile = lockFile;

    /// <summary>Creates the folder where it is missing, locks it and checks whose it is.</summary>
    /// <exception cref="StartupException">It is locked, another's, or cannot be written.</exception>
    public static DataFolder Open(MirrorSyncConfig config)
    {
        string path = config.Data.Path;
        FileStream? lockFile = null;
        try
        {
            Directory.CreateDirectory(config.Data.StateFolder);
            lockFile = Lock(path);
            Claim(config);
            var folder = new DataFolder(lockFile);
            lockFile = null;
            return folder;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StartupException($"Data:Path: '{path}' cannot be used: {e.Message}");
        }
        finally
        {
            lockFile?.Dispose();
        }
    }

    /// <summary>Lets another daemon use the folder.</summary>
    public void Dispose() => lockFile.Dispose();

    private static FileStream Lock(string path)
    {
        string file = Path.Combine(path, "lock");
        try
        {
            // FileShare.None is flock(LOCK_EX | LOCK_NB) here.
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (File.Exists(file))
        {
            throw new StartupException($"Data:Path: '{path}' is in use by another mirrorsync");
        }
    }

    private static void Claim(MirrorSyncConfig config)
    {
        var own = new DataOwner(config.Node.Name, config.Fleet.Id, config.Node.Role.ToString());
        string file = Path.Combine(config.Data.StateFolder, "node.json");
        if (!File.Exists(file))
        {
            SmallFiles.Replace(file, JsonSerializer.SerializeToUtf8Bytes(own, DaemonJson.Indented.DataOwner));
            return;
        }

        DataOwner? owner = Read(file)
            ?? throw new StartupException($"Data:Path: '{file}' does not tell whose data this is");
        if (owner != own)
        {
            throw new StartupException(
                $"Data:Path: '{config.Data.Path}' belongs to node {owner.Node}, fleet {owner.Fleet}, role {owner.Role}; "
                + $"this is node {own.Node}, fleet {own.Fleet}, role {own.Role}");
        }
    }

    private static DataOwner? Read(string file)
    {
        try
        {
            DataOwner? owner = JsonSerializer.Deserialize(File.ReadAllBytes(file), DaemonJson.Indented.DataOwner);
            return owner is { Node: not null, Fleet: not null, Role: not null } ? owner : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>Whose data a folder holds.</summary>
/// <param name="Node">The node's name.</param>
/// <param name="Fleet">Its fleet.</param>
/// <param name="Role">Its role.</param>
internal sealed record DataOwner(string Node, string Fleet, string Role);
