using System.Text.Json;
using Microsoft.Extensions.Logging;
using MirrorSync.Storage.Files;
using MirrorSync.Storage.Log;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Replication.Mirror.Removal;

/// <summary>
/// Where a mirror keeps the repositories that were removed at the primary, until they are older than the retention. It is
/// a folder in the root, hidden from everything that looks for repositories: a rename does not cross file systems, and
/// nothing is ever copied. Any thread.
/// </summary>
/// <remarks>
/// <c>.mirrorsync-trash/EPOCH-SEQUENCE/entry.json</c> is written before the repository is renamed to
/// <c>repository.git</c> beside it, and removed before that is deleted: what has no entry is not in the trash, and an entry
/// without repository is none.
/// </remarks>
/// <param name="root">The repositories' root, absolute.</param>
/// <param name="retention">How long they are kept.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told what comes and goes.</param>
public sealed partial class RepositoryTrash(string root, TimeSpan retention, TimeProvider time, ILogger<RepositoryTrash> logger)
{
    private const string EntryFile = "entry.json";
    private const string RepositoryFolder = "repository.git";
    private static readonly TimeSpan PurgeInterval = TimeSpan.FromMinutes(10);

    private readonly string trash = Path.Combine(root, ".mirrorsync-trash");
    private readonly Lock gate = new();
    private readonly List<TrashEntry> entries = [];

    /// <summary>What is in it, oldest first.</summary>
    public IReadOnlyList<TrashEntry> Entries
    {
        get
        {
            lock (gate)
            {
                return [.. entries];
            }
        }
    }

    /// <summary>The folder of a repository in the trash.</summary>
    public string PathOf(TrashEntry entry) => Path.Combine(FolderOf(entry), RepositoryFolder);

    /// <summary>Takes up what an earlier process left, and removes what it left half done.</summary>
    public void Open()
    {
        if (!Directory.Exists(trash))
        {
            return;
        }

        foreach (string folder in Directory.EnumerateDirectories(trash))
        {
            string file = Path.Combine(folder, EntryFile);
            if (!File.Exists(file) || !Directory.Exists(Path.Combine(folder, RepositoryFolder)))
            {
                Delete(folder);
                continue;
            }

            try
            {
                TrashEntry? entry = JsonSerializer.Deserialize(File.ReadAllBytes(file), TrashJson.Default.TrashEntry);
                if (entry is null || FolderOf(entry) != folder)
                {
                    throw new JsonException("it is not the entry of its folder");
                }

                entries.Add(entry);
            }
            catch (JsonException damage)
            {
                // The repository may be the last of its kind: somebody has to look.
                LogDamaged(logger, file, damage.Message);
            }
        }

        entries.Sort(static (a, b) => a.RemovedAt.CompareTo(b.RemovedAt));
    }

