using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using MirrorSync.Storage.Files;

namespace MirrorSync.Storage.Log;

/// <summary>What came of a body is not what its name says, and was thrown away.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="resumedAt">How many of the bytes came in an earlier try.</param>
public sealed class DamagedPartException(string message, long resumedAt) : Exception(message)
{
    /// <summary>How many of the bytes came in an earlier try; with none, the source is at fault.</summary>
    public long ResumedAt => resumedAt;
}

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

    /// <summary>Opens a body for reading at any offset; null when the spool does not hold it, or not with its length. The caller's to close.</summary>
    /// <exception cref="IOException">It cannot be opened.</exception>
    public SafeFileHandle? TryOpenHandle(SpooledBody body)
    {
        if (!Contains(body))
        {
            return null;
        }

        try
        {
            return File.OpenHandle(PathOf(body), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
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
        await CopyAsync(source, file, expected, cancellation).ConfigureAwait(false);
        return file.Finish(expected);
    }

    /// <summary>
    /// Receives a body whose name is known, and keeps what has come when the source fails: the next call goes on from there,
    /// also after a restart. The body is durable when this returns.
    /// </summary>
    /// <param name="body">The body.</param>
    /// <param name="from">Opens the source at an offset.</param>
    /// <param name="cancellation">Stops; what has come is kept.</param>
    /// <returns>At which offset the source was opened.</returns>
    /// <exception cref="DamagedPartException">The bytes are not the body's; none are kept.</exception>
    /// <exception cref="IOException">The source or the disk failed; what has come is kept.</exception>
    public async Task<long> ReceiveAsync(SpooledBody body, Func<long, Stream> from, CancellationToken cancellation)
    {
        using SpoolFile file = await SpoolFile.ResumeAsync(folder, PartOf(body), cancellation).ConfigureAwait(false);
        long offset = file.Length;
        try
        {
            if (offset < body.Length)
            {
                Stream source = from(offset);
                await using (source.ConfigureAwait(false))
                {
                    await CopyAsync(source, file, body, cancellation).ConfigureAwait(false);
                }
            }

            // A sync that fails is never tried again: then none of it is kept.
            file.Keep = false;
            file.Finish(body);
            return offset;
        }
        catch (InvalidDataException damage)
        {
            file.Keep = false;
            throw new DamagedPartException(damage.Message, offset);
        }
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

    /// <summary>Removes a body that no record names any more, or the part of it that is here. One that is being read is read to its end.</summary>
    /// <exception cref="IOException">It cannot be removed.</exception>
    public void Remove(SpooledBody body)
    {
        Disk.Remove(DiskPart.Spool, PathOf(body));
        Disk.Remove(DiskPart.Spool, PartOf(body));
    }

    /// <summary>
    /// Removes what an earlier process left half written, but for parts of bodies that are still wanted, and every body that
    /// no record names: when the log has been opened, before anything is written.
    /// </summary>
    /// <param name="named">The bodies that records name.</param>
    /// <exception cref="IOException">The folder cannot be read, or a file not removed.</exception>
    public void Clean(IEnumerable<SpooledBody> named)
    {
        HashSet<string> kept = [.. named.Select(static body => body.Name.ToString())];
        foreach (string file in Directory.EnumerateFiles(folder))
        {
            string name = Path.GetFileName(file);
            bool part = name.StartsWith(TemporaryPrefix, StringComparison.Ordinal);
            string body = part ? name[TemporaryPrefix.Length..] : name;
            if ((part || Hash256.TryParse(body, out _)) && !kept.Contains(body))
            {
                LogRemoved(logger, file);
                File.Delete(file);
            }
        }
    }

    /// <summary>Begins a file under a temporary name.</summary>
    internal SpoolFile Create() => new(folder, Path.Combine(folder, TemporaryPrefix + Guid.NewGuid().ToString("N")));

    private string PathOf(SpooledBody body) => Path.Combine(folder, body.Name.ToString());

    private string PartOf(SpooledBody body) => Path.Combine(folder, TemporaryPrefix + body.Name);

    private static async Task CopyAsync(Stream source, SpoolFile file, SpooledBody? expected, CancellationToken cancellation)
    {
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
    }

    private static FileNotFoundException Missing(SpooledBody body, Exception? inner) =>
        new($"the spool does not hold the body {body.Name} of {body.Length} bytes", body.Name.ToString(), inner);

    [LoggerMessage(Level = LogLevel.Information, Message = "Removed {File}, which no record names")]
    private static partial void LogRemoved(ILogger logger, string file);
}
