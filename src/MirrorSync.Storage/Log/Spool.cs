using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Log;

/// <summary>
/// The bodies that are too long to be inline: one file each, named by the 64 hex digits of its SHA-256. A file that is
/// there under its name is whole and durable: it is written under another name, synced, renamed, and the folder synced.
/// </summary>
/// <remarks>Safe for use by many threads at once. One process owns the folder.</remarks>
public sealed partial class Spool
{
    internal const int CopyLength = 128 << 10;
    private const string TemporaryPrefix = "incoming-";

    private readonly string folder;
    private readonly ILogger<Spool> logger;

    /// <summary>Opens the folder, making it if need be.</summary>
    /// <exception cref="IOException">The folder cannot be made.</exception>
    public Spool(string folder, ILogger<Spool> logger)
    {
        this.folder = Path.GetFullPath(folder);
        this.logger = logger;
        if (!Directory.Exists(this.folder))
        {
            Directory.CreateDirectory(this.folder);
            Durable.SyncFolder(Path.GetDirectoryName(this.folder) ?? "/", DiskPart.Spool);
        }
    }

    /// <summary>The folder; files in it whose name begins with "incoming-" are removed at the next start.</summary>
    public string Folder => folder;

    /// <summary>True when the body is here, with its length. <see cref="VerifyAsync"/> also reads it.</summary>
    public bool Contains(SpooledBody body)
    {
        FileInfo file = new(PathOf(body));
        return file.Exists && file.Length == body.Length;
    }

    /// <summary>Opens a body for reading from its first byte to its last.</summary>
    /// <exception cref="FileNotFoundException">The spool does not hold it, or not with its length; the message names it.</exception>
    public Stream OpenRead(SpooledBody body)
    {
        string path = PathOf(body);
        try
        {
            FileStream file = new(path, new FileStreamOptions
            {
                Access = FileAccess.Read,
                Share = FileShare.ReadWrite | FileShare.Delete,
                Options = FileOptions.Asynchronous | FileOptions.SequentialScan,
            });
            if (file.Length == body.Length)
            {
                return file;
            }

            file.Dispose();
        }
        catch (FileNotFoundException missing)
        {
            throw Missing(body, missing);
        }

        throw Missing(body, null);
    }

    /// <summary>
    /// Keeps a body; it is durable when this returns. A file that is there already is replaced, which heals a damaged one.
    /// </summary>
    /// <param name="source">The body's bytes, read to the end.</param>
    /// <param name="expected">What it must turn out to be; null when it is not known before.</param>
    /// <param name="cancellation">Stops and leaves nothing.</param>
    /// <exception cref="InvalidDataException">The source is not what was expected; nothing is kept.</exception>
    public async Task<SpooledBody> WriteAsync(Stream source, SpooledBody? expected, CancellationToken cancellation)
    {
        using SpoolFile file = Create();
        byte[] buffer = new byte[CopyLength];
        int read;
        while ((read = await source.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0)
        {
            if (expected is { } whole && file.Length + read > whole.Length)
            {
                throw new InvalidDataException($"the body {whole.Name} goes on beyond its {whole.Length} bytes");
            }

            await file.AppendAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
        }

        return file.Finish(expected);
    }

    /// <summary>Reads a body in full and compares its SHA-256 with its name.</summary>
    /// <exception cref="FileNotFoundException">The spool does not hold it.</exception>
    /// <exception cref="InvalidDataException">Its bytes are not those that its name says.</exception>
    public async Task VerifyAsync(SpooledBody body, CancellationToken cancellation)
    {
        Stream file = OpenRead(body);
        await using (file.ConfigureAwait(false))
        {
            byte[] hash = await System.Security.Cryptography.SHA256.HashDataAsync(file, cancellation).ConfigureAwait(false);
            if (Hash256.FromBytes(hash) != body.Name)
            {
                throw new InvalidDataException($"the spooled body {body.Name} is damaged: its bytes hash to {Convert.ToHexStringLower(hash)}");
            }
        }
    }

    /// <summary>Removes a body that no record names any more. One that is being read is read to its end.</summary>
    /// <exception cref="IOException">It cannot be removed.</exception>
    public void Remove(SpooledBody body) => Disk.Remove(DiskPart.Spool, PathOf(body));

    /// <summary>
    /// Removes what an earlier process left half written, and every body that no record names: when the log has been
    /// opened, before anything is written.
    /// </summary>
    /// <param name="named">The bodies that records name.</param>
    /// <exception cref="IOException">The folder cannot be read, or a file not removed.</exception>
    public void Clean(IEnumerable<SpooledBody> named)
    {
        HashSet<string> kept = [.. named.Select(static body => body.Name.ToString())];
        foreach (string file in Directory.EnumerateFiles(folder))
        {
            string name = Path.GetFileName(file);
            if (name.StartsWith(TemporaryPrefix, StringComparison.Ordinal) || (Hash256.TryParse(name, out _) && !kept.Contains(name)))
            {
                LogRemoved(logger, file);
                File.Delete(file);
            }
        }
    }

    /// <summary>Begins a file under a temporary name.</summary>
    internal SpoolFile Create() => new(folder, Path.Combine(folder, TemporaryPrefix + Guid.NewGuid().ToString("N")));

    private string PathOf(SpooledBody body) => Path.Combine(folder, body.Name.ToString());

    private static FileNotFoundException Missing(SpooledBody body, Exception? inner) =>
        new($"the spool does not hold the body {body.Name} of {body.Length} bytes", body.Name.ToString(), inner);

    [LoggerMessage(Level = LogLevel.Information, Message = "Removed {File}, which no record names")]
    private static partial void LogRemoved(ILogger logger, string file);
}