    /// <summary>Removes what is older than the retention, every now and then, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(retention < PurgeInterval ? retention : PurgeInterval, time);
        do
        {
            Purge();
        }
        while (await timer.WaitForNextTickAsync(cancellation).ConfigureAwait(false));
    }

    /// <summary>
    /// Takes a repository out of its place. Nothing happens when it was taken before: there is none, or what is there
    /// now came after the record.
    /// </summary>
    /// <exception cref="IOException">It cannot be moved; it is where it was.</exception>
    internal void Take(Repository repository, LogRecord record, bool accepted)
    {
        if (!Directory.Exists(repository.Path) || Entries.Any(e => e.Epoch == record.Epoch && e.Sequence == record.Sequence))
        {
            return;
        }

        TrashEntry entry = TrashEntry.Of(repository, record, time.GetUtcNow(), SizeOf(repository.Path), accepted);
        string folder = FolderOf(entry);
        Directory.CreateDirectory(folder);
        Durable.ReplaceFile(Path.Combine(folder, EntryFile), JsonSerializer.SerializeToUtf8Bytes(entry, TrashJson.Default.TrashEntry));
        RepositoryFolders.Move(repository.Path, PathOf(entry), root);
        lock (gate)
        {
            entries.Add(entry);
        }

        LogTaken(logger, repository.Name, folder);
    }

    /// <summary>Moves the youngest repository of a name to a folder outside the root.</summary>
    /// <param name="name">The name that it had.</param>
    /// <param name="to">An absolute folder that is not there yet, on the file system of the root.</param>
    /// <returns>Its entry, which is no longer in the trash; null when there is none of that name.</returns>
    /// <exception cref="IOException">It cannot be put there; the message says why.</exception>
    public TrashEntry? Restore(RepositoryName name, string to)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(to));
        if (target == root || target.StartsWith(root + "/", StringComparison.Ordinal))
        {
            throw new IOException($"{target} is in the repositories' root, which holds what the primary has and nothing else");
        }

        if (Path.Exists(target) || !Directory.Exists(Path.GetDirectoryName(target)))
        {
            throw new IOException($"{target} is there already, or the folder that it is to be in is not");
        }

        TrashEntry? entry;
        lock (gate)
        {
            entry = entries.FindLast(e => e.Name == name.Value);
            if (entry is null)
            {
                return null;
            }

            try
            {
                Folders.Move(PathOf(entry), target);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                throw new IOException($"{PathOf(entry)} cannot be moved to {target}, so copy it: {failure.Message}", failure);
            }

            entries.Remove(entry);
        }

        Delete(FolderOf(entry));
        LogRestored(logger, name, target);
        return entry;
    }

    /// <summary>Deletes for good: all repositories of a name, or everything.</summary>
    /// <returns>What was deleted.</returns>
    public IReadOnlyList<TrashEntry> Empty(RepositoryName? name) => Remove(e => name is null || e.Name == name.Value.Value);

    private void Purge()
    {
        DateTimeOffset until = time.GetUtcNow() - retention;
        Remove(e => e.RemovedAt <= until);
    }

    private List<TrashEntry> Remove(Predicate<TrashEntry> which)
    {
        List<TrashEntry> removed;
        lock (gate)
        {
            removed = entries.FindAll(e => which(e) && TryForget(e));
            entries.RemoveAll(removed.Contains);
        }

        // Whole repositories: nobody waits for that.
        foreach (TrashEntry entry in removed)
        {
            Delete(FolderOf(entry));
            LogDeleted(logger, entry.Name, entry.RemovedAt);
        }

        return removed;
    }

    /// <summary>False when the entry stays, for the disk will not let it go.</summary>
    private bool TryForget(TrashEntry entry)
    {
        try
        {
            File.Delete(Path.Combine(FolderOf(entry), EntryFile));
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogLeftOver(logger, FolderOf(entry), failure.Message);
            return false;
        }
    }

    private string FolderOf(TrashEntry entry) => Path.Combine(trash, $"{entry.Epoch}-{entry.Sequence}");

    private void Delete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // It is tried again at the next start; until then it costs room, nothing else.
            LogLeftOver(logger, folder, failure.Message);
        }
    }

    private static long SizeOf(string path) =>
        new DirectoryInfo(path).EnumerateFiles("*", SearchOption.AllDirectories).Sum(static f => f.Length);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: removed at the primary, kept in {Folder}")]
    private static partial void LogTaken(ILogger logger, RepositoryName repository, string folder);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}: out of the trash, in {Folder}")]
    private static partial void LogRestored(ILogger logger, RepositoryName repository, string folder);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Repository}, removed {RemovedAt}, is deleted from the trash")]
    private static partial void LogDeleted(ILogger logger, string repository, DateTimeOffset removedAt);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} is damaged, so the repository beside it is kept until somebody has looked: {Reason}")]
    private static partial void LogDamaged(ILogger logger, string file, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Folder} in the trash could not be deleted: {Reason}")]
    private static partial void LogLeftOver(ILogger logger, string folder, string reason);
}
